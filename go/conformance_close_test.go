package batchline

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var background = context.Background()

func TestC01_ABlockedPutReturnsItsItemWhenCloseBegins(t *testing.T) {
	for range 200 {
		hold := newStuck()
		b := New(1, NoTimeout, hold.handle, false, WithQueueItemsMax(1))
		ok(t, b.Put(number(0)))
		errs := make(chan error, 4)
		for n := range 4 {
			go func() { errs <- b.Put(number(n)) }()
		}
		eventually(t, "waiting", func() bool {
			b.engine.mu.Lock()
			defer b.engine.mu.Unlock()
			return len(b.engine.room) > 0
		})
		closed := make(chan Receipt[int])
		go func() { closed <- b.Close() }()
		within(t, func() {
			for range 4 {
				if err := <-errs; !errors.Is(err, ErrClosed) {
					t.Errorf("a blocked put ended with %v", err)
				}
			}
			close(hold.release)
			if r := <-closed; r.Accepted != 1 || r.Done != 1 || !r.IsBalanced() {
				t.Errorf("receipt %+v", r)
			}
		})
	}
}

func TestC02_CloseReturnsOnlyWhenNoHandlerRuns(t *testing.T) {
	var running atomic.Int32
	b := New(1, 0, func([]*int) {
		running.Add(1)
		time.Sleep(20 * time.Millisecond)
		running.Add(-1)
	}, true, WithMaxConcurrent(4))
	for _, item := range numbers(8) {
		ok(t, b.Put(item))
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Add(1)
		go func() {
			defer closers.Done()
			if r := b.Close(); r.Done != 8 || running.Load() != 0 {
				t.Errorf("%d handlers run after close: %+v", running.Load(), r)
			}
		}()
	}
	within(t, closers.Wait)
}

func TestC03_CallsAfterCloseFailAtOnce(t *testing.T) {
	b := New(10, NoTimeout, func([]*int) {}, false)
	b.Close()
	_, batchErr := b.PutBatch(numbers(3))
	for _, err := range []error{
		b.Put(number(1)), b.TryPut(number(1)), b.PutCtx(background, number(1)), b.Flush(background), b.Trigger(),
		b.Submit(background, number(1)), batchErr,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	}
	balanced(t, &b.core)
}

func TestC03_CallsFromInsideAHandlerDoNotDeadlock(t *testing.T) {
	var b *Batcher[int]
	var flushErr, putErr, fullErr, closeErr error
	var once sync.Once
	tried, made := make(chan struct{}), make(chan struct{})
	b = New(1, NoTimeout, func([]*int) {
		once.Do(func() {
			<-made
			defer close(tried)
			flushErr, putErr = b.Flush(background), b.Put(number(2))
			for fullErr == nil {
				fullErr = b.Put(number(3))
			}
			_, closeErr = b.CloseContext(background)
		})
	}, false, WithQueueItemsMax(3))
	ok(t, b.Put(number(1)))
	close(made)
	within(t, func() { <-tried })
	ok(t, putErr)
	if !errors.Is(flushErr, ErrInHandler) || !errors.Is(fullErr, ErrReentrant) || !errors.Is(closeErr, ErrInHandler) {
		t.Errorf("flush: %v, full: %v, close: %v", flushErr, fullErr, closeErr)
	}
	if receipt := balanced(t, &b.core); receipt.Done != 3 {
		t.Errorf("%+v", receipt)
	}
}

func TestC04_CloseContextHandsBackWhatAStuckHandlerKeepsFromBeingHandled(t *testing.T) {
	hold := newStuck()
	b := New(2, NoTimeout, hold.handle, false)
	items := numbers(7)
	for _, item := range items {
		ok(t, b.Put(item))
	}
	<-hold.entered
	submitted := make(chan error, 1)
	go func() { submitted <- b.Submit(background, number(7)) }()
	eventually(t, "the submit", func() bool { return b.Stats().Accepted == 8 })
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	begun := time.Now()
	receipt, err := b.CloseContext(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
		t.Fatalf("%v after %v", err, time.Since(begun))
	}
	if !receipt.TimedOut || !receipt.IsBalanced() || receipt.HandedBack != 6 || receipt.StillRunning != 2 {
		t.Fatalf("receipt %+v", receipt)
	}
	for i, item := range receipt.Items[:5] {
		if item != items[i+2] {
			t.Fatalf("item %d handed back is %d", i, *item)
		}
	}
	if err := <-submitted; !errors.Is(err, ErrHandedBack) {
		t.Fatalf("the submitter got %v", err)
	}
	close(hold.release)
	if last := balanced(t, &b.core); last.Done != 2 || last.HandedBack != 6 || len(last.Items) != 0 {
		t.Fatalf("receipt %+v", last)
	}
}

func TestC05_FlushOverridesTheLingerAndIsABarrier(t *testing.T) {
	var r recorder
	b := New(1000, time.Hour, r.handle, true)
	for round := 1; round <= 50; round++ {
		for _, item := range numbers(7) {
			ok(t, b.Put(item))
		}
		within(t, func() { ok(t, b.Flush(background)) })
		if r.count() != 7*round {
			t.Fatalf("%d of %d items are handled after the flush", r.count(), 7*round)
		}
	}
	balanced(t, &b.core)
}

func TestC05_ItemsPutDuringAFlushDoNotProlongIt(t *testing.T) {
	b := New(10, time.Hour, func([]*int) { time.Sleep(time.Millisecond) }, false)
	stop := make(chan struct{})
	var putters sync.WaitGroup
	for range 4 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for {
				select {
				case <-stop:
					return
				default:
					_ = b.Put(number(1))
				}
			}
		}()
	}
	within(t, func() {
		for range 3 {
			ok(t, b.Flush(background))
		}
	})
	close(stop)
	putters.Wait()
	balanced(t, &b.core)
}

func TestC06_ALostBatcherHandlesWhatItHolds(t *testing.T) {
	var r recorder
	func() {
		b := New(1000, NoTimeout, r.handle, false)
		for _, item := range numbers(5) {
			ok(t, b.Put(item))
		}
	}()
	eventually(t, "handling", func() bool {
		runtime.GC()
		return r.count() == 5
	})
}

func TestC06_ItemsSurviveCollections(t *testing.T) {
	var r recorder
	b := New(100_000, NoTimeout, r.handle, false)
	for n := range 5000 {
		ok(t, b.Put(number(n)))
		if n%500 == 0 {
			runtime.GC()
			runtime.GC()
		}
	}
	balanced(t, &b.core)
	if r.count() != 5000 {
		t.Fatalf("%d items", r.count())
	}
}

func TestC07_ACloseUnderSustainedTrafficEnds(t *testing.T) {
	var r recorder
	b := New(64, time.Millisecond, r.handle, true, WithSpread())
	var accepted atomic.Int64
	var putters sync.WaitGroup
	for range 8 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for n := 0; ; n++ {
				if err := b.Put(number(n)); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				accepted.Add(1)
			}
		}()
	}
	time.Sleep(20 * time.Millisecond)
	receipt := balanced(t, &b.core)
	within(t, putters.Wait)
	if int64(receipt.Done) != accepted.Load() || r.count() != int(accepted.Load()) {
		t.Fatalf("%d accepted, %d handled, %+v", accepted.Load(), r.count(), receipt)
	}
}

//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestC01_ABlockedPutReturnsItsItemWhenCloseBegins(t *testing.T) {
	for range 200 {
		hold := newStuck()
		b := newBytes(t, 1, NoTimeout, hold.handle, WithQueueItemsMax(1))
		ok(t, b.Put([]byte("first")))
		errs := make(chan error, 4)
		for range 4 {
			go func() { errs <- b.Put([]byte("more")) }()
		}
		eventually(t, "waiting", func() bool { return waiting(b.engine) > 0 })
		closed := make(chan Receipt[[]byte])
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

func TestC01_APutThatRacesACloseIsRefusedOrDelivered(t *testing.T) {
	for range 200 {
		var r recorder
		b := newBytes(t, 100, time.Hour, r.handle)
		var accepted atomic.Int64
		var putters sync.WaitGroup
		for range 4 {
			putters.Add(1)
			go func() {
				defer putters.Done()
				for n := 0; ; n++ {
					if err := b.Put([]byte("item")); err == nil {
						accepted.Add(1)
					} else if errors.Is(err, ErrClosed) {
						return
					} else {
						t.Error(err)
						return
					}
				}
			}()
		}
		eventually(t, "traffic", func() bool { return accepted.Load() > 50 })
		balanced(t, b)
		within(t, putters.Wait)
		if r.count() != int(accepted.Load()) {
			t.Fatalf("%d were accepted, %d delivered", accepted.Load(), r.count())
		}
	}
}

func TestC02_CloseReturnsOnlyWhenNoHandlerRuns(t *testing.T) {
	var running atomic.Int32
	b := newBytes(t, 1, 0, func([][]byte) {
		running.Add(1)
		time.Sleep(20 * time.Millisecond)
		running.Add(-1)
	}, WithMaxConcurrent(4))
	for range 8 {
		ok(t, b.Put([]byte("item")))
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Add(1)
		go func() {
			defer closers.Done()
			if r := b.Close(); r.Done != 8 || running.Load() != 0 {
				t.Errorf("close returned with %d running, receipt %+v", running.Load(), r)
			}
		}()
	}
	within(t, closers.Wait)
}

func TestC03_CallsAfterCloseFailAtOnce(t *testing.T) {
	b := newBytes(t, 10, time.Hour, func([][]byte) {})
	b.Close()
	_, errMany := b.PutBatch([][]byte{[]byte("x")})
	calls := []error{
		b.Put([]byte("x")), b.TryPut([]byte("x")), b.PutCtx(background, []byte("x")), errMany,
		b.Trigger(), b.Flush(background),
	}
	for i, err := range calls {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if s := b.Stats(); s.Refused != 4 || !s.IsBalanced() {
		t.Errorf("stats after the close: %+v", s)
	}
}

func TestC03_CallsFromInsideAHandlerDoNotDeadlock(t *testing.T) {
	var b *Bytes
	errs := make(chan error, 10)
	var once sync.Once
	b = newBytes(t, 1, 0, func([][]byte) {
		once.Do(func() {
			errs <- b.Flush(background)
			errs <- b.Put([]byte("second"))
			errs <- b.Put([]byte("third"))
			errs <- b.Put([]byte("fourth"))
			_, err := b.CloseContext(background)
			errs <- err
		})
	}, WithQueueItemsMax(3))
	ok(t, b.Put([]byte("first")))
	within(t, func() {
		for i, want := range []error{ErrInHandler, nil, nil, ErrReentrant, ErrInHandler} {
			if err := <-errs; !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("call %d: %v, not %v", i, err, want)
			}
		}
	})
	if r := balanced(t, b); r.Done != 3 {
		t.Errorf("receipt %+v", r)
	}
}

func TestC04_CloseContextHandsBackWhatAStuckHandlerKeepsFromBeingHandled(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 2, time.Hour, hold.handle)
	for n := range 7 {
		ok(t, b.Put([]byte(strconv.Itoa(n))))
	}
	<-hold.entered
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	before := time.Now()
	receipt, err := b.CloseContext(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !receipt.TimedOut || time.Since(before) > testPatience/2 {
		t.Fatalf("%v after %v, %+v", err, time.Since(before), receipt)
	}
	if receipt.StillRunning != 2 || receipt.HandedBack != 5 || !receipt.IsBalanced() {
		t.Errorf("%+v", receipt)
	}
	if got := fmt.Sprintf("%s", receipt.Items); got != "[2 3 4 5 6]" {
		t.Errorf("handed back: %s", got)
	}
	brief, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	if r, err := b.CloseContext(brief); !errors.Is(err, context.DeadlineExceeded) || r.StillRunning != 2 {
		t.Errorf("a second close: %v, %+v", err, r)
	}
	close(hold.release)
	if r := balanced(t, b); r.StillRunning != 0 || r.Done != 2 || len(r.Items) != 0 {
		t.Errorf("a third close: %+v", r)
	}
	eventually(t, "the end of the handler", func() bool { return ourGoroutines() == 0 })
	if s := b.Stats(); !s.IsBalanced() || s.HandedBack != 5 {
		t.Errorf("%+v", s)
	}
}

func TestC04_ACancelledContextCutsTheDrainToo(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 1, time.Hour, hold.handle)
	for range 3 {
		ok(t, b.Put([]byte("item")))
	}
	<-hold.entered
	ctx, cancel := context.WithCancel(background)
	time.AfterFunc(20*time.Millisecond, cancel)
	within(t, func() {
		if r, err := b.CloseContext(ctx); !errors.Is(err, context.Canceled) || r.HandedBack != 2 || !r.IsBalanced() {
			t.Errorf("%v, %+v", err, r)
		}
	})
	close(hold.release)
	eventually(t, "the end of the handler", func() bool { return ourGoroutines() == 0 })
}

func TestC05_FlushOverridesTheLingerAndIsABarrier(t *testing.T) {
	var r recorder
	b := newBytes(t, 1000, time.Hour, r.handle)
	for n := range 2500 {
		ok(t, b.Put([]byte(strconv.Itoa(n))))
	}
	within(t, func() { ok(t, b.Flush(background)) })
	if r.count() != 2500 {
		t.Fatalf("%d items had their outcome when the flush returned", r.count())
	}
	balanced(t, b)
}

func TestC05_AFlushEndsUnderTrafficAndWithItsContext(t *testing.T) {
	release := make(chan struct{})
	b := newBytes(t, 10, time.Hour, func([][]byte) { <-release })
	ok(t, b.Put([]byte("item")))
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	within(t, func() {
		if err := b.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
	})
	close(release)
	stop := make(chan struct{})
	var putter sync.WaitGroup
	putter.Add(1)
	go func() {
		defer putter.Done()
		for {
			select {
			case <-stop:
				return
			default:
				_ = b.Put([]byte("item"))
			}
		}
	}()
	within(t, func() {
		for range 20 {
			ok(t, b.Flush(background))
		}
	})
	close(stop)
	putter.Wait()
	balanced(t, b)
}

func TestC06_ALostBatcherHandlesWhatItHolds(t *testing.T) {
	var r recorder
	func() {
		b := newBytes(t, 100, time.Hour, r.handle)
		for range 10 {
			ok(t, b.Put([]byte("item")))
		}
	}()
	eventually(t, "the collection", func() bool {
		runtime.GC()
		return r.count() == 10 && ourGoroutines() == 0
	})
}

func TestC07_ACloseUnderSustainedTrafficEnds(t *testing.T) {
	b := newBytes(t, 100, time.Millisecond, func([][]byte) {})
	var putters sync.WaitGroup
	for range 8 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for b.Put([]byte("item")) == nil {
			}
		}()
	}
	time.Sleep(20 * time.Millisecond)
	balanced(t, b)
	within(t, putters.Wait)
}

package batchline

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// timed makes a batcher on a virtual clock that tells each batch on a channel.
func timed(size int, linger time.Duration, opts ...Option) (*Batcher[int], *VirtualClock, chan int) {
	clock, batches := NewVirtualClock(), make(chan int, 1000)
	b := New(size, linger, func(batch []*int) { batches <- len(batch) }, false, append(opts, WithClock(clock))...)
	return b, clock, batches
}

// quietNow fails the test if anything was sealed.
func quietNow(t *testing.T, b *Batcher[int], batches uint64) {
	t.Helper()
	if s := b.Stats(); s.Batches != batches {
		t.Fatalf("%d batches are sealed, %d are due: %+v", s.Batches, batches, s)
	}
}

func TestP4_TheLingerCountsFromTheFirstItem(t *testing.T) {
	b, clock, batches := timed(10, time.Second)
	ok(t, b.Put(number(1)))
	clock.Advance(time.Second - 1)
	ok(t, b.Put(number(2)))
	quietNow(t, b, 0)
	clock.Advance(1)
	if n := <-batches; n != 2 {
		t.Fatalf("a batch of %d", n)
	}
	balanced(t, &b.core)
	if s := b.Stats(); s.BatchesByReason[SealLinger] != 1 || s.LingerWait != time.Second {
		t.Fatalf("%+v", s)
	}
}

func TestC30_AShortLingerPullsTheSealForward(t *testing.T) {
	b, clock, batches := timed(10, 400*time.Millisecond)
	ok(t, b.Put(number(1)))
	clock.Advance(100 * time.Millisecond)
	ok(t, b.PutWith(background, number(2), ItemOptions{Linger: time.Millisecond}))
	clock.Advance(time.Millisecond - 1)
	quietNow(t, b, 0)
	clock.Advance(1)
	if n := <-batches; n != 2 {
		t.Fatalf("a batch of %d", n)
	}
	ok(t, b.PutWith(background, number(3), ItemOptions{Deadline: 10 * time.Millisecond}))
	clock.Advance(5 * time.Millisecond)
	if n := <-batches; n != 1 {
		t.Fatalf("a batch of %d", n)
	}
	balanced(t, &b.core)
}

func TestC30_OnTheSystemClock(t *testing.T) {
	handled := make(chan time.Time, 1)
	b := New(10, time.Minute, func([]*int) { handled <- time.Now() }, false)
	ok(t, b.Put(number(1)))
	begun := time.Now()
	ok(t, b.PutWith(background, number(2), ItemOptions{Linger: time.Millisecond}))
	if waited := (<-handled).Sub(begun); waited < time.Millisecond || waited > 5*time.Second {
		t.Fatalf("handled after %v", waited)
	}
	balanced(t, &b.core)
}

func TestC31_ChangingTickOrLingerTakesEffectAndTheOldTimerIsGone(t *testing.T) {
	b, clock, batches := timed(10, NoTimeout, WithTickInterval(time.Second))
	clock.Advance(300 * time.Millisecond)
	ok(t, b.Put(number(1)))
	clock.Advance(700 * time.Millisecond)
	<-batches
	ok(t, b.Put(number(2)))
	ok(t, b.SetTickInterval(100*time.Millisecond))
	clock.Advance(100 * time.Millisecond)
	<-batches
	ok(t, b.Put(number(3)))
	ok(t, b.SetTickInterval(0))
	if clock.Timers() != 0 {
		t.Fatalf("%d timers are armed", clock.Timers())
	}
	clock.Advance(time.Hour)
	quietNow(t, b, 2)
	ok(t, b.SetTimeout(time.Hour))
	clock.Advance(0)
	<-batches
	ok(t, b.Put(number(4)))
	ok(t, b.SetTimeout(time.Second))
	clock.Advance(time.Second)
	<-batches
	if receipt := balanced(t, &b.core); receipt.Done != 4 {
		t.Fatalf("%+v", receipt)
	}
	if s := b.Stats(); s.BatchesByReason[SealTick] != 2 || s.BatchesByReason[SealLinger] != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestC32_ALateTimerNeverSealsAYoungerBatchEarly(t *testing.T) {
	b, clock, batches := timed(2, time.Second)
	ok(t, b.Put(number(1)))
	clock.Advance(900 * time.Millisecond)
	ok(t, b.Put(number(2)))
	<-batches
	ok(t, b.Put(number(3)))
	clock.Advance(100 * time.Millisecond)
	// The timer of the first batch, as if it had fired before it was stopped.
	b.engine.onTimer()
	quietNow(t, b, 1)
	clock.Advance(900*time.Millisecond - 1)
	quietNow(t, b, 1)
	clock.Advance(1)
	if n := <-batches; n != 1 {
		t.Fatalf("a batch of %d", n)
	}
	balanced(t, &b.core)
}

func TestC33_NoTimerIsArmedAndNoGoroutineRunsWhenNothingWaits(t *testing.T) {
	b, clock, batches := timed(2, time.Second, WithTickInterval(10*time.Millisecond))
	if clock.Timers() != 0 {
		t.Fatal("a timer is armed before the first put")
	}
	ok(t, b.Put(number(1)))
	if clock.Timers() != 1 {
		t.Fatalf("%d timers are armed for one item", clock.Timers())
	}
	ok(t, b.Put(number(2)))
	<-batches
	if clock.Timers() != 0 {
		t.Fatal("a timer is armed after the seal")
	}
	ok(t, b.Flush(background))
	eventually(t, "the end of the worker", func() bool {
		b.engine.mu.Lock()
		defer b.engine.mu.Unlock()
		return b.engine.running == 0
	})
	before := b.Stats()
	clock.Advance(time.Second)
	if after := b.Stats(); after != before {
		t.Fatalf("something happened in a second of silence: %+v", after)
	}
	balanced(t, &b.core)
}

func TestC34_ALoneItemInDrainModeWaitsForNoTimer(t *testing.T) {
	b, clock, batches := timed(1000, time.Hour, WithDrainMode())
	for range 100 {
		ok(t, b.Put(number(1)))
		within(t, func() { <-batches })
	}
	if clock.Timers() != 0 {
		t.Fatal("a timer is armed")
	}
	balanced(t, &b.core)
}

func TestDrainModeTakesWhatGatheredWhileTheHandlerRan(t *testing.T) {
	hold := newStuck()
	b := New(1000, NoTimeout, hold.handle, false)
	b.SetDrainMode(true)
	ok(t, b.Put(number(0)))
	<-hold.entered
	for _, item := range numbers(10) {
		ok(t, b.Put(item))
	}
	hold.release <- struct{}{}
	if n := <-hold.entered; n != 10 {
		t.Fatalf("a batch of %d", n)
	}
	close(hold.release)
	balanced(t, &b.core)
}

func TestC35_SustainedTrafficStarvesNobody(t *testing.T) {
	var r recorder
	b := New(100, time.Hour, r.handle, false)
	var stop atomic.Bool
	var putters sync.WaitGroup
	for range 4 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for !stop.Load() {
				ok(t, b.Put(number(1)))
			}
		}()
	}
	within(t, func() {
		for range 5 {
			ok(t, b.Submit(background, number(2)))
			ok(t, b.PutWith(background, number(3), ItemOptions{Linger: time.Millisecond}))
			ok(t, b.Flush(background))
		}
	})
	stop.Store(true)
	putters.Wait()
	balanced(t, &b.core)
}

// Random programs on a virtual clock: no item waits longer than its linger, and no batch is sealed without a reason.
func TestP4_LingerIsKeptInRandomPrograms(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		clock := NewVirtualClock()
		var late atomic.Int64
		type stamped struct{ due time.Duration }
		b := New(1+random.IntN(8), 100, func(batch []*stamped) {}, false, WithClock(clock))
		var waiting []*stamped
		for range 100 {
			linger := time.Duration(1 + random.IntN(150))
			item := &stamped{clock.Now() + min(linger, 100)}
			ok(t, b.PutWith(background, item, ItemOptions{Linger: linger}))
			waiting = append(waiting, item)
			clock.Advance(time.Duration(random.IntN(60)))
			sealed := int(b.Stats().Accepted) - b.engine.openItemsLocked()
			for _, item := range waiting[sealed:] {
				if item.due < clock.Now() {
					late.Add(1)
				}
			}
		}
		if late.Load() > 0 {
			t.Fatalf("seed %d: %d items waited too long", seed, late.Load())
		}
		balanced(t, &b.core)
	}
}

func (e *engine[T, R]) openItemsLocked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.openItems()
}

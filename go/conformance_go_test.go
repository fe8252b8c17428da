package batchline

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestC44_C72_NothingIsLeftAfterClose(t *testing.T) {
	eventually(t, "the end of other tests' goroutines", func() bool { return ourGoroutines() == 0 })
	for range 20 {
		clock := NewVirtualClock()
		b := NewWithDeduplication(100, time.Second, func([]*int) {}, true, WithClock(clock), WithTickInterval(time.Second))
		for _, item := range numbers(250) {
			ok(t, b.Put(item))
		}
		balanced(t, &b.core)
		if clock.Timers() != 0 {
			t.Fatal("a timer is left")
		}
		if s, _ := b.WindowStats(); s.Keys != 0 {
			t.Fatalf("the window still remembers %d keys", s.Keys)
		}
	}
	eventually(t, "the end of all goroutines", func() bool { return ourGoroutines() == 0 })
}

func TestC72_APanickingHandlerDoesNotKillTheProcess(t *testing.T) {
	var reports []FailureReport
	var mu sync.Mutex
	b := New(2, NoTimeout, func(batch []*int) {
		if *batch[0]%4 == 0 {
			panic(errBad)
		}
	}, false, WithFailureHook(func(r FailureReport) {
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, r)
	}))
	for _, item := range numbers(20) {
		ok(t, b.Put(item))
	}
	receipt := balanced(t, &b.core)
	if receipt.Failed != 10 || receipt.Done != 10 || b.Stats().Panics != 5 || len(reports) != 5 {
		t.Fatalf("%+v, %d reports", receipt, len(reports))
	}
	var panicked *PanicError
	if !errors.As(reports[0].Err, &panicked) || !errors.Is(reports[0].Err, errBad) || len(panicked.Stack) == 0 {
		t.Fatalf("%+v", reports[0])
	}
}

func TestC72_AHandlerThatEndsItsGoroutineFailsItsBatchOnly(t *testing.T) {
	for _, overflow := range []Overflow{Block, RunInCaller} {
		b := New(1, NoTimeout, func(batch []*int) {
			if *batch[0]%2 == 0 {
				runtime.Goexit()
			}
		}, false, silent(), WithQueueItemsMax(4), WithOverflow(overflow))
		var all sync.WaitGroup
		for _, item := range numbers(40) {
			all.Add(1)
			go func() {
				defer all.Done()
				_ = b.Put(item)
			}()
		}
		within(t, all.Wait)
		receipt := balanced(t, &b.core)
		if receipt.Failed != b.Stats().Panics || receipt.Failed+receipt.Done != receipt.Accepted || receipt.Failed == 0 {
			t.Fatalf("%+v", receipt)
		}
	}
}

func TestP1_TheLedgerAddsUpWhileItemsMove(t *testing.T) {
	b := New(50, time.Millisecond, func([]*int) {}, true, WithQueueItemsMax(200), WithSpread())
	var putters sync.WaitGroup
	for range 4 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for n := range 20_000 {
				ok(t, b.Put(number(n)))
			}
		}()
	}
	for range 200 {
		if s := b.Stats(); !s.IsBalanced() || s.Live > 200 {
			t.Fatalf("%+v", s)
		}
		runtime.Gosched()
	}
	within(t, putters.Wait)
	if receipt := balanced(t, &b.core); receipt.Done != 80_000 {
		t.Fatalf("%+v", receipt)
	}
}

func TestP3_SteadyPutsAllocateNothing(t *testing.T) {
	b := NewWithPool(100, NoTimeout, func([]*int) {}, false)
	item := number(1)
	round := func() {
		for range 10_000 {
			ok(t, b.Put(item))
		}
		ok(t, b.Flush(background))
	}
	for range 5 {
		round()
	}
	// 100 batches: what is left is the wait of the flush, and the start of workers.
	if allocs := testing.AllocsPerRun(20, round); allocs > 100 {
		t.Fatalf("%v allocations per 10000 puts", allocs)
	}
	balanced(t, &b.core)
}

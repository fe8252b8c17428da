package batchline

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchline/batchline/go/internal/goroutine"
)

func TestC20_TheBoundCountsItems(t *testing.T) {
	// The same pointer ten million times: it is the bound that is tested, not memory.
	items := make([]*int, 10_000_000)
	item := number(1)
	for i := range items {
		items[i] = item
	}
	hold := newStuck()
	b := New(100, NoTimeout, hold.handle, false, WithQueueItemsMax(1000), WithOverflow(Fail))
	if n, err := b.PutBatch(items); n != 1000 || !errors.Is(err, ErrFull) {
		t.Fatalf("%d, %v", n, err)
	}
	if s := b.Stats(); s.Accepted != 1000 || s.Live != 1000 || s.Refused != uint64(len(items)-1000) {
		t.Fatalf("%+v", s)
	}
	close(hold.release)
	balanced(t, &b.core)
}

func TestC20_ABlockedPutBatchNeverExceedsTheBound(t *testing.T) {
	var b *Batcher[int]
	var peak atomic.Uint64
	b = New(64, NoTimeout, func([]*int) { peak.Store(max(peak.Load(), b.Stats().Live)) }, false, WithQueueItemsMax(1000))
	n, err := b.PutBatch(numbers(100_000))
	if n != 100_000 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if receipt := balanced(t, &b.core); receipt.Done != 100_000 || peak.Load() > 1000 {
		t.Fatalf("%+v, at most %d live", receipt, peak.Load())
	}
}

func TestOverflow_DropNewestDropsAndTells(t *testing.T) {
	hold := newStuck()
	var told atomic.Int64
	b := New(2, NoTimeout, hold.handle, false, WithQueueItemsMax(4), WithOverflow(DropNewest),
		WithFailureHook(func(r FailureReport) {
			if r.Kind == Dropped {
				told.Add(int64(r.Items))
			}
		}))
	for _, item := range numbers(6) {
		ok(t, b.Put(item))
	}
	if n, err := b.PutBatch(numbers(5)); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if err := b.Submit(background, number(9)); !errors.Is(err, ErrFull) {
		t.Fatalf("a submitted item may not be dropped: %v", err)
	}
	if err := b.TryPut(number(9)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if s := b.Stats(); s.Accepted != 4 || s.Dropped != 7 || told.Load() != 7 || s.Refused != 2 {
		t.Fatalf("%+v, told %d", s, told.Load())
	}
	close(hold.release)
	balanced(t, &b.core)
}

func TestOverflow_RunInCallerLendsAHand(t *testing.T) {
	callers := map[uint64]bool{}
	var mu sync.Mutex
	b := New(4, NoTimeout, func([]*int) {
		mu.Lock()
		defer mu.Unlock()
		callers[goroutine.ID()] = true
	}, false, WithQueueItemsMax(8), WithOverflow(RunInCaller))
	within(t, func() {
		for _, item := range numbers(10_000) {
			ok(t, b.Put(item))
		}
	})
	if receipt := balanced(t, &b.core); receipt.Done != 10_000 {
		t.Fatalf("%+v", receipt)
	}
	if len(callers) < 2 {
		t.Skip("the worker was always faster")
	}
}

func TestC21_HandlersNeverExceedTheirBound(t *testing.T) {
	var running, peak atomic.Int64
	b := New(4, time.Millisecond, func([]*int) {
		now := running.Add(1)
		for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
			runtime.Gosched()
		}
		time.Sleep(100 * time.Microsecond)
		running.Add(-1)
	}, true, WithMaxConcurrent(3))
	var putters sync.WaitGroup
	for range 200 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for _, item := range numbers(20) {
				ok(t, b.Put(item))
			}
		}()
	}
	within(t, putters.Wait)
	ok(t, b.SetMaxConcurrent(2))
	if receipt := balanced(t, &b.core); receipt.Done != 4000 || peak.Load() > 3 || peak.Load() < 2 {
		t.Fatalf("%+v, at most %d at once", receipt, peak.Load())
	}
}

func TestC22_ABatchNeverExceedsItsSizeOnAnyPath(t *testing.T) {
	for _, size := range []int{1, 2, 7, 64, 1000} {
		var r recorder
		b := New(size, time.Millisecond, r.handle, true, WithSpread())
		var putters sync.WaitGroup
		for g := range 4 {
			putters.Add(1)
			go func() {
				defer putters.Done()
				random := rand.New(rand.NewPCG(uint64(g), uint64(size)))
				for range 200 {
					switch random.IntN(8) {
					case 0:
						_ = b.Trigger()
					case 1:
						_ = b.Flush(background)
					case 2, 3:
						_, err := b.PutBatch(numbers(random.IntN(3 * size)))
						ok(t, err)
					default:
						ok(t, b.Put(number(g)))
					}
				}
			}()
		}
		within(t, putters.Wait)
		receipt := balanced(t, &b.core)
		if r.largest() > size || r.count() != int(receipt.Accepted) {
			t.Fatalf("size %d: a batch of %d, %d of %d items", size, r.largest(), r.count(), receipt.Accepted)
		}
	}
}

func TestC22_ABatchNeverExceedsItsBytes(t *testing.T) {
	var mu sync.Mutex
	var sums []int
	weigh := func(item *int) int { return *item }
	b := New(100, NoTimeout, func(batch []*int) {
		mu.Lock()
		defer mu.Unlock()
		sum := 0
		for _, item := range batch {
			sum += *item
		}
		sums = append(sums, sum)
	}, false, WithBytesMax(100, 1000, weigh))
	if err := b.Put(number(101)); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	for n := range 5000 {
		ok(t, b.Put(number(n*7%101)))
	}
	if receipt := balanced(t, &b.core); receipt.Done != 5000 {
		t.Fatalf("%+v", receipt)
	}
	for _, sum := range sums {
		if sum > 100 {
			t.Fatalf("a batch of %d bytes", sum)
		}
	}
}

func TestC22_AnOversizeItemGoesAloneIfToldTo(t *testing.T) {
	var r recorder
	weigh := func(item *int) int { return *item }
	b := New(100, NoTimeout, r.handle, false, WithBytesMax(100, 1000, weigh), WithOversizeAlone())
	for _, n := range []int{10, 500, 20} {
		ok(t, b.Put(number(n)))
	}
	if err := b.Put(number(1001)); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	balanced(t, &b.core)
	if len(r.batches) != 3 || len(r.batches[1]) != 1 || r.batches[1][0] != 500 {
		t.Fatalf("%v", r.batches)
	}
}

func TestC23_NonsenseIsRefusedByName(t *testing.T) {
	fn := func([]*int) {}
	cases := []struct {
		field   string
		size    int
		timeout time.Duration
		option  Option
	}{
		{"size", 0, 0, nil}, {"size", -1, 0, nil}, {"size", 1 << 25, 0, nil},
		{"timeout", 1, -5, nil}, {"timeout", 1, 25 * time.Hour, nil},
		{"queue_items_max", 1, 0, WithQueueItemsMax(0)},
		{"max_concurrent", 1, 0, WithMaxConcurrent(0)},
		{"tick_interval", 1, 0, WithTickInterval(1)},
		{"bisect_calls_max", 1, 0, WithBisect(-1)},
		{"overflow", 1, 0, WithOverflow(BlockFor(-1))},
		{"clock", 1, 0, WithClock(nil)},
		{"batch_bytes_max", 1, 0, WithBytesMax(0, 1, func(*int) int { return 0 })},
		{"queue_bytes_max", 1, 0, WithBytesMax(2, 1, func(*int) int { return 0 })},
		{"weigher", 1, 0, WithBytesMax(1, 1, func(*string) int { return 0 })},
	}
	for _, c := range cases {
		var options []Option
		if c.option != nil {
			options = append(options, c.option)
		}
		_, err := Build(c.size, c.timeout, fn, false, options...)
		var setting *SettingError
		if !errors.As(err, &setting) || setting.Field != c.field || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	for window, field := range map[Window]string{
		{}: "window", {Duration: time.Second, Bucket: time.Microsecond}: "bucket",
		{Duration: time.Second, Bucket: 2 * time.Second}:    "bucket",
		{Duration: 5000 * time.Second, Bucket: time.Second}: "bucket", {Duration: time.Second, KeysMax: -1}: "keys_max",
		{Duration: time.Second, AtCap: 9}: "at_cap",
	} {
		_, err := NewDedup[int](window)
		var setting *SettingError
		if !errors.As(err, &setting) || setting.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	b := New(1, 0, fn, false)
	for _, err := range []error{b.SetTickInterval(1), b.SetTimeout(-7), b.SetMaxConcurrent(0)} {
		if err == nil {
			t.Error("a setter took nonsense")
		}
	}
	b.Close()
}

func TestC24_ASizeOfOneDispatchesAtOnce(t *testing.T) {
	b := New(1, 24*time.Hour, func([]*int) {}, false, WithClock(NewVirtualClock()))
	within(t, func() {
		for _, item := range numbers(100) {
			ok(t, b.Submit(background, item))
		}
	})
	if s := b.Stats(); s.BatchesByReason[SealSize] != 100 {
		t.Fatalf("%+v", s)
	}
	balanced(t, &b.core)
}

func TestC25_TheBatcherHoldsNoReferenceToHandledItems(t *testing.T) {
	type big struct{ room [1 << 10]byte }
	for _, pool := range []Option{func(*settings) {}, WithPool()} {
		var freed atomic.Int64
		b := New(16, NoTimeout, func([]*big) {}, false, pool)
		for range 64 {
			item := new(big)
			runtime.SetFinalizer(item, func(*big) { freed.Add(1) })
			ok(t, b.Put(item))
		}
		ok(t, b.Flush(background))
		eventually(t, "freeing", func() bool {
			runtime.GC()
			return freed.Load() == 64
		})
		balanced(t, &b.core)
	}
}

func TestTheSizeSealIsExactForAnyNumberOfGoroutines(t *testing.T) {
	for _, size := range []int{10, 100, 1000} {
		for _, goroutines := range []int{1, 3, 10, -1, -3, -10} {
			var r recorder
			var options []Option
			if goroutines < 0 {
				goroutines, options = -goroutines, []Option{WithSpread()}
			}
			b := New(size, NoTimeout, r.handle, false, options...)
			var putters sync.WaitGroup
			for range goroutines {
				putters.Add(1)
				go func() {
					defer putters.Done()
					for n := range 10 * size / goroutines {
						ok(t, b.Put(number(n)))
					}
				}()
			}
			putters.Wait()
			full := 10 * size / goroutines * goroutines / size
			eventually(t, "handling", func() bool { return r.count() == full*size })
			if s := b.Stats(); int(s.BatchesByReason[SealSize]) != full || s.Batches != uint64(full) {
				t.Fatalf("size %d, %d goroutines: %+v", size, goroutines, s)
			}
			balanced(t, &b.core)
		}
	}
}

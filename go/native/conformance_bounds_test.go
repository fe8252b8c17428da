//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"bytes"
	"errors"
	"math/rand"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func TestC20_TheBoundCountsItems(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 100, time.Hour, hold.handle, WithQueueItemsMax(1000), WithOverflow(Fail))
	many := make([][]byte, 100_000)
	for i := range many {
		many[i] = []byte(strconv.Itoa(i))
	}
	n, err := b.PutBatch(many)
	if n != 1000 || !errors.Is(err, ErrFull) {
		t.Fatalf("%d were accepted: %v", n, err)
	}
	if s := b.Stats(); s.Accepted != 1000 || s.Refused != 99_000 || s.Live != 1000 {
		t.Errorf("%+v", s)
	}
	close(hold.release)
	balanced(t, b)
}

func TestC20_TheBoundIsMetToTheItemByManyGoroutines(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 1000, time.Hour, hold.handle, WithQueueItemsMax(300), WithOverflow(Fail))
	var accepted atomic.Int64
	var putters sync.WaitGroup
	for range 8 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for range 1000 {
				if b.Put([]byte("item")) == nil {
					accepted.Add(1)
				}
			}
		}()
	}
	putters.Wait()
	if accepted.Load() != 300 {
		t.Errorf("%d were accepted", accepted.Load())
	}
	close(hold.release)
	balanced(t, b)
}

func TestABoundBelowTheBatchSizeDoesNotStall(t *testing.T) {
	var r recorder
	b := newBytes(t, 1000, NoTimeout, r.handle, WithQueueItemsMax(10))
	within(t, func() {
		for range 200 {
			ok(t, b.Put([]byte("item")))
		}
	})
	if balanced(t, b); r.count() != 200 {
		t.Errorf("%d arrived", r.count())
	}
}

func TestOverflow_DropNewestDropsAndTells(t *testing.T) {
	hold := newStuck()
	var told atomic.Int64
	b := newBytes(t, 1, 0, hold.handle, WithQueueItemsMax(2), WithOverflow(DropNewest),
		WithFailureHook(func(r batchline.FailureReport) {
			if r.Kind == batchline.Dropped {
				told.Add(int64(r.Items))
			}
		}))
	for range 7 {
		ok(t, b.Put([]byte("item")))
	}
	close(hold.release)
	if r := balanced(t, b); r.Accepted != 2 || told.Load() != 5 || b.Stats().Dropped != 5 {
		t.Errorf("%+v, told %d", r, told.Load())
	}
}

func TestOverflow_DropNewestDropsTheRestOfABatch(t *testing.T) {
	for _, opt := range []Option{WithName("no window"), WithWindow(minute(), 0, 0)} {
		hold := newStuck()
		told := 0
		b := newBytes(t, 10, time.Hour, hold.handle, WithQueueItemsMax(20), WithOverflow(DropNewest), opt,
			WithFailureHook(func(r batchline.FailureReport) { told += r.Items }))
		many := make([][]byte, 500)
		for i := range many {
			many[i] = []byte(strconv.Itoa(i))
		}
		n, err := b.PutBatch(many)
		if n != 20 || err != nil || told != 480 || b.Stats().Dropped != 480 {
			t.Errorf("%d were accepted: %v; told of %d, %+v", n, err, told, b.Stats())
		}
		close(hold.release)
		balanced(t, b)
	}
}

func TestC21_HandlersNeverExceedTheirBound(t *testing.T) {
	var running, peak atomic.Int32
	b := newBytes(t, 5, time.Millisecond, func([][]byte) {
		peak.Store(max(peak.Load(), running.Add(1)))
		time.Sleep(time.Millisecond)
		running.Add(-1)
	}, WithMaxConcurrent(3))
	var putters sync.WaitGroup
	for range 200 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for range 5 {
				_ = b.Put([]byte("item"))
			}
		}()
	}
	within(t, putters.Wait)
	if r := balanced(t, b); r.Done != 1000 || peak.Load() > 3 {
		t.Errorf("%d at once, %+v", peak.Load(), r)
	}
}

func TestC22_ABatchNeverExceedsItsSizeOnAnyPath(t *testing.T) {
	var r recorder
	b := newBytes(t, 7, time.Millisecond, r.handle, WithDrainMode(), WithMaxConcurrent(2))
	random := rand.New(rand.NewSource(1))
	want := 0
	for range 300 {
		many := slices.Repeat([][]byte{[]byte("item")}, random.Intn(40))
		n, err := b.PutBatch(many)
		ok(t, err)
		want += n
		switch random.Intn(5) {
		case 0:
			ok(t, b.Flush(background))
		case 1:
			ok(t, b.Trigger())
		}
	}
	balanced(t, b)
	if r.largest() > 7 || r.count() != want {
		t.Errorf("a batch of %d; %d of %d items", r.largest(), r.count(), want)
	}
}

func TestC22_ABatchNeverExceedsItsBytes(t *testing.T) {
	var total atomic.Int64
	b := newBytes(t, 1000, time.Millisecond, func(batch [][]byte) {
		bytes := 0
		for _, item := range batch {
			bytes += len(item)
		}
		if bytes > 500 {
			t.Errorf("a batch of %d bytes", bytes)
		}
		total.Add(int64(bytes))
	}, WithBytesMax(500, 2000))
	random := rand.New(rand.NewSource(2))
	want := 0
	for range 5000 {
		size := random.Intn(200)
		ok(t, b.Put(make([]byte, size)))
		want += size
	}
	if err := b.Put(make([]byte, 501)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an item of 501 bytes: %v", err)
	}
	balanced(t, b)
	if int(total.Load()) != want {
		t.Errorf("%d of %d bytes", total.Load(), want)
	}
}

func TestC22_AnOversizeItemGoesAloneIfToldTo(t *testing.T) {
	var r recorder
	b := newBytes(t, 10, time.Hour, r.handle, WithBytesMax(10, 100_000), WithOversizeAlone())
	large := bytes.Repeat([]byte("x"), 20_000)
	for _, item := range [][]byte{[]byte("a"), large, []byte("b")} {
		ok(t, b.Put(item))
	}
	if err := b.Put(make([]byte, 100_001)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than the queue may hold: %v", err)
	}
	balanced(t, b)
	if len(r.batches) != 3 || len(r.batches[1]) != 1 || r.batches[1][0] != string(large) {
		t.Errorf("%d batches", len(r.batches))
	}
}

func TestTheBoundOfBytesHoldsAndGivesBack(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 10, 0, hold.handle, WithBytesMax(100, 300), WithOverflow(Fail))
	accepted := 0
	for range 10 {
		if b.Put(make([]byte, 60)) == nil {
			accepted++
		}
	}
	if accepted != 5 {
		t.Errorf("%d items of 60 bytes fit into 300", accepted)
	}
	close(hold.release)
	ok(t, b.Flush(background))
	eventually(t, "room", func() bool { return b.Put(make([]byte, 100)) == nil })
	balanced(t, b)
}

func TestC24_ASizeOfOneDispatchesAtOnce(t *testing.T) {
	arrived := make(chan struct{}, 1)
	b := newBytes(t, 1, time.Hour, func([][]byte) { arrived <- struct{}{} })
	within(t, func() {
		for range 100 {
			ok(t, b.Put([]byte("item")))
			<-arrived
		}
	})
	balanced(t, b)
}

func TestASizeIsReachedByManyGoroutinesWithoutATimeout(t *testing.T) {
	var r recorder
	b := newBytes(t, 40, NoTimeout, r.handle)
	for range 40 {
		done := make(chan error)
		go func() { done <- b.Put([]byte("item")) }()
		ok(t, <-done)
	}
	eventually(t, "the batch", func() bool { return r.count() == 40 })
	balanced(t, b)
}

func TestEverythingArrivesOnceAndWhole(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		var r recorder
		opts := []Option{}
		if ordered {
			opts = append(opts, WithOrdered())
		}
		b := newBytes(t, 100, time.Millisecond, r.handle, opts...)
		random := rand.New(rand.NewSource(3))
		var want []string
		for n := range 3000 {
			size := random.Intn(100)
			if n%500 == 0 {
				size = random.Intn(200_000)
			}
			item := append([]byte(strconv.Itoa(n)+":"), bytes.Repeat([]byte{byte('a' + n%26)}, size)...)
			want = append(want, string(item))
			if n%100 == 0 {
				item = nil
				want[n] = ""
			}
			ok(t, b.Put(item))
			clear(item)
		}
		balanced(t, b)
		got := r.all()
		if !ordered {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("ordered %v: %d of %d items came as they were put", ordered, len(got), len(want))
		}
	}
}

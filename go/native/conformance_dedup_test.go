//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func minute() batchline.Window { return batchline.Window{Duration: time.Minute} }

func TestC40_AKeyIsFreeAfterAFailureAndADuplicateAfterASuccess(t *testing.T) {
	var fails atomic.Bool
	fails.Store(true)
	b := newBytes(t, 10, 0, func([][]byte) {
		if fails.Load() {
			panic("no")
		}
	}, WithWindow(minute(), 0, 0), silent())
	ok(t, b.Put([]byte("key")))
	ok(t, b.Flush(background))
	fails.Store(false)
	ok(t, b.Put([]byte("key")))
	ok(t, b.Flush(background))
	if err := b.Put([]byte("key")); !errors.Is(err, ErrDuplicate) {
		t.Errorf("after a success: %v", err)
	}
	if r := balanced(t, b); r.Done != 1 || r.Failed != 1 {
		t.Errorf("%+v", r)
	}
	if s := b.Stats(); s.Duplicates != 1 || s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestC41_PutBatchGoesThroughTheWindow(t *testing.T) {
	for _, bound := range []Option{WithName("no bytes bound"), WithBytesMax(1<<20, 1<<21)} {
		var r recorder
		b := newBytes(t, 10_000, time.Hour, r.handle, WithWindow(minute(), 0, 0), bound)
		many := make([][]byte, 5000)
		for i := range many {
			many[i] = []byte(strconv.Itoa(i % 3000))
		}
		n, err := b.PutBatch(many)
		if n != 3000 || !errors.Is(err, ErrDuplicate) {
			t.Errorf("%d were accepted: %v", n, err)
		}
		if n, err := b.PutBatch(many[:10]); n != 0 || !errors.Is(err, ErrDuplicate) {
			t.Errorf("%d were accepted again: %v", n, err)
		}
		if r := balanced(t, b); r.Accepted != 3000 || b.Stats().Duplicates != 2010 {
			t.Errorf("%+v, %+v", r, b.Stats())
		}
		if r.count() != 3000 {
			t.Errorf("%d arrived", r.count())
		}
	}
}

func TestTheCoreNamesWhatIsWrongWithAWindow(t *testing.T) {
	_, err := NewBytes(1, 0, func([][]byte) {}, WithWindow(batchline.Window{Duration: time.Microsecond}, 0, 0))
	var wrong *batchline.SettingError
	if !errors.As(err, &wrong) || !strings.Contains(wrong.Field, "window") || !strings.Contains(wrong.Allowed, "1ms to") {
		t.Errorf("%v", err)
	}
}

func TestDuplicatesTakeNoRoom(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 10, time.Hour, hold.handle, WithWindow(minute(), 0, 0), WithQueueItemsMax(10), WithOverflow(Fail))
	for range 100 {
		for n := range 9 {
			if err := b.Put([]byte(strconv.Itoa(n))); err != nil && !errors.Is(err, ErrDuplicate) {
				t.Fatal(err)
			}
		}
		if n, _ := b.PutBatch([][]byte{[]byte("1"), []byte("2")}); n != 0 {
			t.Fatalf("%d duplicates passed", n)
		}
	}
	ok(t, b.Put([]byte("last")))
	if err := b.Put([]byte("more")); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the bound: %v", err)
	}
	close(hold.release)
	balanced(t, b)
}

func TestC42_AKeyIsForgottenAfterItsWindow(t *testing.T) {
	b := newBytes(t, 10, 0, func([][]byte) {},
		WithWindow(batchline.Window{Duration: 20 * time.Millisecond, Bucket: 5 * time.Millisecond}, 0, 0))
	ok(t, b.Put([]byte("key")))
	if err := b.Put([]byte("key")); !errors.Is(err, ErrDuplicate) {
		t.Errorf("inside of the window: %v", err)
	}
	eventually(t, "the end of the window", func() bool { return b.Put([]byte("key")) == nil })
	balanced(t, b)
}

func TestOneOfManyPuttersOfAKeyWins(t *testing.T) {
	var r recorder
	b := newBytes(t, 100, time.Millisecond, r.handle, WithWindow(minute(), 0, 4))
	var putters sync.WaitGroup
	for g := range 8 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for n := range 500 {
				// The key is the first four bytes; the rest differs.
				item := append([]byte{byte(n), byte(n >> 8), 0, 0}, byte(g))
				if err := b.Put(item); err != nil && !errors.Is(err, ErrDuplicate) {
					t.Error(err)
				}
			}
		}()
	}
	putters.Wait()
	if balanced(t, b); r.count() != 500 {
		t.Errorf("%d of 500 keys arrived", r.count())
	}
}

func TestAtTheCapTheWindowRefusesOrForgets(t *testing.T) {
	for _, atCap := range []batchline.AtCap{batchline.Refuse, batchline.ForgetOldest} {
		w := batchline.Window{Duration: time.Minute, KeysMax: 100, AtCap: atCap}
		b := newBytes(t, 10, time.Millisecond, func([][]byte) {}, WithWindow(w, 0, 0))
		refused := 0
		for n := range 150 {
			if err := b.Put([]byte(strconv.Itoa(n))); errors.Is(err, ErrWindowFull) {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		s := b.Stats()
		if isRefusing := atCap == batchline.Refuse; isRefusing && refused != 50 || !isRefusing && refused != 0 ||
			isRefusing == (s.WindowForgotten > 0) {
			t.Errorf("at cap %d: %d refused, %+v", atCap, refused, s)
		}
		balanced(t, b)
	}
}

func TestAFixedKeyMayNotHavePadding(t *testing.T) {
	type padded struct {
		ID   uint32
		Kind uint8
		Sum  uint64
	}
	nothing := func([]padded) {}
	_, err := NewFixed(10, 0, nothing, WithWindow(minute(), 0, 0))
	var wrong *batchline.SettingError
	if !errors.As(err, &wrong) || wrong.Field != "key" {
		t.Errorf("a key with padding: %v", err)
	}
	f := made[*Fixed[padded]](t)(NewFixed(10, time.Millisecond, nothing, WithWindow(minute(), 0, 5)))
	ok(t, f.Put(padded{1, 1, 1}))
	if err := f.Put(padded{1, 1, 2}); !errors.Is(err, ErrDuplicate) {
		t.Errorf("the same key: %v", err)
	}
	n, err := f.PutBatch([]padded{{1, 1, 3}, {1, 2, 3}, {2, 1, 3}})
	if n != 2 || !errors.Is(err, ErrDuplicate) {
		t.Errorf("%d, %v", n, err)
	}
	balanced(t, f)
}

package batchline

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchline/batchline/go/internal/naive"
)

// The benches compare one shape of work: b.N items from some goroutines, in batches of 1000, all handled when the
// clock stops. Every bench checks that all items arrived.

const (
	benchSize    = 1000
	benchTimeout = 10 * time.Millisecond
	benchQueue   = 64 * benchSize
)

// rival is one side of a comparison.
type rival struct {
	put    func(*int)
	finish func()
}

// arrivals counts what the handlers get.
type arrivals struct{ items atomic.Int64 }

func (a *arrivals) handle(batch []*int) { a.items.Add(int64(len(batch))) }

func (a *arrivals) check(b *testing.B, want int) {
	b.Helper()
	if got := int(a.items.Load()); got != want {
		b.Fatalf("%d of %d items arrived", got, want)
	}
}

func naiveRival(a *arrivals) rival {
	n := naive.New(benchSize, benchQueue, benchTimeout, a.handle)
	return rival{n.Put, n.Close}
}

func ourRival(batcher *Batcher[int]) rival {
	return rival{
		put: func(item *int) {
			if err := batcher.Put(item); err != nil {
				panic(err)
			}
		},
		finish: func() { batcher.Close() },
	}
}

var rivals = []struct {
	name string
	make func(*arrivals) rival
}{
	{"batchline", func(a *arrivals) rival { return ourRival(New(benchSize, benchTimeout, a.handle, false)) }},
	{"batchline-pool", func(a *arrivals) rival {
		return ourRival(NewWithPool(benchSize, benchTimeout, a.handle, false))
	}},
	{"batchline-spread", func(a *arrivals) rival {
		return ourRival(NewWithPool(benchSize, benchTimeout, a.handle, false, WithSpread()))
	}},
	{"naive", naiveRival},
}

// share runs put n times, spread over goroutines.
func share(n, goroutines int, put func(first, last int)) {
	var all sync.WaitGroup
	for g := range goroutines {
		all.Add(1)
		go func() {
			defer all.Done()
			put(g*n/goroutines, (g+1)*n/goroutines)
		}()
	}
	all.Wait()
}

func BenchmarkPut(b *testing.B) {
	for _, r := range rivals {
		for _, goroutines := range []int{1, 4} {
			b.Run(fmt.Sprintf("impl=%s/goroutines=%d", r.name, goroutines), func(b *testing.B) {
				benchPut(b, r.make, goroutines)
			})
		}
	}
}

func benchPut(b *testing.B, make func(*arrivals) rival, goroutines int) {
	var a arrivals
	side := make(&a)
	item := new(int)
	b.ReportAllocs()
	b.ResetTimer()
	share(b.N, goroutines, func(first, last int) {
		for range last - first {
			side.put(item)
		}
	})
	side.finish()
	b.StopTimer()
	a.check(b, b.N)
}

// BenchmarkPutBatch puts 64 items at a time; the figures are per item, and the naive side puts one by one.
func BenchmarkPutBatch(b *testing.B) {
	const many = 64
	b.Run("impl=batchline/items=64", func(b *testing.B) {
		var a arrivals
		batcher := NewWithPool(benchSize, benchTimeout, a.handle, false)
		items := make([]*int, many)
		for i := range items {
			items[i] = new(int)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for done := 0; done < b.N; done += many {
			if _, err := batcher.PutBatch(items[:min(many, b.N-done)]); err != nil {
				b.Fatal(err)
			}
		}
		batcher.Close()
		b.StopTimer()
		a.check(b, b.N)
	})
	b.Run("impl=naive/items=64", func(b *testing.B) { benchPut(b, naiveRival, 1) })
}

// record has a key of 32 bytes.
type record struct{ key [32]byte }

func (r *record) number(n int) {
	for i := range 8 {
		r.key[i] = byte(n >> (8 * i))
	}
}

const (
	dedupWindow = 100 * time.Millisecond
	dedupRing   = 1 << 16
)

// benchRecords are items in memory; each is put again, as another key, long after it was handled.
func benchRecords() []record { return make([]record, dedupRing) }

// BenchmarkDedupPut puts new keys through a window of 100 ms in steady traffic: what expires is forgotten meanwhile.
func BenchmarkDedupPut(b *testing.B) {
	for _, goroutines := range []int{1, 4} {
		b.Run(fmt.Sprintf("impl=batchline/goroutines=%d", goroutines), func(b *testing.B) {
			var items atomic.Int64
			batcher := NewWithDeduplicationAndPool(benchSize, benchTimeout,
				func(batch []*record) { items.Add(int64(len(batch))) }, false,
				WithWindow(Window{Duration: dedupWindow, KeysMax: 1 << 24}))
			benchDedup(b, goroutines, &items, func(r *record) {
				if err := batcher.Put(r); err != nil {
					panic(err)
				}
			}, func() { batcher.Close() })
		})
		b.Run(fmt.Sprintf("impl=naive/goroutines=%d", goroutines), func(b *testing.B) {
			var items atomic.Int64
			batcher := naive.New(benchSize, benchQueue, benchTimeout,
				func(batch []*record) { items.Add(int64(len(batch))) })
			window := naive.NewWindow[[32]byte](dedupWindow, 0, systemClock{}.Now)
			benchDedup(b, goroutines, &items, func(r *record) {
				if window.Claim(r.key) {
					batcher.Put(r)
				}
			}, batcher.Close)
		})
	}
}

func benchDedup(b *testing.B, goroutines int, items *atomic.Int64, put func(*record), finish func()) {
	rings := make([][]record, goroutines)
	for g := range rings {
		rings[g] = benchRecords()
	}
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	share(b.N, goroutines, func(first, last int) {
		ring := rings[next.Add(1)-1]
		for n := first; n < last; n++ {
			r := &ring[n%len(ring)]
			r.number(n)
			put(r)
		}
	})
	finish()
	b.StopTimer()
	if int(items.Load()) != b.N {
		b.Fatalf("%d of %d items arrived", items.Load(), b.N)
	}
}

// pacedClock moves on by a microsecond per look: traffic of a million keys a second, however fast the side is.
type pacedClock struct {
	systemClock
	microseconds atomic.Int64
}

func (c *pacedClock) Now() time.Duration {
	return time.Duration(c.microseconds.Add(1)) * time.Microsecond
}

// BenchmarkDedupWindowPaced claims new keys with as many keys remembered on both sides: 100 000. Without clock reads.
func BenchmarkDedupWindowPaced(b *testing.B) {
	b.Run("impl=batchline", func(b *testing.B) {
		dedup, err := NewDedupWithClock[[32]byte](Window{Duration: dedupWindow, KeysMax: 1 << 24}, new(pacedClock))
		if err != nil {
			b.Fatal(err)
		}
		benchWindow(b, func(key [32]byte) bool { isNew, err := dedup.IsNew(key); return isNew && err == nil })
	})
	b.Run("impl=naive", func(b *testing.B) {
		benchWindow(b, naive.NewWindow[[32]byte](dedupWindow, 0, new(pacedClock).Now).Claim)
	})
}

// BenchmarkDedupWindow is the window alone: claims of new keys.
func BenchmarkDedupWindow(b *testing.B) {
	b.Run("impl=batchline", func(b *testing.B) {
		dedup, err := NewDedup[[32]byte](Window{Duration: dedupWindow, KeysMax: 1 << 24})
		if err != nil {
			b.Fatal(err)
		}
		benchWindow(b, func(key [32]byte) bool { isNew, err := dedup.IsNew(key); return isNew && err == nil })
	})
	b.Run("impl=naive", func(b *testing.B) {
		benchWindow(b, naive.NewWindow[[32]byte](dedupWindow, 0, systemClock{}.Now).Claim)
	})
}

func benchWindow(b *testing.B, claim func([32]byte) bool) {
	var r record
	b.ReportAllocs()
	for n := 0; n < b.N; n++ {
		r.number(n)
		if !claim(r.key) {
			b.Fatalf("key %d was not new", n)
		}
	}
}

// BenchmarkSubmit is the way of an item whose submitter waits, in drain mode.
func BenchmarkSubmit(b *testing.B) {
	batcher := NewWithResults(benchSize, NoTimeout, func(batch []*int) ([]int, error) {
		return make([]int, len(batch)), nil
	}, false, WithDrainMode())
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		item := new(int)
		for pb.Next() {
			if _, err := batcher.Submit(context.Background(), item); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	if done := batcher.Close().Done; int(done) != b.N {
		b.Fatalf("%d of %d items were done", done, b.N)
	}
}

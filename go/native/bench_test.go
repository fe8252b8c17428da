//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

// The benches compare one shape of work: b.N items from some goroutines, in batches of 1000, all handled when the clock
// stops. Every bench checks that all items arrived. Figures are per item.

const (
	benchSize    = 1000
	benchTimeout = 10 * time.Millisecond
	benchQueue   = 64 * benchSize
)

// rival is one side of a comparison: of byte strings, which it must not keep.
type rival struct {
	put    func([]byte)
	finish func()
}

// arrivals counts what the handlers get, and looks at a byte of each.
type arrivals struct {
	items atomic.Int64
	sum   atomic.Int64
}

func (a *arrivals) handle(batch [][]byte) {
	sum := 0
	for _, item := range batch {
		sum += int(item[0])
	}
	a.sum.Add(int64(sum))
	a.items.Add(int64(len(batch)))
}

func (a *arrivals) handlePointers(batch []*[]byte) {
	sum := 0
	for _, item := range batch {
		sum += int((*item)[0])
	}
	a.sum.Add(int64(sum))
	a.items.Add(int64(len(batch)))
}

func (a *arrivals) check(b *testing.B, want int) {
	b.Helper()
	if got := int(a.items.Load()); got != want || int(a.sum.Load()) != want {
		b.Fatalf("%d of %d items arrived, with the sum %d", got, want, a.sum.Load())
	}
}

// put1 fails the bench on an error; it runs on other goroutines, too.
func put1(err error) {
	if err != nil {
		panic(err)
	}
}

// nativeRival gathers on the Go side and crosses once per shard.
func nativeRival(b *testing.B, a *arrivals) rival {
	n := newBytes(b, benchSize, benchTimeout, a.handle)
	return rival{func(item []byte) { put1(n.Put(item)) }, func() { n.Close() }}
}

// crossingRival crosses once per item.
func crossingRival(b *testing.B, a *arrivals) rival {
	n := newBytes(b, benchSize, benchTimeout, a.handle)
	n.engine.gatherItems = 1
	return rival{func(item []byte) { put1(n.Put(item)) }, func() { n.Close() }}
}

// channelRival is the plain Go way: a copy of the item, a channel, a goroutine with a timer.
func channelRival(_ *testing.B, a *arrivals) rival {
	c := newChannel(benchSize, benchQueue, benchTimeout, a.handle)
	return rival{func(item []byte) { c.put(append([]byte(nil), item...)) }, c.close}
}

// pureRival is the parent package, with a copy of the item, to which it takes a pointer.
func pureRival(_ *testing.B, a *arrivals) rival {
	n := batchline.NewWithPool(benchSize, benchTimeout, a.handlePointers, false)
	return rival{func(item []byte) {
		copied := append([]byte(nil), item...)
		put1(n.Put(&copied))
	}, func() { n.Close() }}
}

var rivals = []struct {
	name string
	make func(*testing.B, *arrivals) rival
}{
	{"native", nativeRival},
	{"crossing-per-item", crossingRival},
	{"channel", channelRival},
	{"go", pureRival},
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

// BenchmarkPut puts byte strings that the putter goes on using.
func BenchmarkPut(b *testing.B) {
	for _, bytes := range []int{16, 64, 512} {
		for _, r := range rivals {
			for _, goroutines := range []int{1, 4} {
				b.Run(fmt.Sprintf("bytes=%d/impl=%s/goroutines=%d", bytes, r.name, goroutines), func(b *testing.B) {
					benchPut(b, r.make, bytes, goroutines)
				})
			}
		}
	}
}

func benchPut(b *testing.B, make func(*testing.B, *arrivals) rival, bytes, goroutines int) {
	var a arrivals
	side := make(b, &a)
	item := oneOf(bytes)
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

// oneOf makes an item that begins with 1.
func oneOf(bytes int) []byte {
	item := make([]byte, bytes)
	item[0] = 1
	return item
}

// BenchmarkPutFixed puts records of 16 bytes; the channel carries them as values.
func BenchmarkPutFixed(b *testing.B) {
	for _, goroutines := range []int{1, 4} {
		b.Run(fmt.Sprintf("impl=native/goroutines=%d", goroutines), func(b *testing.B) {
			var items atomic.Int64
			f := made[*Fixed[point]](b)(NewFixed(benchSize, benchTimeout, func(batch []point) {
				items.Add(int64(len(batch)))
			}))
			benchFixed(b, goroutines, &items, func(p point) { put1(f.Put(p)) }, func() { f.Close() })
		})
		b.Run(fmt.Sprintf("impl=channel/goroutines=%d", goroutines), func(b *testing.B) {
			var items atomic.Int64
			c := newChannel(benchSize, benchQueue, benchTimeout, func(batch []point) { items.Add(int64(len(batch))) })
			benchFixed(b, goroutines, &items, c.put, c.close)
		})
	}
}

func benchFixed(b *testing.B, goroutines int, items *atomic.Int64, put func(point), finish func()) {
	b.ReportAllocs()
	b.ResetTimer()
	share(b.N, goroutines, func(first, last int) {
		for n := first; n < last; n++ {
			put(point{ID: uint64(n)})
		}
	})
	finish()
	b.StopTimer()
	if int(items.Load()) != b.N {
		b.Fatalf("%d of %d items arrived", items.Load(), b.N)
	}
}

// BenchmarkPutBatch puts 64 items at a time; the channel takes them one by one.
func BenchmarkPutBatch(b *testing.B) {
	const manyItems = 64
	b.Run("bytes=64/impl=native", func(b *testing.B) {
		var a arrivals
		n := newBytes(b, benchSize, benchTimeout, a.handle)
		items := make([][]byte, manyItems)
		for i := range items {
			items[i] = oneOf(64)
		}
		benchMany(b, manyItems, func(count int) error { _, err := n.PutBatch(items[:count]); return err })
		n.Close()
		b.StopTimer()
		a.check(b, b.N)
	})
	b.Run("bytes=16/impl=native-fixed", func(b *testing.B) {
		var arrived atomic.Int64
		f := made[*Fixed[point]](b)(NewFixed(benchSize, benchTimeout, func(batch []point) {
			arrived.Add(int64(len(batch)))
		}))
		items := make([]point, manyItems)
		benchMany(b, manyItems, func(count int) error { _, err := f.PutBatch(items[:count]); return err })
		f.Close()
		b.StopTimer()
		if int(arrived.Load()) != b.N {
			b.Fatalf("%d of %d items arrived", arrived.Load(), b.N)
		}
	})
	b.Run("bytes=64/impl=channel", func(b *testing.B) { benchPut(b, channelRival, 64, 1) })
}

func benchMany(b *testing.B, manyItems int, put func(count int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += manyItems {
		put1(put(min(manyItems, b.N-done)))
	}
}

// key has 32 bytes.
type key [32]byte

func (k *key) number(n int) {
	for i := range 8 {
		k[i] = byte(n >> (8 * i))
	}
}

// benchWindow is long enough to forget in steady traffic.
func benchWindow() batchline.Window {
	return batchline.Window{Duration: 100 * time.Millisecond, KeysMax: 1 << 24}
}

// BenchmarkDedup puts new keys of 32 bytes: each decided by a crossing of its own, 64 by one, and on the Go side.
func BenchmarkDedup(b *testing.B) {
	for _, goroutines := range []int{1, 4} {
		b.Run(fmt.Sprintf("impl=native/goroutines=%d", goroutines), func(b *testing.B) {
			var items atomic.Int64
			f := newKeys(b, &items)
			benchDedup(b, goroutines, &items, func(k *key) { put1(f.Put(*k)) }, func() { f.Close() })
		})
		b.Run(fmt.Sprintf("impl=go/goroutines=%d", goroutines), func(b *testing.B) {
			var items atomic.Int64
			n := batchline.NewWithDeduplicationAndPool(benchSize, benchTimeout,
				func(batch []*key) { items.Add(int64(len(batch))) }, false, batchline.WithWindow(benchWindow()))
			benchDedup(b, goroutines, &items, func(k *key) { put1(n.Put(k)) }, func() { n.Close() })
		})
	}
	b.Run("impl=native-batch64/goroutines=1", benchDedupBatch)
	b.Run("impl=native-duplicates/goroutines=1", benchDuplicates)
}

func newKeys(b *testing.B, items *atomic.Int64) *Fixed[key] {
	return made[*Fixed[key]](b)(NewFixed(benchSize, benchTimeout, func(batch []key) {
		items.Add(int64(len(batch)))
	}, WithWindow(benchWindow(), 0, 0)))
}

func benchDedup(b *testing.B, goroutines int, items *atomic.Int64, put func(*key), finish func()) {
	// A key is put again, as another one, long after it was handled.
	const ringKeys = 1 << 17
	b.ReportAllocs()
	rings := make([][]key, goroutines)
	for g := range rings {
		rings[g] = make([]key, ringKeys)
	}
	var next atomic.Int64
	b.ResetTimer()
	share(b.N, goroutines, func(first, last int) {
		ring := rings[next.Add(1)-1]
		for n := first; n < last; n++ {
			k := &ring[n%ringKeys]
			k.number(n)
			put(k)
		}
	})
	finish()
	b.StopTimer()
	if int(items.Load()) != b.N {
		b.Fatalf("%d of %d items arrived", items.Load(), b.N)
	}
}

func benchDedupBatch(b *testing.B) {
	var items atomic.Int64
	f := newKeys(b, &items)
	keys := make([]key, 64)
	n := 0
	benchMany(b, len(keys), func(count int) error {
		for i := range keys[:count] {
			keys[i].number(n)
			n++
		}
		_, err := f.PutBatch(keys[:count])
		return err
	})
	f.Close()
	b.StopTimer()
	if int(items.Load()) != b.N {
		b.Fatalf("%d of %d items arrived", items.Load(), b.N)
	}
}

// benchDuplicates is what a refusal costs.
func benchDuplicates(b *testing.B) {
	var items atomic.Int64
	f := made[*Fixed[key]](b)(NewFixed(benchSize, benchTimeout, func(batch []key) {
		items.Add(int64(len(batch)))
	}, WithWindow(batchline.Window{Duration: time.Hour}, 0, 0)))
	put1(f.Put(key{}))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if f.Put(key{}) != ErrDuplicate {
			b.Fatal("a duplicate passed")
		}
	}
	b.StopTimer()
	f.Close()
}

// BenchmarkCrossing is the price of the border alone: a call of the core that does next to nothing.
func BenchmarkCrossing(b *testing.B) {
	f := made[*Fixed[key]](b)(NewFixed(benchSize, benchTimeout, func([]key) {}))
	for range b.N {
		corePutRecords(f.engine.core, nil, 0)
	}
	f.Close()
}

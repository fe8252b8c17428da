//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

// windowSide is one side of a comparison of windows alone: how many of some keys are new.
type windowSide func(keys [][]byte) int

var windowSides = []struct {
	name string
	make func(*testing.B, batchline.Window) func() windowSide
}{{"native", nativeWindow}, {"go", goWindow}, {"go-strings", goStringsWindow}}

// nativeWindow crosses once per call.
func nativeWindow(b *testing.B, w batchline.Window) func() windowSide {
	d := newWindow(b, w)
	return func() windowSide {
		isNew := make([]bool, 64)
		return func(keys [][]byte) int {
			if len(keys) > 1 {
				news, err := d.ClaimMany(keys, isNew[:len(keys)])
				put1(err)
				return news
			}
			isNew, err := d.IsNew(keys[0])
			put1(err)
			return countOf(isNew)
		}
	}
}

// goWindow is the parent package's window, with keys of a fixed size, which are values.
func goWindow(b *testing.B, w batchline.Window) func() windowSide {
	return plainWindow(b, w, func(k []byte) key { return key(k) })
}

// goStringsWindow is the parent package's window as it is used for byte strings of any length.
func goStringsWindow(b *testing.B, w batchline.Window) func() windowSide {
	return plainWindow(b, w, func(k []byte) string { return string(k) })
}

func plainWindow[K comparable](b *testing.B, w batchline.Window, keyOf func([]byte) K) func() windowSide {
	d, err := batchline.NewDedup[K](w)
	ok(b, err)
	return func() windowSide {
		return func(keys [][]byte) int {
			news := 0
			for _, k := range keys {
				isNew, err := d.IsNew(keyOf(k))
				put1(err)
				news += countOf(isNew)
			}
			return news
		}
	}
}

func countOf(isNew bool) int {
	if isNew {
		return 1
	}
	return 0
}

// BenchmarkWindow claims new keys of 32 bytes, some per call, in a window of 100 ms in steady traffic: what expires is
// forgotten meanwhile. Figures are per key.
func BenchmarkWindow(b *testing.B) {
	for _, keys := range []int{1, 64} {
		for _, goroutines := range []int{1, 4} {
			for _, side := range windowSides {
				b.Run(fmt.Sprintf("keys=%d/impl=%s/goroutines=%d", keys, side.name, goroutines), func(b *testing.B) {
					benchWindowAlone(b, side.make(b, benchWindow()), keys, goroutines, b.N)
				})
			}
		}
	}
}

// BenchmarkWindowDuplicates asks for a thousand keys again and again.
func BenchmarkWindowDuplicates(b *testing.B) {
	for _, keys := range []int{1, 64} {
		for _, side := range windowSides {
			b.Run(fmt.Sprintf("keys=%d/impl=%s/goroutines=1", keys, side.name), func(b *testing.B) {
				hour := batchline.Window{Duration: time.Hour}
				benchWindowAlone(b, side.make(b, hour), keys, 1, min(b.N, 1000))
			})
		}
	}
}

func benchWindowAlone(b *testing.B, sideHere func() windowSide, keysPerCall, goroutines, differentKeys int) {
	var news atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	share(b.N, goroutines, func(first, last int) {
		claim, values, keys := sideHere(), make([]key, keysPerCall), make([][]byte, keysPerCall)
		for i := range values {
			keys[i] = values[i][:]
		}
		count := 0
		for n := first; n < last; n += keysPerCall {
			part := min(keysPerCall, last-n)
			for i := range part {
				values[i].number((n + i) % differentKeys)
			}
			count += claim(keys[:part])
		}
		news.Add(int64(count))
	})
	b.StopTimer()
	if int(news.Load()) != differentKeys {
		b.Fatalf("%d of %d keys were new", news.Load(), differentKeys)
	}
}

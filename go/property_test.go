package batchline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batchline/batchline/go/internal/naive"
)

// Random programs of one goroutine: the batches are those of the naive twin, item by item.
func TestEqualsTheNaiveTwin(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 3))
		size := 1 + random.IntN(200)
		var ours, theirs recorder
		options := []Option{}
		if seed%2 == 0 {
			options = append(options, WithPool())
		}
		b := New(size, NoTimeout, ours.handle, false, options...)
		twin := naive.New(size, 10, time.Hour, theirs.handle)
		for range random.IntN(60) {
			switch random.IntN(4) {
			case 0:
				ok(t, b.Flush(background))
				twin.Flush()
			case 1:
				items := numbers(random.IntN(3 * size))
				_, err := b.PutBatch(items)
				ok(t, err)
				for _, item := range items {
					twin.Put(item)
				}
			default:
				item := number(random.Int())
				ok(t, b.Put(item))
				twin.Put(item)
			}
		}
		balanced(t, &b.core)
		twin.Close()
		if fmt.Sprint(ours.batches) != fmt.Sprint(theirs.batches) {
			t.Fatalf("seed %d, size %d:\n%v\n%v", seed, size, ours.batches, theirs.batches)
		}
	}
}

// Random programs of several goroutines, which pause, flush and put in many ways: everything arrives once, and
// without WithSpread in the order of each goroutine's puts.
func TestEverythingArrivesOnce(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 4))
		var r recorder
		options := []Option{WithQueueItemsMax(1 + random.IntN(500)), WithMaxConcurrent(1)}
		if seed%2 == 0 {
			options = append(options, WithPool())
		}
		isOrdered := seed%3 != 0
		if !isOrdered {
			options = append(options, WithSpread())
		}
		if seed%5 == 0 {
			options = append(options, WithDrainMode())
		}
		b := New(1+random.IntN(300), time.Duration(random.IntN(2000))*time.Microsecond, r.handle, false, options...)
		const goroutines, each = 5, 400
		var putters sync.WaitGroup
		for g := range goroutines {
			putters.Add(1)
			go func() {
				defer putters.Done()
				putInManyWays(t, b, rand.New(rand.NewPCG(seed, uint64(g))), g*each, (g+1)*each)
			}()
		}
		within(t, putters.Wait)
		balanced(t, &b.core)
		all := r.all()
		if isOrdered && !isOrderedPerGoroutine(all, each, goroutines) {
			t.Fatalf("seed %d: out of order", seed)
		}
		slices.Sort(all)
		if len(all) != goroutines*each || len(slices.Compact(all)) != goroutines*each {
			t.Fatalf("seed %d: %d items", seed, len(all))
		}
	}
}

func putInManyWays(t *testing.T, b *Batcher[int], random *rand.Rand, first, last int) {
	for first < last {
		switch random.IntN(6) {
		case 0:
			n := min(last-first, random.IntN(50))
			items := make([]*int, n)
			for i := range items {
				items[i] = number(first + i)
			}
			done, err := b.PutBatch(items)
			ok(t, err)
			first += done
		case 1:
			ok(t, b.PutWith(background, number(first), ItemOptions{Linger: time.Microsecond}))
			first++
		case 2:
			ok(t, b.Trigger())
		default:
			ok(t, b.Put(number(first)))
			first++
		}
	}
}

func isOrderedPerGoroutine(all []int, each, goroutines int) bool {
	next := make([]int, goroutines)
	for _, n := range all {
		if n%each != next[n/each] {
			return false
		}
		next[n/each]++
	}
	return true
}

//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger counts, for each item by its name, how often it was accepted and how often it had an outcome.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]int
	outcomes map[string]int
	// many counts what calls of many accepted, which do not say of all items which those were.
	many int
}

// nameOf is what an item begins with, up to its padding.
func nameOf(item []byte) string { return string(item[:bytes.IndexByte(item, '.')]) }

func (l *ledger) accept(item []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted[nameOf(item)]++
}

func (l *ledger) settle(items [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, item := range items {
		l.outcomes[nameOf(item)]++
	}
}

// check fails the test if an item that was put alone has not exactly one outcome, or if the sums differ. The putter of
// an item that was dropped is not told.
func (l *ledger) check(t *testing.T, s Stats) {
	t.Helper()
	settled, accepted, dropped := 0, l.many, int(s.Dropped)
	for name, count := range l.outcomes {
		settled += count
		if count != 1 {
			t.Errorf("%s has %d outcomes", name, count)
		}
	}
	for name, count := range l.accepted {
		accepted += count
		if dropped == 0 && l.outcomes[name] != 1 {
			t.Errorf("%s was accepted %d times, and has %d outcomes", name, count, l.outcomes[name])
		}
	}
	if settled != int(s.Accepted) || settled > accepted || settled < accepted-dropped {
		t.Errorf("%d were accepted, %d have outcomes: %+v", accepted, settled, s)
	}
}

// randomOptions are settings that fit together, and a text of them.
func randomOptions(random *rand.Rand) (int, time.Duration, []Option, string) {
	sizes := []int{1, 3, 10, 100, 1000}
	timeouts := []time.Duration{0, 50 * time.Microsecond, time.Millisecond, time.Hour, NoTimeout}
	overflows := []Overflow{Block, BlockFor(time.Millisecond), Fail, DropNewest}
	size, timeout := sizes[random.Intn(len(sizes))], timeouts[random.Intn(len(timeouts))]
	overflow, queue, handlers := random.Intn(len(overflows)), 1+random.Intn(3000), 1+random.Intn(3)
	opts := []Option{WithOverflow(overflows[overflow]), WithQueueItemsMax(queue), WithMaxConcurrent(handlers), silent()}
	text := fmt.Sprintf("size %d, timeout %v, overflow %d, queue %d, handlers %d",
		size, timeout, overflow, queue, handlers)
	extras := map[string]Option{
		", ordered": WithOrdered(), ", drain": WithDrainMode(), ", bytes": WithBytesMax(4000, 9000),
		", window": WithWindow(minute(), 0, 0),
	}
	for name, option := range extras {
		if random.Intn(3) == 0 {
			opts = append(opts, option)
			text += name
		}
	}
	return size, timeout, opts, text
}

// drive puts items in all ways until its share is done or the batcher closes.
func (l *ledger) drive(t *testing.T, b *Bytes, random *rand.Rand, prefix string) {
	make := func(n int) []byte {
		return []byte(fmt.Sprintf("%s-%d%s", prefix, n, strings.Repeat(".", 1+random.Intn(60))))
	}
	var err error
	for n := 0; n < 2000 && !errors.Is(err, ErrClosed); n++ {
		item := make(n)
		switch random.Intn(50) {
		case 0:
			var many [][]byte
			for ; len(many) < 200; n++ {
				many = append(many, make(n))
			}
			var count int
			count, err = b.PutBatch(many)
			l.mu.Lock()
			l.many += count
			l.mu.Unlock()
			continue
		case 1:
			err = b.Flush(background)
			continue
		case 2:
			err = b.Trigger()
			continue
		case 3:
			item = append(item, bytes.Repeat([]byte("."), 3000)...)
			err = b.Put(item)
		case 4:
			err = b.TryPut(item)
		case 5:
			ctx, cancel := context.WithTimeout(background, time.Millisecond)
			err = b.PutCtx(ctx, item)
			cancel()
		default:
			err = b.Put(item)
		}
		if err == nil {
			l.accept(item)
		} else if !errors.Is(err, ErrFull) && !errors.Is(err, ErrClosed) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("put: %v", err)
		}
	}
}

func TestEveryAcceptedItemHasOneOutcomeInRandomPrograms(t *testing.T) {
	for seed := range int64(60) {
		random := rand.New(rand.NewSource(seed))
		size, timeout, opts, text := randomOptions(random)
		l := &ledger{accepted: map[string]int{}, outcomes: map[string]int{}}
		failsAt := 1 + random.Intn(20)
		calls := 0
		b := newBytes(t, size, timeout, func(batch [][]byte) {
			l.settle(batch)
			l.mu.Lock()
			calls++
			isBad := calls%failsAt == 0
			l.mu.Unlock()
			if isBad {
				panic("unlucky")
			}
		}, opts...)
		var putters sync.WaitGroup
		for g := range 3 {
			own := rand.New(rand.NewSource(seed*10 + int64(g)))
			putters.Add(1)
			go func() {
				defer putters.Done()
				l.drive(t, b, own, fmt.Sprintf("%d-%d", seed, g))
			}()
		}
		limit := testPatience
		if random.Intn(2) == 0 {
			limit = time.Duration(random.Intn(3000)) * time.Microsecond
			time.Sleep(limit)
		} else {
			within(t, putters.Wait)
		}
		ctx, cancel := context.WithTimeout(background, limit)
		receipt, _ := b.CloseContext(ctx)
		cancel()
		within(t, putters.Wait)
		last := balanced(t, b)
		l.settle(receipt.Items)
		l.check(t, b.Stats())
		if last.HandedBack != uint64(len(receipt.Items)) || last.StillRunning != 0 || t.Failed() {
			t.Fatalf("seed %d: %s; %+v, %d handed back", seed, text, last, len(receipt.Items))
		}
	}
}

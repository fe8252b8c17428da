package batchline

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen at once.
const testPatience = 20 * time.Second

// recorder is a handler that keeps what it gets.
type recorder struct {
	mu      sync.Mutex
	batches [][]int
	items   int
}

func (r *recorder) handle(batch []*int) {
	values := make([]int, len(batch))
	for i, item := range batch {
		values[i] = *item
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches = append(r.batches, values)
	r.items += len(values)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.items
}

func (r *recorder) all() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []int
	for _, batch := range r.batches {
		all = append(all, batch...)
	}
	return all
}

func (r *recorder) largest() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	largest := 0
	for _, batch := range r.batches {
		largest = max(largest, len(batch))
	}
	return largest
}

// number makes an item.
func number(n int) *int { return &n }

// numbers makes items 0 to n-1.
func numbers(n int) []*int {
	items := make([]*int, n)
	for i := range items {
		items[i] = number(i)
	}
	return items
}

// must fails the test on an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// within fails the test if act does not return in time, with the stacks of all goroutines.
func within(t *testing.T, act func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		act()
	}()
	select {
	case <-done:
	case <-time.After(testPatience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("it hangs\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(testPatience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// balanced closes a batcher, and fails the test if its numbers do not add up.
func balanced[T, R any](t *testing.T, c *core[T, R]) Receipt[T] {
	t.Helper()
	var receipt Receipt[T]
	within(t, func() { receipt = c.Close() })
	stats := c.Stats()
	if !receipt.IsBalanced() || !stats.IsBalanced() || stats.Live != 0 {
		t.Fatalf("the ledger does not add up: %+v, %+v", receipt, stats)
	}
	return receipt
}

// ourGoroutines counts the goroutines that run code of this package's engine.
func ourGoroutines() int {
	stacks := make([]byte, 1<<22)
	text := string(stacks[:runtime.Stack(stacks, true)])
	count := 0
	for _, stack := range strings.Split(text, "\n\n") {
		if strings.Contains(stack, "batchline/go.(*engine") {
			count++
		}
	}
	return count
}

// silent keeps the failures a test provokes out of the log.
func silent() Option { return WithFailureHook(func(FailureReport) {}) }

// stuck is a handler that waits until it is released.
type stuck struct {
	entered chan int
	release chan struct{}
}

func newStuck() *stuck { return &stuck{make(chan int, 1000), make(chan struct{})} }

func (s *stuck) handle(batch []*int) {
	s.entered <- len(batch)
	<-s.release
}

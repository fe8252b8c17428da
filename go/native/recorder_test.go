//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

// testPatience is how long a test waits for what should happen at once.
const testPatience = 20 * time.Second

var background = context.Background()

// recorder is a handler that keeps copies of what it gets.
type recorder struct {
	mu      sync.Mutex
	batches [][]string
	items   int
}

func (r *recorder) handle(batch [][]byte) {
	texts := make([]string, len(batch))
	for i, item := range batch {
		texts[i] = string(item)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches = append(r.batches, texts)
	r.items += len(texts)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.items
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
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

// ok fails the test on an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made gives the batcher that a constructor has made.
func made[B any](t testing.TB) func(b B, err error) B {
	return func(b B, err error) B {
		t.Helper()
		ok(t, err)
		return b
	}
}

// newBytes makes a batcher of byte strings, or fails the test.
func newBytes(t testing.TB, size int, timeout time.Duration, fn func([][]byte), opts ...Option) *Bytes {
	t.Helper()
	return made[*Bytes](t)(NewBytes(size, timeout, fn, opts...))
}

// within fails the test if act does not return in time, with the stacks of all goroutines.
func within(t testing.TB, act func()) {
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
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(testPatience); !is(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// closer is what the two kinds of batchers have in common here.
type closer[I any] interface {
	Close() Receipt[I]
	Stats() Stats
}

// balanced closes a batcher, and fails the test if its numbers do not add up.
func balanced[I any](t testing.TB, c closer[I]) Receipt[I] {
	t.Helper()
	var receipt Receipt[I]
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
		if strings.Contains(stack, "go/native.(*engine") {
			count++
		}
	}
	return count
}

// threads are the names of this process's threads; none where the system does not tell.
func threads() []string {
	tasks, _ := os.ReadDir("/proc/self/task")
	var names []string
	for _, task := range tasks {
		if name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm"); err == nil {
			names = append(names, strings.TrimSpace(string(name)))
		}
	}
	return names
}

// silent keeps the failures a test provokes out of the log.
func silent() Option { return WithFailureHook(func(batchline.FailureReport) {}) }

// stuck is a handler that waits until it is released.
type stuck struct {
	entered chan int
	release chan struct{}
}

func newStuck() *stuck { return &stuck{make(chan int, 1000), make(chan struct{})} }

func (s *stuck) handle(batch [][]byte) {
	s.entered <- len(batch)
	<-s.release
}

// waiting is how many puts wait for room.
func waiting(e *engine) int {
	e.budget.mu.Lock()
	defer e.budget.mu.Unlock()
	return len(e.budget.waiters)
}

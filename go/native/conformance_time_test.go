//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func TestP4_AnItemWaitsNoLongerThanItsTimeoutOnBothSidesTogether(t *testing.T) {
	const timeout = 40 * time.Millisecond
	arrived := make(chan time.Time, 1)
	b := newBytes(t, 1000, timeout, func([][]byte) { arrived <- time.Now() })
	best := time.Hour
	for range 10 {
		before := time.Now()
		ok(t, b.Put([]byte("item")))
		took := (<-arrived).Sub(before)
		if took < timeout/2 {
			t.Errorf("sealed after %v of %v", took, timeout)
		}
		best = min(best, took)
	}
	// A busy machine may be late, but not ten times in a row.
	if best > timeout+10*time.Millisecond {
		t.Errorf("the best of ten waits of %v took %v", timeout, best)
	}
	balanced(t, b)
	if s := b.Stats(); s.BatchesByReason[batchline.SealLinger] != 10 {
		t.Errorf("%+v", s)
	}
}

func TestATimeoutOfZeroSealsAtOnce(t *testing.T) {
	arrived := make(chan struct{})
	b := newBytes(t, 1000, 0, func([][]byte) { arrived <- struct{}{} })
	within(t, func() {
		for range 100 {
			ok(t, b.Put([]byte("item")))
			<-arrived
		}
	})
	balanced(t, b)
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestC33_AnIdleBatcherUsesNoProcessor(t *testing.T) {
	b := newBytes(t, 100, time.Millisecond, func([][]byte) {}, WithMaxConcurrent(4))
	ok(t, b.Put([]byte("item")))
	ok(t, b.Flush(background))
	time.Sleep(20 * time.Millisecond)
	runtime.GC()
	before := processorTime()
	time.Sleep(time.Second)
	if used := processorTime() - before; used > 20*time.Millisecond {
		t.Errorf("a second of silence took %v of the processor", used)
	}
	if b.engine.isArmed.Load() {
		t.Error("a timer is armed")
	}
	balanced(t, b)
}

func TestC34_ALoneItemInDrainModeWaitsForNoTimer(t *testing.T) {
	arrived := make(chan struct{})
	b := newBytes(t, 1000, NoTimeout, func([][]byte) { arrived <- struct{}{} }, WithDrainMode())
	within(t, func() {
		for range 1000 {
			ok(t, b.Put([]byte("item")))
			<-arrived
		}
	})
	balanced(t, b)
}

func TestDrainModeTakesWhatGatheredWhileTheHandlerRan(t *testing.T) {
	entered, release := make(chan int, 10), make(chan struct{})
	b := newBytes(t, 1000, NoTimeout, func(batch [][]byte) {
		entered <- len(batch)
		<-release
	}, WithDrainMode())
	ok(t, b.Put([]byte("item")))
	<-entered
	for range 50 {
		ok(t, b.Put([]byte("item")))
	}
	release <- struct{}{}
	within(t, func() {
		if n := <-entered; n != 50 {
			t.Errorf("the second batch has %d items", n)
		}
	})
	close(release)
	balanced(t, b)
}

func TestC35_SustainedTrafficStarvesNobody(t *testing.T) {
	stop := make(chan struct{})
	seen := make(chan struct{}, 1)
	b := newBytes(t, 100, 5*time.Millisecond, func(batch [][]byte) {
		for _, item := range batch {
			if len(item) == 1 {
				seen <- struct{}{}
			}
		}
	})
	var putter sync.WaitGroup
	putter.Add(1)
	go func() {
		defer putter.Done()
		for {
			select {
			case <-stop:
				return
			default:
				_ = b.Put([]byte("traffic"))
			}
		}
	}()
	within(t, func() {
		for range 20 {
			ok(t, b.Put([]byte("x")))
			<-seen
		}
	})
	close(stop)
	putter.Wait()
	balanced(t, b)
}

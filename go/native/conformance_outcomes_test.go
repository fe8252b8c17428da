//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func TestC10_AHandlerErrorFailsItsBatchOnly(t *testing.T) {
	bad := errors.New("bad")
	var reports []batchline.FailureReport
	b := made[*Bytes](t)(NewBytesWithErrors(2, time.Hour, func(batch [][]byte) error {
		if string(batch[0]) == "bad" {
			return bad
		}
		return nil
	}, WithFailureHook(func(r batchline.FailureReport) { reports = append(reports, r) }), WithName("mine")))
	for _, text := range []string{"good", "good", "bad", "bad", "good"} {
		ok(t, b.Put([]byte(text)))
	}
	if r := balanced(t, b); r.Done != 3 || r.Failed != 2 {
		t.Errorf("%+v", r)
	}
	if len(reports) != 1 || !errors.Is(reports[0].Err, bad) || reports[0].Items != 2 || reports[0].Batcher != "mine" ||
		reports[0].Reason != batchline.SealSize {
		t.Errorf("%+v", reports)
	}
}

func TestC11_AFailureLeavesATraceWithDefaultSettings(t *testing.T) {
	var text strings.Builder
	logger := slog.New(slog.NewTextHandler(&text, nil))
	b := newBytes(t, 10, 0, func([][]byte) { panic("no luck") }, WithLogger(logger))
	ok(t, b.Put([]byte("item")))
	balanced(t, b)
	for _, part := range []string{"items failed", "batcher=batchline", "items=1", "no luck"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the log has no %q: %s", part, text.String())
		}
	}
	if s := b.Stats(); s.Failed != 1 || s.Panics != 1 || s.FailedBatches != 1 {
		t.Errorf("%+v", s)
	}
}

func TestC11_AFailureHookMayPanic(t *testing.T) {
	b := newBytes(t, 1, 0, func([][]byte) { panic("first") }, WithLogger(slog.New(slog.DiscardHandler)),
		WithFailureHook(func(batchline.FailureReport) { panic("second") }))
	for range 3 {
		ok(t, b.Put([]byte("item")))
	}
	if r := balanced(t, b); r.Failed != 3 {
		t.Errorf("%+v", r)
	}
}

func TestC15_ABlockedPutHonoursItsDeadline(t *testing.T) {
	hold := newStuck()
	b := newBytes(t, 1, 0, hold.handle, WithQueueItemsMax(1), WithOverflow(BlockFor(20*time.Millisecond)))
	ok(t, b.Put([]byte("item")))
	before := time.Now()
	if err := b.Put([]byte("item")); !errors.Is(err, ErrTimedOut) || !errors.Is(err, ErrFull) {
		t.Errorf("BlockFor: %v", err)
	}
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	if err := b.PutCtx(ctx, []byte("item")); !errors.Is(err, ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("PutCtx: %v", err)
	}
	if took := time.Since(before); took < 40*time.Millisecond || took > testPatience/2 {
		t.Errorf("two waits of 20 ms took %v", took)
	}
	close(hold.release)
	balanced(t, b)
}

func TestC44_C72_NothingIsLeftAfterClose(t *testing.T) {
	cycle := func() {
		b := newBytes(t, 10, time.Millisecond, func([][]byte) {}, WithMaxConcurrent(4),
			WithWindow(batchline.Window{Duration: time.Second}, 0, 0))
		ok(t, b.Put([]byte("item")))
		ctx, cancel := context.WithTimeout(background, testPatience)
		defer cancel()
		ok(t, b.Flush(ctx))
		balanced(t, b)
	}
	for range 5 {
		cycle()
	}
	eventually(t, "the end of all goroutines", func() bool { return ourGoroutines() == 0 })
	before := len(threads())
	for range 20 {
		cycle()
	}
	eventually(t, "the end of all goroutines", func() bool { return ourGoroutines() == 0 })
	after := threads()
	for _, name := range after {
		if strings.HasPrefix(name, "batchline") {
			t.Errorf("a thread of the core's is left: %s", name)
		}
	}
	// Go keeps its own threads for later, and may start one now and then.
	if len(after) > before+4 {
		t.Errorf("%d threads before, %d after 20 cycles of 4 handlers: %v", before, len(after), after)
	}
}

func TestC72_APanickingHandlerDoesNotKillTheProcess(t *testing.T) {
	var calls atomic.Int32
	var errs []error
	b := newBytes(t, 1, 0, func([][]byte) {
		if calls.Add(1)%2 == 0 {
			panic(context.Canceled)
		}
	}, WithFailureHook(func(r batchline.FailureReport) { errs = append(errs, r.Err) }))
	for range 10 {
		ok(t, b.Put([]byte("item")))
	}
	if r := balanced(t, b); r.Done != 5 || r.Failed != 5 {
		t.Errorf("%+v", r)
	}
	var failure *batchline.PanicError
	if len(errs) != 5 || !errors.As(errs[0], &failure) || !errors.Is(errs[0], context.Canceled) ||
		len(failure.Stack) == 0 {
		t.Errorf("%v", errs)
	}
}

func TestC72_AHandlerThatEndsItsGoroutineFailsItsBatchOnly(t *testing.T) {
	var calls atomic.Int32
	b := newBytes(t, 1, 0, func([][]byte) {
		if calls.Add(1) <= 3 {
			runtime.Goexit()
		}
	}, silent())
	for range 10 {
		ok(t, b.Put([]byte("item")))
	}
	if r := balanced(t, b); r.Done != 7 || r.Failed != 3 {
		t.Errorf("%+v", r)
	}
	eventually(t, "the end of all goroutines", func() bool { return ourGoroutines() == 0 })
}

func TestP1_TheLedgerAddsUpWhileItemsMove(t *testing.T) {
	b := newBytes(t, 64, time.Millisecond, func(batch [][]byte) {
		if len(batch)%3 == 0 {
			panic("unlucky")
		}
	}, WithMaxConcurrent(3), silent())
	var putters sync.WaitGroup
	var accepted atomic.Uint64
	for range 4 {
		putters.Add(1)
		go func() {
			defer putters.Done()
			for range 20_000 {
				if b.Put([]byte("item")) == nil {
					accepted.Add(1)
				}
			}
		}()
	}
	for range 200 {
		if s := b.Stats(); s.Accepted < s.Done+s.Failed {
			t.Errorf("more outcomes than items: %+v", s)
		}
	}
	putters.Wait()
	if r := balanced(t, b); r.Accepted != accepted.Load() {
		t.Errorf("%d were accepted, %+v", accepted.Load(), r)
	}
}

func TestP3_SteadyPutsAllocateNothing(t *testing.T) {
	b := newBytes(t, 1000, time.Hour, func([][]byte) {}, WithOrdered())
	item := make([]byte, 64)
	for range 300_000 {
		ok(t, b.Put(item))
	}
	if allocs := testing.AllocsPerRun(100_000, func() { _ = b.Put(item) }); allocs != 0 {
		t.Errorf("%v allocations per put", allocs)
	}
	f := made[*Fixed[point]](t)(NewFixed(1000, time.Hour, func([]point) {}))
	if allocs := testing.AllocsPerRun(100_000, func() { _ = f.Put(point{}) }); allocs != 0 {
		t.Errorf("%v allocations per put of a record", allocs)
	}
	balanced(t, b)
	balanced(t, f)
}

// TestWhatAPutterDidIsSeenByTheHandler is for the race detector, which sees nothing of what happens in the core.
func TestWhatAPutterDidIsSeenByTheHandler(t *testing.T) {
	notes := make([]int, 10_000)
	sum := 0
	f := made[*Fixed[uint64]](t)(NewFixed(100, time.Millisecond, func(batch []uint64) {
		for _, i := range batch {
			sum += notes[i]
		}
	}))
	for i := range notes {
		notes[i] = i
		ok(t, f.Put(uint64(i)))
	}
	ok(t, f.Flush(background))
	if sum != 9999*10_000/2 {
		t.Errorf("the sum is %d", sum)
	}
	balanced(t, f)
}

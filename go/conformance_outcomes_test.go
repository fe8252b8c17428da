package batchline

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

var errBad = errors.New("bad")

// submitAll submits items at once, and gives their outcomes by item.
func submitAll[R any](b *ResultBatcher[int, R], items []*int) ([]R, []error) {
	results, errs := make([]R, len(items)), make([]error, len(items))
	var all sync.WaitGroup
	for i, item := range items {
		all.Add(1)
		go func() {
			defer all.Done()
			results[i], errs[i] = b.Submit(background, item)
		}()
	}
	all.Wait()
	return results, errs
}

func double(batch []*int) ([]int, error) {
	results := make([]int, len(batch))
	for i, item := range batch {
		results[i] = 2 * *item
	}
	return results, nil
}

func TestSubmitGivesEachItemItsResult(t *testing.T) {
	b := NewWithResults(8, time.Millisecond, double, true)
	results, errs := submitAll(b, numbers(500))
	for i := range results {
		if errs[i] != nil || results[i] != 2*i {
			t.Fatalf("item %d: %d, %v", i, results[i], errs[i])
		}
	}
	balanced(t, &b.core)
}

func TestC10_AHandlerErrorReachesItsBatchOnly(t *testing.T) {
	seals := map[string]func(*Batcher[int]){
		"size":   func(b *Batcher[int]) {},
		"flush":  func(b *Batcher[int]) { _ = b.Flush(background) },
		"linger": func(b *Batcher[int]) { _ = b.SetTimeout(time.Millisecond) },
		"close":  func(b *Batcher[int]) { b.Close() },
	}
	for name, seal := range seals {
		t.Run(name, func(t *testing.T) {
			size := map[bool]int{true: 3, false: 1000}[name == "size"]
			b := NewWithErrors(size, NoTimeout, func(batch []*int) error {
				if *batch[0] == 1 {
					return errBad
				}
				return nil
			}, false, silent())
			for value, want := range []error{nil, errBad, nil} {
				errs := make(chan error, 3)
				before := b.Stats().Accepted
				for range 3 {
					go func() { errs <- b.Submit(background, number(value)) }()
				}
				eventually(t, "three items", func() bool { return b.Stats().Accepted == before+3 })
				seal(b)
				for range 3 {
					if err := <-errs; !errors.Is(err, want) {
						t.Fatalf("batch %d: %v", value, err)
					}
				}
				if name == "close" {
					break
				}
				_ = b.SetTimeout(NoTimeout)
			}
			balanced(t, &b.core)
		})
	}
}

func TestC11_AFailureLeavesATraceWithDefaultSettings(t *testing.T) {
	var text bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&text, nil))
	b := New(1, 0, func([]*int) { panic("no") }, false, WithLogger(logger), WithName("orders"))
	ok(t, b.Put(number(1)))
	receipt := balanced(t, &b.core)
	if receipt.Failed != 1 || b.Stats().Panics != 1 || b.Stats().FailedBatches != 1 {
		t.Fatalf("%+v", b.Stats())
	}
	for _, part := range []string{"orders", "panicked: no", "items=1", "reason="} {
		if !strings.Contains(text.String(), part) {
			t.Fatalf("%q is not in the log: %s", part, text.String())
		}
	}
}

func TestC11_AFailureHookMayPanic(t *testing.T) {
	var text bytes.Buffer
	b := NewWithErrors(1, 0, func([]*int) error { return errBad }, false,
		WithLogger(slog.New(slog.NewTextHandler(&text, nil))), WithFailureHook(func(FailureReport) { panic("hook") }))
	if err := b.Submit(background, number(1)); !errors.Is(err, errBad) {
		t.Fatal(err)
	}
	balanced(t, &b.core)
	if !strings.Contains(text.String(), "hook") {
		t.Fatal("the panic of the hook left no trace")
	}
}

func TestC12_ACancelledItemNeverReachesTheHandler(t *testing.T) {
	var r recorder
	b := New(10, NoTimeout, r.handle, false)
	ctx, cancel := context.WithCancel(background)
	errs := make(chan error, 2)
	go func() { errs <- b.Submit(ctx, number(1)) }()
	eventually(t, "the first item", func() bool { return b.Stats().Accepted == 1 })
	ok(t, b.Put(number(2)))
	cancel()
	if err := <-errs; !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	ok(t, b.Flush(background))
	if all := r.all(); len(all) != 1 || all[0] != 2 {
		t.Fatalf("the handler got %v", all)
	}
	if receipt := balanced(t, &b.core); receipt.Cancelled != 1 || receipt.Done != 1 {
		t.Fatalf("%+v", receipt)
	}
}

func TestC12_AnItemInHandIsNotCancelled(t *testing.T) {
	hold := newStuck()
	b := New(1, 0, hold.handle, false)
	ctx, cancel := context.WithCancel(background)
	errs := make(chan error, 1)
	go func() { errs <- b.Submit(ctx, number(1)) }()
	<-hold.entered
	cancel()
	if err := <-errs; !errors.Is(err, ErrInHand) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(hold.release)
	if receipt := balanced(t, &b.core); receipt.Done != 1 || receipt.Cancelled != 0 {
		t.Fatalf("%+v", receipt)
	}
}

func TestC12_AnExpiredItemNeverReachesTheHandlerAndTouchesNoOther(t *testing.T) {
	clock := NewVirtualClock()
	hold := newStuck()
	var reports []FailureReport
	b := New(1, NoTimeout, hold.handle, false, WithClock(clock),
		WithFailureHook(func(r FailureReport) { reports = append(reports, r) }))
	ok(t, b.Put(number(0)))
	<-hold.entered
	ok(t, b.PutWith(background, number(1), ItemOptions{Deadline: time.Second}))
	ok(t, b.PutWith(background, number(2), ItemOptions{Deadline: time.Minute}))
	clock.Advance(time.Second)
	close(hold.release)
	receipt := balanced(t, &b.core)
	if receipt.Expired != 1 || receipt.Done != 2 {
		t.Fatalf("%+v", receipt)
	}
	if len(reports) != 1 || reports[0].Kind != Expired || reports[0].Items != 1 {
		t.Fatalf("reports %+v", reports)
	}
}

func TestC13_TheWrongNumberOfResultsFailsTheBatchAndNamesBothNumbers(t *testing.T) {
	for name, answer := range map[string]func(n int) ([]int, error){
		"results": func(n int) ([]int, error) { return make([]int, n+1), nil },
		"errors":  func(n int) ([]int, error) { return make([]int, n), make(ItemErrors, n+1) },
	} {
		b := NewWithResults(3, NoTimeout, func(batch []*int) ([]int, error) { return answer(len(batch)) }, false, silent())
		_, errs := submitAll(b, numbers(3))
		for _, err := range errs {
			var count *CountError
			if !errors.As(err, &count) || count.Expected != 3 || count.Got != 4 ||
				!strings.Contains(err.Error(), "4 results for a batch of 3") {
				t.Fatalf("%s: %v", name, err)
			}
		}
		balanced(t, &b.core)
	}
}

func TestC14_BisectionFindsTheBadItem(t *testing.T) {
	for bad := range 16 {
		b := NewWithErrors(16, NoTimeout, func(batch []*int) error {
			for _, item := range batch {
				if *item == bad {
					return errBad
				}
			}
			return nil
		}, false, silent(), WithBisect(8))
		for _, item := range numbers(16) {
			ok(t, b.Put(item))
		}
		receipt := balanced(t, &b.core)
		if receipt.Done != 15 || receipt.Failed != 1 || b.Stats().HandlerCalls > 9 {
			t.Fatalf("bad %d: %+v, %d calls", bad, receipt, b.Stats().HandlerCalls)
		}
	}
}

func TestC14_BisectionKeepsToItsBudget(t *testing.T) {
	b := NewWithErrors(64, NoTimeout, func([]*int) error { return errBad }, false, silent(), WithBisect(5))
	for _, item := range numbers(64) {
		ok(t, b.Put(item))
	}
	if receipt := balanced(t, &b.core); receipt.Failed != 64 || b.Stats().HandlerCalls != 6 {
		t.Fatalf("%+v, %d calls", receipt, b.Stats().HandlerCalls)
	}
}

func TestP8_AHandlerFailsSingleItems(t *testing.T) {
	b := NewWithResults(10, NoTimeout, func(batch []*int) ([]int, error) {
		results, _ := double(batch)
		errs := make(ItemErrors, len(batch))
		for i, item := range batch {
			if *item%3 == 0 {
				errs[i] = errBad
			}
		}
		return results, errs
	}, false, silent())
	results, errs := submitAll(b, numbers(10))
	for i := range results {
		if i%3 == 0 && !errors.Is(errs[i], errBad) || i%3 != 0 && (errs[i] != nil || results[i] != 2*i) {
			t.Fatalf("item %d: %d, %v", i, results[i], errs[i])
		}
	}
	if receipt := balanced(t, &b.core); receipt.Failed != 4 || receipt.Done != 6 {
		t.Fatalf("%+v", receipt)
	}
}

func TestC15_ABlockedPutHonoursItsDeadline(t *testing.T) {
	hold := newStuck()
	b := New(1, 0, hold.handle, false, WithQueueItemsMax(1), WithOverflow(BlockFor(20*time.Millisecond)))
	ok(t, b.Put(number(0)))
	begun := time.Now()
	err := b.Put(number(1))
	if took := time.Since(begun); !errors.Is(err, ErrTimedOut) || took < 20*time.Millisecond || took > 2*time.Second {
		t.Fatalf("%v after %v", err, took)
	}
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	begun = time.Now()
	err = b.PutCtx(ctx, number(1))
	took := time.Since(begun)
	if !errors.Is(err, ErrFull) || !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Fatalf("%v after %v", err, took)
	}
	close(hold.release)
	if receipt := balanced(t, &b.core); receipt.Accepted != 1 || b.Stats().Refused != 2 {
		t.Fatalf("%+v", b.Stats())
	}
}

func TestC15_ABlockedPutHonoursItsDeadlineOnAVirtualClock(t *testing.T) {
	clock := NewVirtualClock()
	hold := newStuck()
	b := New(1, NoTimeout, hold.handle, false, WithClock(clock), WithQueueItemsMax(1),
		WithOverflow(BlockFor(time.Second)))
	ok(t, b.Put(number(0)))
	errs := make(chan error, 1)
	go func() { errs <- b.Put(number(1)) }()
	eventually(t, "the timer", func() bool { return clock.Timers() == 1 })
	clock.Advance(time.Second - 1)
	select {
	case err := <-errs:
		t.Fatalf("too early: %v", err)
	default:
	}
	clock.Advance(1)
	if err := <-errs; !errors.Is(err, ErrTimedOut) {
		t.Fatal(err)
	}
	close(hold.release)
	balanced(t, &b.core)
}

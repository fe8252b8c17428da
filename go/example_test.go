package batchline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func Example() {
	batcher := batchline.New(3, 10*time.Millisecond, func(batch []*string) {
		fmt.Println(len(batch), "lines")
	}, false)
	for _, line := range []string{"a", "b", "c"} {
		if err := batcher.Put(&line); err != nil {
			fmt.Println(err)
		}
	}
	receipt := batcher.Close()
	fmt.Println(receipt.Accepted, receipt.Done)
	// Output:
	// 3 lines
	// 3 3
}

func ExampleNewWithResults() {
	lengths := batchline.NewWithResults(100, time.Millisecond, func(batch []*string) ([]int, error) {
		results := make([]int, len(batch))
		for i, text := range batch {
			results[i] = len(*text)
		}
		return results, nil
	}, true)
	defer lengths.Close()
	text := "four"
	fmt.Println(lengths.Submit(context.Background(), &text))
	// Output: 4 <nil>
}

func ExampleNewWithDeduplication() {
	batcher := batchline.NewWithDeduplication(100, time.Millisecond, func([]*string) {}, false,
		batchline.WithWindow(batchline.Window{Duration: time.Minute}))
	defer batcher.Close()
	for _, id := range []string{"a", "b", "a"} {
		if err := batcher.Put(&id); errors.Is(err, batchline.ErrDuplicate) {
			fmt.Println(id, "was put before")
		}
	}
	// Output: a was put before
}

func ExampleNewWithErrors() {
	batcher := batchline.NewWithErrors(10, time.Millisecond, func(batch []*int) error {
		errs := make(batchline.ItemErrors, len(batch))
		for i, item := range batch {
			if *item < 0 {
				errs[i] = errors.New("negative")
			}
		}
		return errs
	}, false, batchline.WithFailureHook(func(r batchline.FailureReport) { fmt.Println(r.Items, r.Kind, r.Err) }))
	good, bad := 1, -1
	_ = batcher.Put(&good)
	_ = batcher.Put(&bad)
	fmt.Println(batcher.Close().Done, "done")
	// Output:
	// 1 failed negative
	// 1 done
}

func ExampleBatcher_CloseContext() {
	started, release := make(chan struct{}), make(chan struct{})
	batcher := batchline.New(1, 0, func([]*string) {
		close(started)
		<-release
	}, false)
	first, second := "first", "second"
	_ = batcher.Put(&first)
	<-started
	_ = batcher.Put(&second)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	receipt, err := batcher.CloseContext(ctx)
	fmt.Println(receipt.StillRunning, "still running;", *receipt.Items[0], "was not handled:", err)
	close(release)
	// Output: 1 still running; second was not handled: context deadline exceeded
}

func ExampleGroup() {
	batcher := batchline.New(100, time.Millisecond, func([]*int) {}, true)
	defer batcher.Close()
	var group batchline.Group
	for n := range 10 {
		_ = batcher.PutWith(context.Background(), &n, batchline.ItemOptions{Group: &group})
	}
	outcome, err := group.Wait(context.Background())
	fmt.Println(outcome.Done, "done", err)
	// Output: 10 done <nil>
}

func ExampleWithOverflow() {
	release := make(chan struct{})
	batcher := batchline.New(1, 0, func([]*int) { <-release }, false,
		batchline.WithQueueItemsMax(2), batchline.WithOverflow(batchline.Fail))
	for n := range 3 {
		if err := batcher.Put(&n); errors.Is(err, batchline.ErrFull) {
			fmt.Println("no room for", n)
		}
	}
	close(release)
	fmt.Println(batcher.Close().Done, "done")
	// Output:
	// no room for 2
	// 2 done
}

func ExampleVirtualClock() {
	clock := batchline.NewVirtualClock()
	batcher := batchline.New(100, time.Hour, func(batch []*string) {}, false, batchline.WithClock(clock))
	defer batcher.Close()
	line := "a line"
	_ = batcher.Put(&line)
	clock.Advance(time.Hour)
	fmt.Println(batcher.Stats().BatchesByReason[batchline.SealLinger], "batch was sealed by its linger")
	// Output: 1 batch was sealed by its linger
}

func ExampleDedup() {
	seen, err := batchline.NewDedup[string](batchline.Window{Duration: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	charge := func(id string, fails bool) {
		claim, err := seen.Claim(id)
		if err != nil {
			fmt.Println(id, "was charged before, or is being charged")
			return
		}
		defer claim.Release()
		if !fails {
			claim.Commit()
		}
	}
	charge("a", true)
	charge("a", false)
	charge("a", false)
	// Output: a was charged before, or is being charged
}

func ExampleMetrics() {
	var metrics batchline.Metrics
	batcher := batchline.New(100, time.Millisecond, func([]*int) {}, false,
		batchline.WithName("orders"), batchline.WithMetrics(&metrics))
	defer batcher.Close()
	var text strings.Builder
	if err := metrics.WriteMetrics(&text); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Println(strings.Contains(text.String(), `batchline_items_accepted_total{batcher="orders"} 0`))
	// Output: true
}

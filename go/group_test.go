package batchline

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAGroupTellsWhenEveryItemHasAnOutcome(t *testing.T) {
	b := NewWithErrors(3, time.Millisecond, func(batch []*int) error {
		errs := make(ItemErrors, len(batch))
		for i, item := range batch {
			if *item%5 == 0 {
				errs[i] = errBad
			}
		}
		return errs
	}, true, silent())
	var group Group
	for _, item := range numbers(100) {
		ok(t, b.PutWith(background, item, ItemOptions{Group: &group}))
	}
	within(t, func() {
		outcome, err := group.Wait(background)
		ok(t, err)
		if outcome.Items != 100 || outcome.Done != 80 || outcome.NotDone != 20 || !errors.Is(outcome.Err, errBad) {
			t.Errorf("%+v", outcome)
		}
	})
	balanced(t, &b.core)
	if err := b.PutWith(background, number(1), ItemOptions{Group: &group}); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if outcome, err := group.Wait(background); err != nil || outcome.Items != 100 {
		t.Fatalf("a refused item is counted: %+v, %v", outcome, err)
	}
}

func TestAGroupWaitsNoLongerThanItsContext(t *testing.T) {
	b := New(10, NoTimeout, func([]*int) {}, false)
	var group Group
	ok(t, b.PutWith(background, number(1), ItemOptions{Group: &group}))
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	if outcome, err := group.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || outcome.Pending() != 1 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	balanced(t, &b.core)
	if outcome, err := group.Wait(background); err != nil || outcome.Done != 1 {
		t.Fatalf("%+v, %v", outcome, err)
	}
}

package batchline

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// PanicError is the failure of items whose handler panicked.
type PanicError struct {
	// Value is what the handler panicked with; nil if it ended its goroutine by runtime.Goexit.
	Value any
	// Stack is the stack of the panic, as debug.Stack formats it.
	Stack []byte
}

// Error tells the value of the panic, without the stack.
func (e *PanicError) Error() string {
	if e.Value == nil {
		return "batchline: the handler ended its goroutine"
	}
	return fmt.Sprintf("batchline: the handler panicked: %v", e.Value)
}

// Unwrap gives the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func newPanicError(value any) *PanicError {
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// CountError is the failure of a batch whose handler returned the wrong number of results or of per-item errors.
type CountError struct {
	// Expected is the number of items in the batch.
	Expected int
	// Got is the number of results that came back.
	Got int
}

// Error tells both numbers.
func (e *CountError) Error() string {
	return fmt.Sprintf("batchline: the handler returned %d results for a batch of %d items", e.Got, e.Expected)
}

// ItemErrors lets a handler fail single items: it returns one entry per item of its batch, in the batch's order, nil
// for those that are done. A handler that returns ItemErrors must not reorder the batch.
type ItemErrors []error

// Error tells how many items failed, and the first failure.
func (e ItemErrors) Error() string {
	failed, first := 0, error(nil)
	for _, err := range e {
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
	}
	return fmt.Sprintf("batchline: %d of %d items failed: %v", failed, len(e), first)
}

// FailureKind is what a FailureReport reports.
type FailureKind uint8

// The kinds of reports.
const (
	// Failed: the handler failed the items, by an error or a panic.
	Failed FailureKind = iota
	// Expired: items passed their deadline and never reached the handler.
	Expired
	// Dropped: the queue was full, and DropNewest dropped new items.
	Dropped
)

// String is the kind in lower case, as logs name it.
func (k FailureKind) String() string {
	return [...]string{"failed", "expired", "dropped"}[k]
}

// FailureReport is what the failure hook is told: once per batch in which anything failed or expired, and once per
// put that dropped anything.
type FailureReport struct {
	// Batcher is the name of the batcher.
	Batcher string
	// Kind is what happened.
	Kind FailureKind
	// Err is the first failure of the batch; nil unless Kind is Failed.
	Err error
	// Items is how many items it happened to.
	Items int
	// BatchItems is how many items the batch had; 0 for items that were in no batch.
	BatchItems int
	// Reason is why the batch was sealed; meaningless if BatchItems is 0.
	Reason SealReason
}

// report tells the hook, or the log where there is none. A hook that panics stops nothing; the panic is logged.
func (e *engine[T, R]) report(report FailureReport) {
	report.Batcher = e.settings.name
	if e.settings.onFailure == nil {
		e.logReport(report)
		return
	}
	defer func() {
		if value := recover(); value != nil {
			e.logger().Error("batchline: the failure hook panicked", "batcher", e.settings.name, "panic", value)
		}
	}()
	e.settings.onFailure(report)
}

func (e *engine[T, R]) logReport(report FailureReport) {
	args := []any{"batcher", report.Batcher, "items", report.Items}
	if report.BatchItems > 0 {
		args = append(args, "batch_items", report.BatchItems, "reason", report.Reason.String())
	}
	if report.Err != nil {
		args = append(args, "error", report.Err)
	}
	e.logger().Error("batchline: items "+report.Kind.String(), args...)
}

func (e *engine[T, R]) logger() *slog.Logger {
	if e.settings.logger != nil {
		return e.settings.logger
	}
	return slog.Default()
}

package batchline

import (
	"errors"
	"fmt"
)

// Why an item was refused. A refused item was not accepted: it has no outcome, and the caller still has it.
// Test with errors.Is: some calls wrap these with the reason of a context.
var (
	// ErrClosed says that the batcher is closed or closing.
	ErrClosed = errors.New("batchline: the batcher is closed")
	// ErrFull says that the queue is full, and that the overflow choice or the context allowed no more waiting.
	ErrFull = errors.New("batchline: the queue is full")
	// ErrTimedOut says that the queue stayed full for the time of BlockFor. It is also an ErrFull.
	ErrTimedOut = fmt.Errorf("%w and stayed so until the time was over", ErrFull)
	// ErrTooLarge says that the item alone weighs more than a batch or the queue may hold.
	ErrTooLarge = errors.New("batchline: the item weighs more than a batch may")
	// ErrReentrant says that a put from inside the batcher's own handler found the queue full: it would wait for
	// itself. Use TryPut there.
	ErrReentrant = errors.New("batchline: the queue is full and its own handler may not wait for room")
	// ErrDuplicate says that an item of the same key was put within the deduplication window, and did not fail.
	ErrDuplicate = errors.New("batchline: the key was seen within the window")
	// ErrWindowFull says that the deduplication window remembers KeysMax keys, and that its policy is to refuse.
	ErrWindowFull = errors.New("batchline: the window remembers as many keys as it may")
	// ErrNilItem says that the item is a nil pointer.
	ErrNilItem = errors.New("batchline: the item is nil")
)

// How a submitted item ended other than by its handler.
var (
	// ErrCancelled says that the submitter's context ended before the handler got the item; it never will.
	ErrCancelled = errors.New("batchline: the item was cancelled")
	// ErrInHand says that the submitter's context ended while the handler had the item: its outcome is not known.
	ErrInHand = errors.New("batchline: the item is being handled, its outcome is not known yet")
	// ErrExpired says that the item passed its deadline before its batch was handled.
	ErrExpired = errors.New("batchline: the item expired before it was handled")
	// ErrHandedBack says that the close ended before the item was handled; it is in the receipt of the close.
	ErrHandedBack = errors.New("batchline: the close handed the item back")
	// ErrInHandler says that Flush was called from inside the batcher's own handler: it would wait for itself.
	ErrInHandler = errors.New("batchline: a handler may not wait for its own batcher")
)

// errDropped tells the layers inside of a put that the item was dropped, which its caller is not told.
var errDropped = errors.New("batchline: dropped")

// SettingError says which setting cannot work, and what is allowed.
type SettingError struct {
	// Field is the name of the setting, as in the documentation of its option.
	Field string
	// Value is what was asked for.
	Value any
	// Allowed is what may be asked for.
	Allowed string
}

// Error tells the field, the value and the allowed range.
func (e *SettingError) Error() string {
	return fmt.Sprintf("batchline: %s is %v; allowed: %s", e.Field, e.Value, e.Allowed)
}

// PutBatchError says what PutBatch did not take, when it was more than "nothing from here on".
// It is returned by batchers with a deduplication window only.
type PutBatchError struct {
	// Duplicates are the indexes of the items that were refused with ErrDuplicate, in order.
	Duplicates []int
	// Next is the index of the first item that was not tried; the number of items if all were.
	Next int
	// Err is why PutBatch stopped at Next; nil if it did not.
	Err error
}

// Error tells how many duplicates there were, and why the call stopped.
func (e *PutBatchError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("batchline: %d items were seen within the window", len(e.Duplicates))
	}
	return fmt.Sprintf("stopped at item %d after %d duplicates: %v", e.Next, len(e.Duplicates), e.Err)
}

// Unwrap gives ErrDuplicate if there were duplicates, and the reason of the stop, for errors.Is.
func (e *PutBatchError) Unwrap() []error {
	var all []error
	if len(e.Duplicates) > 0 {
		all = append(all, ErrDuplicate)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

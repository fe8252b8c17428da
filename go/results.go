package batchline

import (
	"context"
	"runtime"
	"time"
)

// ResultBatcher is a Batcher whose handler returns one result per item, for those who submitted it.
type ResultBatcher[T, R any] struct {
	core[T, R]
}

// NewWithResults is New with a handler that returns one result per item, in the order of the batch, which it must not
// change. An error fails the whole batch; ItemErrors fail single items, and the others have the results returned with
// them. The wrong number of either fails the batch with a *CountError.
func NewWithResults[T, R any](
	size int, timeout time.Duration, fn func(batch []*T) ([]R, error), background bool, opts ...Option,
) *ResultBatcher[T, R] {
	return must(BuildWithResults(size, timeout, fn, background, opts...))
}

// BuildWithResults is NewWithResults for settings that may be wrong: it returns a *SettingError.
func BuildWithResults[T, R any](
	size int, timeout time.Duration, fn func(batch []*T) ([]R, error), background bool, opts ...Option,
) (*ResultBatcher[T, R], error) {
	if fn == nil {
		return nil, &SettingError{"fn", nil, "a function"}
	}
	e, err := start(size, timeout, fn, background, nil, opts)
	if err != nil {
		return nil, err
	}
	e.owesReplies = true
	b := &ResultBatcher[T, R]{core[T, R]{e}}
	runtime.AddCleanup(b, (*engine[T, R]).abandon, e)
	return b, nil
}

// Submit puts an item and waits for its result. Errors are those of Batcher.Submit.
func (b *ResultBatcher[T, R]) Submit(ctx context.Context, item *T) (R, error) {
	return b.SubmitWith(ctx, item, ItemOptions{})
}

// SubmitWith is Submit for an item with a linger, a deadline or a group of its own.
func (b *ResultBatcher[T, R]) SubmitWith(ctx context.Context, item *T, options ItemOptions) (R, error) {
	result, err := b.engine.submit(ctx, item, options)
	runtime.KeepAlive(b)
	return result, err
}

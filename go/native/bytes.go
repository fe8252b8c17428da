package native

import (
	"context"
	"runtime"
	"time"

	batchline "github.com/batchline/batchline/go"
)

// Bytes collects byte strings and hands them to its function as batches. It is made by NewBytes, and closed by Close.
// All methods may be called from any goroutine at any time, from inside the batcher's own handler too.
type Bytes struct {
	engine *engine
}

// NewBytes makes a batcher that calls fn with up to size items (1 to 2^24), when that many wait, or when the first of
// them has waited for timeout (0 to 24 h, or NoTimeout).
//
// The slices of a batch, and the batch itself, are valid until fn returns, and must not be changed: copy what is to be
// kept. One call of fn runs at a time, unless WithMaxConcurrent says otherwise. A panic in fn fails its batch: it is
// counted, and told to the failure hook.
//
// Errors: ErrNotLinked, ErrNoCgo, *batchline.SettingError, *CoreError.
func NewBytes(size int, timeout time.Duration, fn func(batch [][]byte), opts ...Option) (*Bytes, error) {
	if fn == nil {
		return nil, &batchline.SettingError{Field: "fn", Value: nil, Allowed: "a function"}
	}
	return NewBytesWithErrors(size, timeout, func(batch [][]byte) error {
		fn(batch)
		return nil
	}, opts...)
}

// NewBytesWithErrors is NewBytes with a function that can fail: an error fails the whole batch.
func NewBytesWithErrors(
	size int, timeout time.Duration, fn func(batch [][]byte) error, opts ...Option,
) (*Bytes, error) {
	if fn == nil {
		return nil, &batchline.SettingError{Field: "fn", Value: nil, Allowed: "a function"}
	}
	s, err := newSettings(size, timeout, 0, opts)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(s, deliverStrings(fn))
	if err != nil {
		return nil, err
	}
	b := &Bytes{e}
	runtime.AddCleanup(b, (*engine).abandon, e)
	return b, nil
}

// deliverStrings calls a function with byte strings where they lie.
func deliverStrings(fn func([][]byte) error) func(*poller, *coreBatch) error {
	return func(p *poller, b *coreBatch) error {
		view, _ := p.scratch.([][]byte)
		view = view[:0]
		for _, item := range b.strings() {
			view = append(view, item.bytes())
		}
		p.scratch = view
		// What the function keeps of the batch shows nothing any more, instead of other items' bytes.
		defer clear(view)
		return fn(view)
	}
}

// Put copies the item in. When the queue is full it does what WithOverflow says; by default it waits. Errors:
// ErrClosed, ErrFull, ErrTimedOut, ErrTooLarge, ErrReentrant, and with a window ErrDuplicate, ErrWindowFull.
func (b *Bytes) Put(item []byte) error {
	err := b.engine.put(item)
	runtime.KeepAlive(b)
	return err
}

// TryPut is Put that never waits, and drops nothing: ErrFull if there is no room.
func (b *Bytes) TryPut(item []byte) error {
	err := b.engine.putPatiently(item, patience{never: true})
	runtime.KeepAlive(b)
	return err
}

// PutCtx is Put that waits for room until the context ends, whatever WithOverflow says. The context bounds the wait
// only. The error is then an ErrFull and the context's.
func (b *Bytes) PutCtx(ctx context.Context, item []byte) error {
	err := b.engine.putCtx(ctx, item)
	runtime.KeepAlive(b)
	return err
}

// PutBatch copies many items in, and returns how many were accepted: items[:n], when there is no deduplication window.
// With a window all items but the duplicates are taken, unless it is full; the error is then an ErrDuplicate, which
// says how many, not which.
func (b *Bytes) PutBatch(items [][]byte) (int, error) {
	n, err := putMany(b.engine, manyStrings(items))
	runtime.KeepAlive(b)
	return n, err
}

// Trigger has what waits handled now, and does not wait for it. Error: ErrClosed.
func (b *Bytes) Trigger() error {
	err := b.engine.trigger()
	runtime.KeepAlive(b)
	return err
}

// Flush has what waits handled now, and waits until everything accepted before the call has its outcome. Errors:
// ErrClosed, ErrInHandler, the context's. When a context without a deadline ends the wait, a goroutine stays behind
// until those items have their outcome.
func (b *Bytes) Flush(ctx context.Context) error {
	err := b.engine.flush(ctx)
	runtime.KeepAlive(b)
	return err
}

// Close refuses puts from now on, has everything handled that was accepted, and returns when no handler runs any more.
// A second close waits for the first. From inside a handler it begins the close and returns.
func (b *Bytes) Close() Receipt[[]byte] {
	receipt, _ := b.CloseContext(context.Background())
	return receipt
}

// CloseContext is Close until the context ends. What no handler has by then is handed back in the receipt; handlers
// that still run are not interrupted, and their items are the receipt's StillRunning. The error is then the context's.
// From inside a handler it begins the close, and returns ErrInHandler.
func (b *Bytes) CloseContext(ctx context.Context) (Receipt[[]byte], error) {
	var items [][]byte
	receipt, err := b.engine.close(ctx, func(item []byte) { items = append(items, append([]byte{}, item...)) })
	receipt.Items = items
	runtime.KeepAlive(b)
	return receipt, err
}

// Stats is a snapshot of the counters. It takes a few microseconds, in which puts wait.
func (b *Bytes) Stats() Stats {
	stats := b.engine.stats()
	runtime.KeepAlive(b)
	return stats
}

type manyStrings [][]byte

func (m manyStrings) len() int          { return len(m) }
func (m manyStrings) item(i int) []byte { return m[i] }

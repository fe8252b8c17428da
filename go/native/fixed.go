package native

import (
	"context"
	"runtime"
	"time"
	"unsafe"

	batchline "github.com/batchline/batchline/go"
)

// Fixed collects values of one fixed-size type without pointers, and hands them to its function as batches. It is made
// by NewFixed, and closed by Close. All methods may be called from any goroutine at any time, from inside the
// batcher's own handler too.
type Fixed[T any] struct {
	engine *engine
}

// NewFixed makes a batcher of values of T: 1 to 256 bytes, of numbers, booleans, arrays and structs of those. It is
// otherwise as NewBytes.
//
// A batch is valid until fn returns: copy what is to be kept. If the size of T is a power of two and at least 8, the
// batch is the core's memory itself; otherwise its values are copied together first.
//
// Errors: ErrNotLinked, ErrNoCgo, *batchline.SettingError, which names the field of T that will not do, *CoreError.
func NewFixed[T any](size int, timeout time.Duration, fn func(batch []T), opts ...Option) (*Fixed[T], error) {
	if fn == nil {
		return nil, &batchline.SettingError{Field: "fn", Value: nil, Allowed: "a function"}
	}
	return NewFixedWithErrors(size, timeout, func(batch []T) error {
		fn(batch)
		return nil
	}, opts...)
}

// NewFixedWithErrors is NewFixed with a function that can fail: an error fails the whole batch.
func NewFixedWithErrors[T any](
	size int, timeout time.Duration, fn func(batch []T) error, opts ...Option,
) (*Fixed[T], error) {
	if fn == nil {
		return nil, &batchline.SettingError{Field: "fn", Value: nil, Allowed: "a function"}
	}
	layout, err := layoutOf[T]()
	if err != nil {
		return nil, err
	}
	s, err := newSettings(size, timeout, layout.size, opts)
	if err != nil {
		return nil, err
	}
	if err := layout.checkKey(s.window); err != nil {
		return nil, err
	}
	e, err := newEngine(s, deliverRecords(fn))
	if err != nil {
		return nil, err
	}
	f := &Fixed[T]{e}
	runtime.AddCleanup(f, (*engine).abandon, e)
	return f, nil
}

// deliverRecords calls a function with records where they lie, or with copies if their slots have gaps.
func deliverRecords[T any](fn func([]T) error) func(*poller, *coreBatch) error {
	size := int(unsafe.Sizeof(*new(T)))
	return func(p *poller, b *coreBatch) error {
		if b.stride == size {
			return fn(unsafe.Slice((*T)(b.items), b.len))
		}
		copies, _ := p.scratch.([]T)
		copies = copies[:0]
		for i := range b.len {
			copies = append(copies, *(*T)(unsafe.Add(b.items, i*b.stride)))
		}
		p.scratch = copies
		return fn(copies)
	}
}

// bytesOf are a value's bytes, where it lies.
func bytesOf[T any](item *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(item)), unsafe.Sizeof(*item))
}

// Put copies the item in, as [Bytes.Put].
func (f *Fixed[T]) Put(item T) error {
	err := f.engine.put(bytesOf(&item))
	runtime.KeepAlive(f)
	return err
}

// TryPut is Put that never waits, and drops nothing: ErrFull if there is no room.
func (f *Fixed[T]) TryPut(item T) error {
	err := f.engine.putPatiently(bytesOf(&item), patience{never: true})
	runtime.KeepAlive(f)
	return err
}

// PutCtx is Put that waits for room until the context ends, as [Bytes.PutCtx].
func (f *Fixed[T]) PutCtx(ctx context.Context, item T) error {
	err := f.engine.putCtx(ctx, bytesOf(&item))
	runtime.KeepAlive(f)
	return err
}

// PutBatch copies many items in, as [Bytes.PutBatch].
func (f *Fixed[T]) PutBatch(items []T) (int, error) {
	n, err := putMany(f.engine, manyRecords[T](items))
	runtime.KeepAlive(f)
	return n, err
}

// Trigger has what waits handled now, and does not wait for it. Error: ErrClosed.
func (f *Fixed[T]) Trigger() error {
	err := f.engine.trigger()
	runtime.KeepAlive(f)
	return err
}

// Flush waits until everything accepted before the call has its outcome, as [Bytes.Flush].
func (f *Fixed[T]) Flush(ctx context.Context) error {
	err := f.engine.flush(ctx)
	runtime.KeepAlive(f)
	return err
}

// Close has everything handled that was accepted, as [Bytes.Close].
func (f *Fixed[T]) Close() Receipt[T] {
	receipt, _ := f.CloseContext(context.Background())
	return receipt
}

// CloseContext is Close until the context ends, as [Bytes.CloseContext].
func (f *Fixed[T]) CloseContext(ctx context.Context) (Receipt[T], error) {
	var items []T
	r, err := f.engine.close(ctx, func(item []byte) {
		var value T
		copy(bytesOf(&value), item)
		items = append(items, value)
	})
	runtime.KeepAlive(f)
	return Receipt[T]{
		Accepted: r.Accepted, Done: r.Done, Failed: r.Failed, HandedBack: r.HandedBack, StillRunning: r.StillRunning,
		Items: items, TimedOut: r.TimedOut,
	}, err
}

// Stats is a snapshot of the counters, as [Bytes.Stats].
func (f *Fixed[T]) Stats() Stats {
	stats := f.engine.stats()
	runtime.KeepAlive(f)
	return stats
}

type manyRecords[T any] []T

func (m manyRecords[T]) len() int          { return len(m) }
func (m manyRecords[T]) item(i int) []byte { return bytesOf(&m[i]) }

package batchline

import (
	"context"
	"runtime"
	"time"
)

// Batcher collects items and hands them to its function as batches. It is made by New and its kin, and closed by
// Close. A batcher that the program has lost is closed by the garbage collector; what it holds is handled.
//
// All methods may be called from any goroutine at any time, from inside the batcher's own handler too.
type Batcher[T any] struct {
	core[T, struct{}]
}

// New makes a batcher that calls fn with up to size items (1 to 2^24), when that many wait, or when the first of
// them has waited for timeout (0 to 24 h, or NoTimeout). The slice belongs to fn, which may keep it.
//
// Without background one call of fn runs at a time, and batches are handled in order; with background up to
// GOMAXPROCS run at once: see WithMaxConcurrent. fn never runs on a putting goroutine, unless RunInCaller says so.
//
// A panic in fn fails its batch: it is counted, and told to the failure hook. Handlers that can fail are for
// NewWithErrors and NewWithResults.
//
// New panics with a *SettingError if a setting cannot work; Build returns it instead.
func New[T any](size int, timeout time.Duration, fn func(batch []*T), background bool, opts ...Option) *Batcher[T] {
	return must(Build(size, timeout, fn, background, opts...))
}

// NewWithPool is New with slices that are used again once fn has returned: fn must not keep its batch.
func NewWithPool[T any](
	size int, timeout time.Duration, fn func(batch []*T), background bool, opts ...Option,
) *Batcher[T] {
	return must(Build(size, timeout, fn, background, append(opts[:len(opts):len(opts)], WithPool())...))
}

// NewWithErrors is New with a handler that can fail: an error fails the whole batch, ItemErrors fail single items.
func NewWithErrors[T any](
	size int, timeout time.Duration, fn func(batch []*T) error, background bool, opts ...Option,
) *Batcher[T] {
	return must(build(size, timeout, fn, background, nil, opts))
}

// Build is New for settings that may be wrong: it returns a *SettingError that names the field and what is allowed.
func Build[T any](
	size int, timeout time.Duration, fn func(batch []*T), background bool, opts ...Option,
) (*Batcher[T], error) {
	return build(size, timeout, infallible(fn), background, nil, opts)
}

// infallible gives a handler that cannot fail the shape of one that can; nil stays nil.
func infallible[T any](fn func(batch []*T)) func(batch []*T) error {
	if fn == nil {
		return nil
	}
	return func(batch []*T) error {
		fn(batch)
		return nil
	}
}

func must[B any](b B, err error) B {
	if err != nil {
		panic(err)
	}
	return b
}

// gateMaker makes a deduplication window from the checked settings.
type gateMaker[T any] func(*settings) (gate[T], error)

func build[T any](
	size int, timeout time.Duration, fn func([]*T) error, background bool, gated gateMaker[T], opts []Option,
) (*Batcher[T], error) {
	if fn == nil {
		return nil, &SettingError{"fn", nil, "a function"}
	}
	call := func(batch []*T) ([]struct{}, error) { return nil, fn(batch) }
	e, err := start(size, timeout, call, background, gated, opts)
	if err != nil {
		return nil, err
	}
	b := &Batcher[T]{core[T, struct{}]{e}}
	runtime.AddCleanup(b, (*engine[T, struct{}]).abandon, e)
	return b, nil
}

func start[T, R any](
	size int, timeout time.Duration, fn func([]*T) ([]R, error), background bool, gated gateMaker[T], opts []Option,
) (*engine[T, R], error) {
	s, err := newSettings(size, timeout, background, opts)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(s, fn)
	if err != nil {
		return nil, err
	}
	if gated != nil {
		if e.gate, err = gated(&s); err != nil {
			return nil, err
		}
	}
	if s.metrics != nil {
		s.metrics.add(e)
	}
	return e, nil
}

// abandon closes a batcher that nobody can reach any more.
func (e *engine[T, R]) abandon() {
	e.mu.Lock()
	isOpen := e.state == stateOpen
	e.mu.Unlock()
	if isOpen {
		go func() { _, _ = e.close(context.Background()) }()
	}
}

// core is what all batchers can do.
type core[T, R any] struct {
	engine *engine[T, R]
}

// Put hands in an item, which the batcher keeps until it is handled. When the queue is full it does what WithOverflow
// says; by default it waits. Errors: ErrClosed, ErrFull, ErrTimedOut, ErrTooLarge, ErrReentrant, ErrDuplicate,
// ErrWindowFull, ErrNilItem. It allocates nothing.
func (c *core[T, R]) Put(item *T) error {
	err := c.engine.put(item)
	runtime.KeepAlive(c)
	return err
}

// TryPut is Put that never waits, and neither drops nor handles anything: ErrFull if there is no room.
func (c *core[T, R]) TryPut(item *T) error {
	err := c.engine.putExtra(&parcel[T, R]{item: item, patience: patience{never: true}})
	runtime.KeepAlive(c)
	return err
}

// PutCtx is Put that waits for room until the context ends, whatever WithOverflow says. The context bounds the wait
// only: once accepted, the item is not affected by it. The error is then an ErrFull and the context's.
func (c *core[T, R]) PutCtx(ctx context.Context, item *T) error {
	return c.PutWith(ctx, item, ItemOptions{})
}

// PutWith is PutCtx for an item with a linger, a deadline or a group of its own.
func (c *core[T, R]) PutWith(ctx context.Context, item *T, options ItemOptions) error {
	err := c.engine.putWith(ctx, item, options)
	runtime.KeepAlive(c)
	return err
}

// PutBatch hands in many items, and returns how many were accepted: items[:n], when there is no deduplication
// window. The bound of the queue counts items, so a large slice waits for room, or is cut short, in its middle;
// DropNewest drops the rest. With a window all items but the duplicates are taken: see PutBatchError. The slice
// stays the caller's.
func (c *core[T, R]) PutBatch(items []*T) (int, error) {
	n, err := c.engine.putBatch(items)
	runtime.KeepAlive(c)
	return n, err
}

// Trigger has what waits handled now, and does not wait for it. Error: ErrClosed.
func (c *core[T, R]) Trigger() error {
	err := c.engine.trigger()
	runtime.KeepAlive(c)
	return err
}

// Flush has what waits handled now, and waits until everything accepted before the call has its outcome. Items put
// meanwhile do not prolong it. Errors: ErrClosed, ErrInHandler, the context's.
func (c *core[T, R]) Flush(ctx context.Context) error {
	err := c.engine.flush(ctx)
	runtime.KeepAlive(c)
	return err
}

// Close refuses puts from now on, has everything handled that was accepted, and returns when no handler runs any
// more. A second close waits for the first. From inside a handler it begins the close and returns.
func (c *core[T, R]) Close() Receipt[T] {
	receipt, _ := c.CloseContext(context.Background())
	return receipt
}

// CloseContext is Close until the context ends. What no handler has by then is handed back in the receipt; handlers
// that still run are not interrupted, and their items are the receipt's StillRunning. The error is then the
// context's. From inside a handler it begins the close, and returns ErrInHandler.
func (c *core[T, R]) CloseContext(ctx context.Context) (Receipt[T], error) {
	receipt, err := c.engine.close(ctx)
	runtime.KeepAlive(c)
	return receipt, err
}

// Stats is a snapshot of the counters. It takes the engine's lock for about a microsecond.
func (c *core[T, R]) Stats() Stats {
	stats := c.engine.stats()
	runtime.KeepAlive(c)
	return stats
}

// WindowStats are the counters of the deduplication window; false if the batcher has none.
func (c *core[T, R]) WindowStats() (DedupStats, bool) {
	if c.engine.gate == nil {
		return DedupStats{}, false
	}
	stats := c.engine.gate.stats()
	runtime.KeepAlive(c)
	return stats, true
}

// SetDrainMode seals, when on, whatever waits as soon as a handler may run: a lone item waits for no timer, and under
// load batches grow with the time the handlers take.
func (c *core[T, R]) SetDrainMode(on bool) {
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	e.demand = on
	if on && e.running < e.maxConcurrent {
		e.seal(SealDemand)
	}
}

// SetTickInterval seals whatever waits at each multiple of interval on the batcher's clock (1 us to 24 h); 0 turns
// it off. It does not replace the timeout: the earlier seals. It takes effect at once. Error: *SettingError.
func (c *core[T, R]) SetTickInterval(interval time.Duration) error {
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	changed := settings{tick: interval, linger: e.linger, clock: e.clock}
	if err := changed.checkTimes(); err != nil {
		return err
	}
	before := e.lingerDue()
	e.tick = interval
	e.reschedule(before)
	return nil
}

// SetTimeout changes how long the first item of a batch may wait (0 to 24 h, or NoTimeout). It takes effect at once,
// for the items that wait too. Error: *SettingError.
func (c *core[T, R]) SetTimeout(timeout time.Duration) error {
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	changed := settings{tick: e.tick, linger: timeout, clock: e.clock}
	if err := changed.checkTimes(); err != nil {
		return err
	}
	before := e.lingerDue()
	e.linger = timeout
	e.reschedule(before)
	return nil
}

// SetMaxConcurrent changes how many handlers may run at once (1 to 65536). Handlers that run already are not
// interrupted. Error: *SettingError.
func (c *core[T, R]) SetMaxConcurrent(n int) error {
	if n < 1 || n > concurrentMax {
		return &SettingError{"max_concurrent", n, "1 to 65536"}
	}
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	e.maxConcurrent = n
	if e.demand && e.running < n {
		e.seal(SealDemand)
	}
	e.dispatch()
	return nil
}

// Submit puts an item, waiting for room as PutCtx does (under Fail and DropNewest: ErrFull at once), and waits for
// its outcome: nil when it is done, otherwise why it is not. When the context ends before the handler has the item,
// it never will: ErrCancelled; afterwards: ErrInHand. Do not call it from inside the batcher's own handler without a
// deadline: it may wait for itself.
func (b *Batcher[T]) Submit(ctx context.Context, item *T) error {
	return b.SubmitWith(ctx, item, ItemOptions{})
}

// SubmitWith is Submit for an item with a linger, a deadline or a group of its own.
func (b *Batcher[T]) SubmitWith(ctx context.Context, item *T, options ItemOptions) error {
	_, err := b.engine.submit(ctx, item, options)
	runtime.KeepAlive(b)
	return err
}

package batchline

import (
	"context"
	"time"
)

// ItemOptions are what one item may ask for itself. The zero value asks for nothing.
type ItemOptions struct {
	// Linger is the longest this item may wait for its batch to be sealed. It pulls the seal forward for the whole
	// batch; a linger longer than the batcher's changes nothing. 0 asks for none of its own.
	Linger time.Duration
	// Deadline is how long from now the handler may be given this item; after that it expires unhandled. It also
	// shortens the linger to half of it, so that the seal itself never makes an item expire. 0 is no deadline.
	Deadline time.Duration
	// Group is told when the item has its outcome.
	Group *Group
}

// pull is the linger the options ask for; 0 for none.
func (o *ItemOptions) pull() time.Duration {
	half := o.Deadline / 2
	if o.Linger > 0 && (half <= 0 || o.Linger < half) {
		return o.Linger
	}
	return max(half, 0)
}

// parcel is an item on its way in.
type parcel[T, R any] struct {
	item *T
	// x is what it carries, if it is loaded. A value, not a pointer: it stays on the putter's stack.
	x        extra[R]
	isLoaded bool
	pull     time.Duration
	patience
}

// load is what the item carries; nil for nothing.
func (p *parcel[T, R]) load() *extra[R] {
	if p.isLoaded {
		return &p.x
	}
	return nil
}

// put is the fast path: one uncontended lock, one append.
func (e *engine[T, R]) put(item *T) error {
	if item == nil {
		return ErrNilItem
	}
	if e.gate != nil || e.weigh != nil {
		return e.putExtra(&parcel[T, R]{item: item})
	}
	s := e.shardHere()
	s.mu.Lock()
	credit := s.credit - 1
	if credit < 0 {
		s.mu.Unlock()
		return e.enter(s, &parcel[T, R]{item: item})
	}
	s.credit = credit
	s.items = append(s.items, item)
	s.mu.Unlock()
	if credit == 0 {
		e.creditSpent(s)
	}
	return nil
}

// putExtra is the way of an item that carries something, or whose batcher must look at it.
func (e *engine[T, R]) putExtra(p *parcel[T, R]) error {
	if p.item == nil {
		return ErrNilItem
	}
	p.isLoaded = true
	if err := e.weighAndClaim(p); err != nil {
		return err
	}
	p.x.group.begin()
	err := e.putClaimed(p)
	if err != nil {
		e.release(&p.x)
		p.x.group.undo()
	}
	if err == errDropped {
		return nil
	}
	return err
}

// weighAndClaim runs the user's functions, before the item is near any lock.
func (e *engine[T, R]) weighAndClaim(p *parcel[T, R]) error {
	if e.weigh != nil {
		if p.x.bytes = max(0, e.weigh(p.item)); e.isTooLarge(p.x.bytes) {
			e.countRefused(1, false)
			return ErrTooLarge
		}
	}
	if e.gate == nil {
		return nil
	}
	claim, err := e.gate.claim(p.item)
	if err != nil {
		e.countRefused(1, err == ErrDuplicate)
		return err
	}
	p.x.claim = claim
	return nil
}

func (e *engine[T, R]) isTooLarge(bytes int) bool {
	if e.settings.aloneAllowed {
		return bytes > e.settings.queueBytes
	}
	return bytes > e.settings.batchBytes
}

func (e *engine[T, R]) putClaimed(p *parcel[T, R]) error {
	s := e.shardHere()
	if e.weigh != nil || p.pull > 0 {
		return e.enter(s, p)
	}
	s.mu.Lock()
	credit := s.credit - 1
	if credit < 0 {
		s.mu.Unlock()
		return e.enter(s, p)
	}
	s.credit = credit
	s.add(p.item, &p.x)
	s.mu.Unlock()
	if credit == 0 {
		e.creditSpent(s)
	}
	return nil
}

// enter is the slow way in, by the engine's lock: the first item of a batch, an item without credit, a full queue.
func (e *engine[T, R]) enter(s *shard[T, R], p *parcel[T, R]) error {
	e.mu.Lock()
	err := e.enterLocked(s, p)
	e.mu.Unlock()
	if err == errDropped {
		e.report(FailureReport{Kind: Dropped, Items: 1})
	}
	if err == errDropped && !p.isLoaded {
		return nil
	}
	return err
}

func (e *engine[T, R]) enterLocked(s *shard[T, R], p *parcel[T, R]) error {
	for {
		if e.state != stateOpen {
			e.counts.refused++
			return ErrClosed
		}
		if e.place(s, p.item, p.load()) {
			if p.pull > 0 {
				e.pullForward(p.pull)
			}
			e.topUp(s)
			return nil
		}
		if err := e.overflow(&p.patience); err != nil {
			return err
		}
	}
}

// putBatch puts many items, a copy per credit and not per item.
func (e *engine[T, R]) putBatch(items []*T) (int, error) {
	for _, item := range items {
		if item == nil {
			return 0, ErrNilItem
		}
	}
	if e.gate != nil || e.weigh != nil {
		return e.putEach(items)
	}
	s := e.shardHere()
	for done := 0; ; {
		done += e.putRun(s, items[done:])
		if done == len(items) {
			return done, nil
		}
		e.mu.Lock()
		err := e.enterLocked(s, &parcel[T, R]{item: items[done]})
		if err != nil {
			return done, e.refuseRest(err, len(items)-done-1)
		}
		e.mu.Unlock()
		done++
	}
}

// putRun adds as many items as the shard has credit for.
func (e *engine[T, R]) putRun(s *shard[T, R], items []*T) int {
	s.mu.Lock()
	n := min(s.credit, len(items))
	s.credit -= n
	s.items = append(s.items, items[:n]...)
	isSpent := n > 0 && s.credit == 0
	s.mu.Unlock()
	if isSpent {
		e.creditSpent(s)
	}
	return n
}

// refuseRest counts the items after one that was refused or dropped, which has been counted, and unlocks the engine.
func (e *engine[T, R]) refuseRest(err error, rest int) error {
	if err != errDropped {
		e.counts.refused += uint64(rest)
		e.mu.Unlock()
		return err
	}
	e.counts.dropped += uint64(rest)
	e.mu.Unlock()
	e.report(FailureReport{Kind: Dropped, Items: rest + 1})
	return nil
}

// putEach puts many items one by one, past duplicates.
func (e *engine[T, R]) putEach(items []*T) (int, error) {
	failed := PutBatchError{Next: len(items)}
	accepted := 0
	for i, item := range items {
		err := e.putExtra(&parcel[T, R]{item: item})
		if err == ErrDuplicate {
			failed.Duplicates = append(failed.Duplicates, i)
		} else if err != nil {
			failed.Next, failed.Err = i, err
			e.countRefused(len(items)-i-1, false)
			break
		} else {
			accepted++
		}
	}
	if len(failed.Duplicates) == 0 {
		return accepted, failed.Err
	}
	return accepted, &failed
}

func (e *engine[T, R]) countRefused(items int, isDuplicate bool) {
	e.mu.Lock()
	e.counts.refused += uint64(items)
	if isDuplicate {
		e.counts.duplicates++
	}
	e.mu.Unlock()
}

// putWith puts an item with options of its own, and waits for room until the context ends.
func (e *engine[T, R]) putWith(ctx context.Context, item *T, options ItemOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := parcel[T, R]{item: item, pull: options.pull(), patience: patience{ctx: ctx}}
	p.x.group = options.Group
	if options.Deadline > 0 {
		p.x.deadline = e.clock.Now() + options.Deadline
	}
	return e.putExtra(&p)
}

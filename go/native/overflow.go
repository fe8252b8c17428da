package native

import (
	"context"
	"fmt"
	"time"
)

// Overflow is what a put does when the queue is full.
type Overflow struct {
	kind overflowKind
	wait time.Duration
}

type overflowKind uint8

const (
	overflowBlock overflowKind = iota
	overflowBlockFor
	overflowFail
	overflowDrop
)

var (
	// Block waits for room. The default.
	Block = Overflow{kind: overflowBlock}
	// Fail refuses the item with ErrFull.
	Fail = Overflow{kind: overflowFail}
	// DropNewest drops the new item: the put returns nil, the drop is counted, and the failure hook is told.
	DropNewest = Overflow{kind: overflowDrop}
)

// BlockFor waits for room this long, then refuses the item with ErrTimedOut.
func BlockFor(d time.Duration) Overflow { return Overflow{kind: overflowBlockFor, wait: d} }

// patience is how long a put may wait for room: as the batcher's overflow choice says, unless told otherwise.
type patience struct {
	// ctx replaces the choice: wait until it ends.
	ctx context.Context
	// never waits not at all.
	never bool
	// until is when BlockFor gives up; zero before the first wait.
	until time.Time
}

// makeRoom does what is to be done when there is no room for an item of so many bytes: nil means try again.
func (e *engine) makeRoom(bytes int, p *patience) error {
	// Other shards may hold credit that they have not used.
	e.crossAll()
	if e.budget.has(bytes) {
		return nil
	}
	kind := e.settings.overflow.kind
	switch {
	case p.never, p.ctx == nil && kind == overflowFail:
		e.counts.refused.Add(1)
		return ErrFull
	case p.ctx == nil && kind == overflowDrop:
		return errDropped
	case e.isInside():
		e.counts.refused.Add(1)
		return ErrReentrant
	}
	return e.waitForRoom(bytes, p)
}

// waitForRoom waits for a signal, the context or the time; nil means try again.
func (e *engine) waitForRoom(bytes int, p *patience) error {
	ended, timeIsOver, stop := e.limits(p)
	defer stop()
	wait := e.budget.enlist()
	if e.budget.has(bytes) || e.isClosing.Load() {
		e.budget.forget(wait)
		return nil
	}
	if e.inHand.Load() == 0 {
		// All of the queue may be one open batch, which nothing else would seal soon.
		e.sealNow()
	}
	var err error
	select {
	case <-wait:
		return nil
	case <-ended:
		err = fmt.Errorf("%w: %w", ErrFull, p.ctx.Err())
	case <-timeIsOver:
		err = ErrTimedOut
	}
	e.budget.forget(wait)
	e.counts.refused.Add(1)
	return err
}

// limits are what ends a wait: the context, or the time of BlockFor, which begins with the first wait.
func (e *engine) limits(p *patience) (<-chan struct{}, <-chan time.Time, func()) {
	if p.ctx != nil {
		return p.ctx.Done(), nil, func() {}
	}
	if e.settings.overflow.kind != overflowBlockFor {
		return nil, nil, func() {}
	}
	if p.until.IsZero() {
		p.until = time.Now().Add(e.settings.overflow.wait)
	}
	timer := time.NewTimer(time.Until(p.until))
	return nil, timer.C, func() { timer.Stop() }
}

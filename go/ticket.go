package batchline

import (
	"context"
	"fmt"
	"sync/atomic"
)

// What a submitted item is doing.
const (
	ticketWaiting = iota
	ticketTaken
	ticketCancelled
)

// ticket is the submitter's end of an item. The batch keeps a pointer to it until the item is settled.
type ticket[R any] struct {
	state  atomic.Int32
	ready  chan struct{}
	result R
	err    error
}

// take keeps the submitter from cancelling; false if it has.
func (t *ticket[R]) take() bool { return t.state.CompareAndSwap(ticketWaiting, ticketTaken) }

// settle hands the outcome over, exactly once. A cancelled ticket has nobody waiting.
func (t *ticket[R]) settle(result R, err error) {
	t.result, t.err = result, err
	t.ready <- struct{}{}
}

// submit puts an item and waits for its outcome.
func (e *engine[T, R]) submit(ctx context.Context, item *T, options ItemOptions) (result R, err error) {
	if err := ctx.Err(); err != nil {
		return result, err
	}
	t := e.takeTicket()
	p := parcel[T, R]{item: item, pull: options.pull()}
	p.x.ticket, p.x.group = t, options.Group
	p.submits = true
	if e.settings.overflow.kind != overflowFail && e.settings.overflow.kind != overflowDrop {
		p.ctx = ctx
	}
	if options.Deadline > 0 {
		p.x.deadline = e.clock.Now() + options.Deadline
	}
	if err := e.putExtra(&p); err != nil {
		e.tickets.Put(t)
		return result, err
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		if t.state.CompareAndSwap(ticketWaiting, ticketCancelled) {
			return result, fmt.Errorf("%w: %w", ErrCancelled, ctx.Err())
		}
		select {
		case <-t.ready:
		default:
			return result, fmt.Errorf("%w: %w", ErrInHand, ctx.Err())
		}
	}
	result, err = t.result, t.err
	var none R
	t.result, t.err = none, nil
	t.state.Store(ticketWaiting)
	e.tickets.Put(t)
	return result, err
}

func (e *engine[T, R]) takeTicket() *ticket[R] {
	if t, ok := e.tickets.Get().(*ticket[R]); ok {
		return t
	}
	return &ticket[R]{ready: make(chan struct{}, 1)}
}

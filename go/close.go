package batchline

import "context"

// Receipt is what became of everything, at the end.
// Accepted = Done + Failed + Cancelled + Expired + HandedBack + StillRunning.
type Receipt[T any] struct {
	// Accepted is how many items were taken in.
	Accepted uint64
	// Done is how many items the handler was done with.
	Done uint64
	// Failed is how many items failed, alone or with their batch.
	Failed uint64
	// Cancelled is how many items their submitters cancelled.
	Cancelled uint64
	// Expired is how many items passed their deadline unhandled.
	Expired uint64
	// HandedBack is how many items were handed back, now or by an earlier close.
	HandedBack uint64
	// StillRunning is how many items were in handlers that had not returned, or still to be handled when the close
	// was called from inside a handler.
	StillRunning uint64
	// Items are the items that this close hands back, in the order of their batches.
	Items []*T
	// TimedOut says that the context cut the drain short.
	TimedOut bool
}

// IsBalanced says whether the numbers of the receipt add up. They always must.
func (r *Receipt[T]) IsBalanced() bool {
	return r.Accepted == r.Done+r.Failed+r.Cancelled+r.Expired+r.HandedBack+r.StillRunning
}

// close drains, until the context ends; then it hands back.
func (e *engine[T, R]) close(ctx context.Context) (Receipt[T], error) {
	e.mu.Lock()
	e.beginClose()
	if e.isInside() {
		defer e.mu.Unlock()
		return e.receipt(nil, false), ErrInHandler
	}
	quiet := make(chan struct{})
	e.quiet = append(e.quiet, quiet)
	e.tellQuiet()
	e.mu.Unlock()
	select {
	case <-quiet:
		return e.endClose(), nil
	default:
	}
	select {
	case <-quiet:
		return e.endClose(), nil
	case <-ctx.Done():
		return e.cutClose(), ctx.Err()
	}
}

// beginClose refuses puts from now on, and seals what waits.
func (e *engine[T, R]) beginClose() {
	if e.state != stateOpen {
		return
	}
	e.state = stateDraining
	e.seal(SealClose)
	e.disarm()
	e.wakeRoom(len(e.room))
}

// endClose lets go of everything.
func (e *engine[T, R]) endClose() Receipt[T] {
	e.mu.Lock()
	e.state = stateClosed
	e.spare = nil
	for i := range e.shards {
		e.shards[i].mu.Lock()
		e.shards[i].items, e.shards[i].extras = nil, nil
		e.shards[i].mu.Unlock()
	}
	receipt := e.receipt(nil, false)
	e.mu.Unlock()
	if e.gate != nil {
		e.gate.clear()
	}
	if e.settings.metrics != nil {
		e.settings.metrics.remove(e)
	}
	return receipt
}

// cutClose hands back what no handler has.
func (e *engine[T, R]) cutClose() Receipt[T] {
	e.mu.Lock()
	e.state = stateClosed
	var batches []*batch[T, R]
	var items []*T
	for b := e.pop(); b != nil; b = e.pop() {
		batches = append(batches, b)
		kept := e.screenForHandBack(b)
		items = append(items, kept...)
		e.counts.handedBack += uint64(len(kept))
		e.heldItems -= len(b.items)
		e.unsettledItems -= len(b.items)
		e.heldBytes -= b.bytes
		e.heldBatches--
	}
	receipt := e.receipt(items, true)
	e.tellQuiet()
	e.mu.Unlock()
	e.tellHandedBack(batches)
	return receipt
}

// screenForHandBack gives the items that were not cancelled meanwhile, and counts those that were.
func (e *engine[T, R]) screenForHandBack(b *batch[T, R]) []*T {
	kept := make([]*T, 0, len(b.items))
	for i, item := range b.items {
		if i < len(b.extras) && b.extras[i].ticket != nil && !b.extras[i].ticket.take() {
			e.counts.cancelled++
			b.gone = append(b.gone, departure[R]{b.extras[i], ErrCancelled})
			b.extras[i] = extra[R]{}
			continue
		}
		kept = append(kept, item)
	}
	return kept
}

// tellHandedBack settles what was handed back, outside of the lock; flushes end last, as after a handler.
func (e *engine[T, R]) tellHandedBack(batches []*batch[T, R]) {
	var none R
	for _, b := range batches {
		for i := range b.extras {
			e.release(&b.extras[i])
			b.extras[i].settle(none, ErrHandedBack)
		}
		for i := range b.gone {
			e.release(&b.gone[i].extra)
			b.gone[i].extra.settle(none, b.gone[i].err)
		}
		e.mu.Lock()
		e.finishFlushes(b.number)
		e.mu.Unlock()
	}
}

func (e *engine[T, R]) receipt(items []*T, timedOut bool) Receipt[T] {
	s := e.statsLocked()
	return Receipt[T]{
		Accepted: s.Accepted, Done: s.Done, Failed: s.Failed, Cancelled: s.Cancelled, Expired: s.Expired,
		HandedBack: s.HandedBack, StillRunning: s.Queued + s.InHand, Items: items, TimedOut: timedOut,
	}
}

package native

import (
	"context"
	"sync/atomic"
	"time"
)

// Receipt is what became of everything, at the end. I is what the items are: []byte of a Bytes, T of a Fixed.
// Accepted = Done + Failed + HandedBack + StillRunning.
type Receipt[I any] struct {
	// Accepted is how many items were taken in.
	Accepted uint64
	// Done is how many items the handler was done with.
	Done uint64
	// Failed is how many items failed with their batch.
	Failed uint64
	// HandedBack is how many items were handed back, now or by an earlier close.
	HandedBack uint64
	// StillRunning is how many items were in handlers that had not returned.
	StillRunning uint64
	// Items are the items that this close hands back: copies.
	Items []I
	// TimedOut says that the context cut the drain short.
	TimedOut bool
}

// IsBalanced says whether the numbers of the receipt add up. They always must.
func (r *Receipt[I]) IsBalanced() bool {
	return r.Accepted == r.Done+r.Failed+r.HandedBack+r.StillRunning
}

// closing is the state of the one close that does the work.
type closing struct {
	isTaken atomic.Bool
	// over is closed when it has done so.
	over chan struct{}
}

// close drains until the context ends; then it hands back. give is called with each item that is handed back, which is
// good until it returns.
func (e *engine) close(ctx context.Context, give func(item []byte)) (Receipt[[]byte], error) {
	e.beginClose()
	if e.isInside() {
		if e.closing.isTaken.CompareAndSwap(false, true) {
			// Somebody has to wait for the handlers, this one among them.
			go func() { _, _ = e.finishClose(context.Background(), func([]byte) {}) }()
		}
		return e.receiptNow(), ErrInHandler
	}
	if e.closing.isTaken.CompareAndSwap(false, true) {
		return e.finishClose(ctx, give)
	}
	return e.awaitClose(ctx)
}

// beginClose refuses puts from now on, and has everything cross that waits.
func (e *engine) beginClose() {
	if e.isClosing.Swap(true) {
		return
	}
	for i := range e.shards {
		s := &e.shards[i]
		s.mu.Lock()
		e.cross(s)
		s.isClosed = true
		s.buf, s.sizes = nil, nil
		s.mu.Unlock()
	}
	e.timer.Stop()
	e.budget.wakeAll()
}

// finishClose is done by one goroutine.
func (e *engine) finishClose(ctx context.Context, give func([]byte)) (Receipt[[]byte], error) {
	isDrained := e.drain(ctx)
	limit := coreNever
	if !isDrained {
		limit = 0
	}
	receipt := e.closeCore(limit, give)
	if !receipt.TimedOut {
		<-e.quiet
	}
	e.release()
	close(e.closing.over)
	if receipt.TimedOut {
		return receipt, ctx.Err()
	}
	return receipt, nil
}

// drain waits for outcomes as long as the context allows. A close of the core has a limit of its own, but cannot be cut
// short by a context, so the wait is a flush.
func (e *engine) drain(ctx context.Context) bool {
	if ctx.Done() == nil {
		return true
	}
	if !e.life.acquire() {
		return true
	}
	flushed := make(chan struct{})
	go func() {
		defer e.release()
		defer close(flushed)
		_ = e.flushCore(coreNever)
	}()
	select {
	case <-flushed:
		return true
	case <-ctx.Done():
		return false
	}
}

func (e *engine) closeCore(limit time.Duration, give func([]byte)) Receipt[[]byte] {
	c := coreClose(e.core, limit, give)
	e.settled.Load()
	lost := e.counts.lost.Load()
	return Receipt[[]byte]{
		Accepted: c.accepted + lost, Done: c.done, Failed: c.failed + lost, HandedBack: c.handedBack,
		StillRunning: c.stillRunning, TimedOut: c.timedOut,
	}
}

// awaitClose waits for the close that another goroutine does, and for handlers that have outlived it.
func (e *engine) awaitClose(ctx context.Context) (Receipt[[]byte], error) {
	for _, step := range []chan struct{}{e.closing.over, e.quiet} {
		select {
		case <-step:
		case <-ctx.Done():
			receipt := e.receiptNow()
			receipt.TimedOut = true
			return receipt, ctx.Err()
		}
	}
	return e.receiptNow(), nil
}

func (e *engine) receiptNow() Receipt[[]byte] {
	s := e.stats()
	return Receipt[[]byte]{
		Accepted: s.Accepted, Done: s.Done, Failed: s.Failed, HandedBack: s.HandedBack, StillRunning: s.Live,
	}
}

// abandon closes a batcher that nobody can reach any more.
func (e *engine) abandon() {
	if !e.isClosing.Load() {
		go func() { _, _ = e.close(context.Background(), func([]byte) {}) }()
	}
}

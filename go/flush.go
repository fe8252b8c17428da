package batchline

import "context"

// flushWait is a Flush that waits for the batches sealed before it.
type flushWait struct {
	// below: batches with a smaller number were sealed before.
	below uint64
	left  int
	done  chan struct{}
}

// flush seals what waits, and waits until all that was accepted before has its outcome.
func (e *engine[T, R]) flush(ctx context.Context) error {
	e.mu.Lock()
	if err := e.mayFlush(); err != nil {
		e.mu.Unlock()
		return err
	}
	e.seal(SealFlush)
	if e.heldBatches == 0 {
		e.mu.Unlock()
		return nil
	}
	wait := &flushWait{below: e.counts.batches, left: e.heldBatches, done: make(chan struct{})}
	e.flushes = append(e.flushes, wait)
	e.mu.Unlock()
	select {
	case <-wait.done:
		return nil
	case <-ctx.Done():
		e.forgetFlush(wait)
		return ctx.Err()
	}
}

func (e *engine[T, R]) mayFlush() error {
	if e.state != stateOpen {
		return ErrClosed
	}
	if e.isInside() {
		return ErrInHandler
	}
	return nil
}

// trigger seals what waits, and waits for nothing.
func (e *engine[T, R]) trigger() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != stateOpen {
		return ErrClosed
	}
	e.seal(SealFlush)
	return nil
}

// finishFlushes counts a batch that has its outcome.
func (e *engine[T, R]) finishFlushes(number uint64) {
	kept := e.flushes[:0]
	for _, wait := range e.flushes {
		if number < wait.below {
			wait.left--
		}
		if wait.left == 0 {
			close(wait.done)
			continue
		}
		kept = append(kept, wait)
	}
	clear(e.flushes[len(kept):])
	e.flushes = kept
}

func (e *engine[T, R]) forgetFlush(wait *flushWait) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, other := range e.flushes {
		if other == wait {
			e.flushes = append(e.flushes[:i], e.flushes[i+1:]...)
			return
		}
	}
}

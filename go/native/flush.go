package native

import (
	"context"
	"time"
)

// flush waits until all that was accepted before has its outcome.
func (e *engine) flush(ctx context.Context) error {
	if e.isInside() {
		return ErrInHandler
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.isClosing.Load() || !e.life.acquire() {
		return ErrClosed
	}
	e.crossAll()
	if ctx.Done() == nil {
		defer e.release()
		return e.flushCore(coreNever)
	}
	flushed := make(chan error, 1)
	limit := coreNever
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(0, time.Until(deadline)) + time.Millisecond
	}
	go func() {
		defer e.release()
		flushed <- e.flushCore(limit)
	}()
	select {
	case err := <-flushed:
		if err == context.DeadlineExceeded {
			<-ctx.Done()
			return ctx.Err()
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// coreNever is no limit in time.
const coreNever time.Duration = -1

func (e *engine) flushCore(limit time.Duration) error {
	status := coreFlush(e.core, limit)
	e.settled.Load()
	switch status {
	case coreOK:
		return nil
	case coreClosed:
		return ErrClosed
	case coreTimedOut:
		return context.DeadlineExceeded
	}
	return coreError("bl_flush", status)
}

// trigger has what waits sealed now.
func (e *engine) trigger() error {
	if e.isClosing.Load() {
		return ErrClosed
	}
	e.crossAll()
	e.sealNow()
	return nil
}

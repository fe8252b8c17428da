package batchline

import (
	"context"
	"fmt"
	"time"

	"github.com/batchline/batchline/go/internal/goroutine"
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
	overflowRun
)

var (
	// Block waits for room. The default.
	Block = Overflow{kind: overflowBlock}
	// Fail refuses the item with ErrFull.
	Fail = Overflow{kind: overflowFail}
	// DropNewest drops the new item: the put returns nil, the drop is counted, and the failure hook is told. Items
	// with a submitter are refused with ErrFull instead.
	DropNewest = Overflow{kind: overflowDrop}
	// RunInCaller handles a batch on the putting goroutine, then tries again. The handler then also runs there, so as
	// many handlers may run at once as the batcher allows, and one more per putting goroutine.
	RunInCaller = Overflow{kind: overflowRun}
)

// BlockFor waits for room this long, then refuses the item with ErrTimedOut.
func BlockFor(d time.Duration) Overflow { return Overflow{kind: overflowBlockFor, wait: d} }

// patience is how long a put may wait for room: as the batcher's overflow choice says, unless told otherwise.
type patience struct {
	// ctx replaces the choice: wait until it ends.
	ctx context.Context
	// never waits not at all.
	never bool
	// submits says that somebody waits for the outcome: the item may not be dropped.
	submits bool
	// until is when BlockFor gives up; 0 before the first wait.
	until time.Duration
}

// roomWait is a putter that waits for room.
type roomWait struct {
	ready chan struct{}
}

// overflow does what is to be done when there is no room: nil means try again. The engine is locked, before and
// after.
func (e *engine[T, R]) overflow(p *patience) error {
	choice := e.settings.overflow
	switch {
	case p.never, p.ctx == nil && choice.kind == overflowFail, p.submits && choice.kind == overflowDrop && p.ctx == nil:
		e.counts.refused++
		return ErrFull
	case p.ctx == nil && choice.kind == overflowDrop:
		e.counts.dropped++
		return errDropped
	case choice.kind == overflowRun && e.lendHand():
		return nil
	case e.isInside():
		e.counts.refused++
		return ErrReentrant
	}
	return e.waitForRoom(p, choice)
}

// waitForRoom waits for a signal, the context or the time; nil means try again.
func (e *engine[T, R]) waitForRoom(p *patience, choice Overflow) error {
	wait := &roomWait{ready: make(chan struct{}, 1)}
	before := e.clock.Now()
	var ended <-chan struct{}
	if p.ctx != nil {
		ended = p.ctx.Done()
	} else if choice.kind == overflowBlockFor {
		if p.until == 0 {
			p.until = before + choice.wait
		}
		if before >= p.until {
			e.counts.refused++
			return ErrTimedOut
		}
		timer := e.clock.AfterFunc(p.until-before, func() { e.timeOut(wait) })
		defer timer.Stop()
	}
	e.room = append(e.room, wait)
	e.sealForRoom()
	e.mu.Unlock()
	select {
	case <-wait.ready:
	case <-ended:
	}
	e.mu.Lock()
	e.counts.admissionWait += e.clock.Now() - before
	wasWoken := !e.forgetRoomWait(wait)
	if p.ctx != nil && p.ctx.Err() != nil && !wasWoken {
		e.counts.refused++
		return fmt.Errorf("%w: %w", ErrFull, p.ctx.Err())
	}
	return nil
}

// timeOut wakes a putter whose time is over; it tries once more.
func (e *engine[T, R]) timeOut(wait *roomWait) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.forgetRoomWait(wait) {
		wait.ready <- struct{}{}
	}
}

// forgetRoomWait takes a waiter off the list; false if it was woken.
func (e *engine[T, R]) forgetRoomWait(wait *roomWait) bool {
	for i, other := range e.room {
		if other == wait {
			e.room = append(e.room[:i], e.room[i+1:]...)
			return true
		}
	}
	return false
}

// sealForRoom lets a free worker have what waits: a putter waits for the room it takes.
func (e *engine[T, R]) sealForRoom() {
	if e.isOpen && e.running < e.maxConcurrent {
		e.seal(SealDemand)
	}
}

// wakeRoom wakes as many putters as there is room for.
func (e *engine[T, R]) wakeRoom(items int) {
	n := min(items, len(e.room))
	for _, wait := range e.room[:n] {
		wait.ready <- struct{}{}
	}
	e.room = append(e.room[:0], e.room[n:]...)
}

// lendHand handles the oldest batch on this goroutine; false if none waits, or if this goroutine is handling one.
func (e *engine[T, R]) lendHand() bool {
	if e.isInside() {
		return false
	}
	if e.queueLen() == 0 && e.isOpen {
		e.sealOnly(SealDemand)
	}
	b := e.pop()
	if b == nil {
		return false
	}
	e.lent++
	id := goroutine.ID()
	e.inHandlers = append(e.inHandlers, id)
	e.mu.Unlock()
	hasReturned := false
	defer func() {
		e.mu.Lock()
		e.lent--
		e.leaveHandlers(id)
		if !hasReturned {
			// The handler ends this goroutine: nobody below will unlock.
			e.mu.Unlock()
		}
	}()
	e.process(b)
	hasReturned = true
	return true
}

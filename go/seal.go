package batchline

import (
	"math/bits"
	"time"
)

// batch is what was sealed together, and what becomes of it.
type batch[T, R any] struct {
	items []*T
	// extras is empty, or as long as items.
	extras []extra[R]
	// asks says that some item has more than a claim and a weight.
	asks     bool
	results  []R
	errs     []error
	reason   SealReason
	number   uint64
	openedAt time.Duration
	sealedAt time.Duration
	outcomes outcomes
	bytes    int
	// gone are items that were taken out before the handler got the batch, and why.
	gone []departure[R]
}

// open begins a batch, if none is open: notes the time and arms the timer.
func (e *engine[T, R]) open() {
	if e.isOpen {
		return
	}
	e.isOpen = true
	e.openedAt = e.clock.Now()
	e.due = never
	e.dueReason = SealLinger
	if e.linger >= 0 {
		e.due = e.openedAt + e.linger
	}
	e.noteTick(e.openedAt)
	e.arm(e.openedAt)
}

// never is a time that does not come.
const never = time.Duration(1<<63 - 1)

// noteTick brings the due time forward to the next tick.
func (e *engine[T, R]) noteTick(now time.Duration) {
	if e.tick <= 0 {
		return
	}
	if next := (now/e.tick + 1) * e.tick; next < e.due {
		e.due, e.dueReason = next, SealTick
	}
}

// pullForward seals the open batch after d at the latest.
func (e *engine[T, R]) pullForward(d time.Duration) {
	now := e.clock.Now()
	if e.isOpen && now+d < e.due {
		e.due, e.dueReason = now+d, SealLinger
		e.arm(now)
	}
}

// unarmed is what timerDue is while the timer does not run.
const unarmed = time.Duration(-1)

// arm lets the timer fire when the open batch is due.
func (e *engine[T, R]) arm(now time.Duration) {
	if e.due == e.timerDue {
		return
	}
	if e.due == never {
		e.disarm()
		return
	}
	e.timerDue = e.due
	wait := max(0, e.due-now)
	if e.timer == nil {
		e.timer = e.clock.AfterFunc(wait, e.onTimer)
		return
	}
	e.timer.Reset(wait)
}

func (e *engine[T, R]) disarm() {
	if e.timer != nil && e.timerDue != unarmed {
		e.timer.Stop()
	}
	e.timerDue = unarmed
}

// onTimer seals what is due. A timer that comes late for its batch finds a younger one, and waits for that.
func (e *engine[T, R]) onTimer() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timerDue = unarmed
	if !e.isOpen {
		return
	}
	e.counts.wakeups++
	now := e.clock.Now()
	if e.due != never && now >= e.due {
		e.seal(e.dueReason)
		return
	}
	e.arm(now)
}

// reschedule computes anew when the open batch is due, after a setting has changed. What items have asked for
// themselves stays.
func (e *engine[T, R]) reschedule(before time.Duration) {
	if !e.isOpen {
		return
	}
	due, now := never, e.clock.Now()
	if e.linger >= 0 {
		due = e.openedAt + e.linger
	}
	if wasPulled := e.dueReason == SealLinger && e.due < before; wasPulled {
		due = min(due, e.due)
	}
	e.due, e.dueReason = due, SealLinger
	e.noteTick(now)
	e.arm(now)
}

// lingerDue is when the open batch is due by the batcher's own linger.
func (e *engine[T, R]) lingerDue() time.Duration {
	if e.linger < 0 {
		return never
	}
	return e.openedAt + e.linger
}

// seal closes the open batch, if there is one, and has it handled.
func (e *engine[T, R]) seal(reason SealReason) {
	if e.sealOnly(reason) {
		e.dispatch()
	}
}

func (e *engine[T, R]) sealOnly(reason SealReason) bool {
	if !e.isOpen {
		return false
	}
	b := e.takeSpare()
	e.collect(b)
	e.disarm()
	b.reason, b.openedAt, b.sealedAt, b.bytes = reason, e.openedAt, e.clock.Now(), e.openBytes
	b.number = e.counts.batches
	e.isOpen, e.issued, e.active, e.openBytes = false, 0, 0, 0
	e.heldItems += len(b.items)
	e.unsettledItems += len(b.items)
	e.heldBytes += b.bytes
	e.heldBatches++
	e.counts.noteBatch(b.reason, len(b.items), b.sealedAt-b.openedAt)
	e.queue = append(e.queue, b)
	return true
}

// collect takes the items of all shards. It is as large as it must be, unless its slice is used again.
func (e *engine[T, R]) collect(b *batch[T, R]) {
	items := e.reclaim()
	if e.settings.pool && e.active&(e.active-1) == 0 {
		s := &e.shards[bits.TrailingZeros64(e.active)]
		if cap(b.items) < items {
			// As many are likely to come again.
			b.items = make([]*T, 0, items)
		}
		s.mu.Lock()
		s.swapWith(b)
		s.mu.Unlock()
		return
	}
	if cap(b.items) < items {
		b.items = make([]*T, 0, items)
	}
	for rest := e.active; rest != 0; rest &= rest - 1 {
		s := &e.shards[bits.TrailingZeros64(rest)]
		s.mu.Lock()
		s.moveTo(b)
		s.mu.Unlock()
	}
	for len(b.extras) > 0 && len(b.extras) < len(b.items) {
		b.extras = append(b.extras, extra[R]{})
	}
}

func (e *engine[T, R]) takeSpare() *batch[T, R] {
	if n := len(e.spare); n > 0 {
		b := e.spare[n-1]
		e.spare = e.spare[:n-1]
		return b
	}
	return new(batch[T, R])
}

// sparesMax bounds what a burst leaves behind.
const sparesMax = 64

// recycle keeps a handled batch for the next one. It holds no reference to items, and the slice only if the handler
// was told not to keep it.
func (e *engine[T, R]) recycle(b *batch[T, R]) {
	if len(e.spare) >= sparesMax {
		return
	}
	if e.settings.pool {
		clear(b.items)
		b.items = b.items[:0]
	} else {
		b.items = nil
	}
	clear(b.extras)
	clear(b.results)
	clear(b.errs)
	clear(b.gone)
	b.extras, b.results, b.errs, b.gone = b.extras[:0], b.results[:0], b.errs[:0], b.gone[:0]
	b.outcomes, b.asks = outcomes{}, false
	e.spare = append(e.spare, b)
}

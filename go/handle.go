package batchline

import "time"

// outcomes is what became of the items of one batch.
type outcomes struct {
	done, failed, cancelled, expired uint64
	calls, panics                    uint64
	firstErr                         error
	startedAt, endedAt               time.Duration
}

// departure is an item that left its batch before the handler got it.
type departure[R any] struct {
	extra extra[R]
	err   error
}

// process handles a batch and settles every item of it, even if the handler ends its goroutine.
func (e *engine[T, R]) process(b *batch[T, R]) {
	hasReturned := false
	size := len(b.items)
	defer func() {
		if !hasReturned {
			b.outcomes.calls++
			b.outcomes.panics++
			e.failRange(b, 0, len(b.items), newPanicError(nil))
			e.settle(b, size)
		}
	}()
	b.outcomes.startedAt = e.clock.Now()
	e.screen(b)
	if len(b.items) > 0 {
		budget := e.settings.bisectCalls
		e.run(b, 0, len(b.items), &budget)
	}
	hasReturned = true
	e.settle(b, size)
}

// screen takes cancelled and expired items out of the batch. From here on a submitter cannot cancel any more.
func (e *engine[T, R]) screen(b *batch[T, R]) {
	if !b.asks {
		return
	}
	kept := 0
	for i := range b.items {
		x := b.extras[i]
		if err := e.departs(&x, b); err != nil {
			b.gone = append(b.gone, departure[R]{x, err})
			continue
		}
		b.items[kept], b.extras[kept] = b.items[i], x
		kept++
	}
	clear(b.items[kept:])
	clear(b.extras[kept:])
	b.items, b.extras = b.items[:kept], b.extras[:kept]
}

func (e *engine[T, R]) departs(x *extra[R], b *batch[T, R]) error {
	if x.ticket != nil && !x.ticket.take() {
		b.outcomes.cancelled++
		return ErrCancelled
	}
	if x.deadline != 0 && b.outcomes.startedAt >= x.deadline {
		b.outcomes.expired++
		return ErrExpired
	}
	return nil
}

// run hands the items from lo to hi to the handler, and halves them if it fails and may be asked again.
func (e *engine[T, R]) run(b *batch[T, R], lo, hi int, budget *int) {
	results, err := e.call(b, b.items[lo:hi:hi])
	itemErrs, isPerItem := err.(ItemErrors)
	switch {
	case isPerItem && len(itemErrs) != hi-lo:
		e.failRange(b, lo, hi, &CountError{Expected: hi - lo, Got: len(itemErrs)})
	case isPerItem:
		e.keepResults(b, lo, hi, results)
		for i, itemErr := range itemErrs {
			if itemErr != nil {
				e.failRange(b, lo+i, lo+i+1, itemErr)
			}
		}
	case err == nil && e.owesReplies && len(results) != hi-lo:
		e.failRange(b, lo, hi, &CountError{Expected: hi - lo, Got: len(results)})
	case err == nil:
		e.keepResults(b, lo, hi, results)
	case hi-lo > 1 && *budget > 0:
		e.halve(b, lo, hi, budget, err)
	default:
		e.failRange(b, lo, hi, err)
	}
}

// halve asks the handler for each half; the second only if there is a call left for it.
func (e *engine[T, R]) halve(b *batch[T, R], lo, hi int, budget *int, err error) {
	middle := lo + (hi-lo)/2
	for _, half := range [2][2]int{{lo, middle}, {middle, hi}} {
		if *budget == 0 {
			e.failRange(b, half[0], half[1], err)
			continue
		}
		*budget--
		e.run(b, half[0], half[1], budget)
	}
}

// call runs the user's handler; a panic becomes an error.
func (e *engine[T, R]) call(b *batch[T, R], items []*T) (results []R, err error) {
	hasReturned := false
	defer func() {
		if hasReturned {
			return
		}
		if value := recover(); value != nil {
			b.outcomes.calls++
			b.outcomes.panics++
			err = newPanicError(value)
		}
	}()
	results, err = e.fn(items)
	hasReturned = true
	b.outcomes.calls++
	return results, err
}

func (e *engine[T, R]) failRange(b *batch[T, R], lo, hi int, err error) {
	if b.outcomes.firstErr == nil {
		b.outcomes.firstErr = err
	}
	for len(b.errs) < len(b.items) {
		b.errs = append(b.errs, nil)
	}
	for i := lo; i < hi; i++ {
		if b.errs[i] == nil {
			b.outcomes.failed++
		}
		b.errs[i] = err
	}
}

// keepResults copies results for those who wait for them.
func (e *engine[T, R]) keepResults(b *batch[T, R], lo, hi int, results []R) {
	if !b.asks || len(results) != hi-lo {
		return
	}
	if len(b.results) < len(b.items) {
		b.results = append(b.results[:0], make([]R, len(b.items))...)
	}
	copy(b.results[lo:hi], results)
}

// settle gives every item its outcome: keys first, so that whoever learns of a failure may put the item again at
// once; then the counters, tickets and groups, the hook; and at last those who wait for room or for a flush.
func (e *engine[T, R]) settle(b *batch[T, R], size int) {
	o := &b.outcomes
	o.done = uint64(len(b.items)) - o.failed
	o.endedAt = e.clock.Now()
	e.releaseKeys(b)
	if b.asks || o.firstErr != nil {
		e.mu.Lock()
		e.countOutcomes(b, size)
		e.mu.Unlock()
		e.tell(b, size)
		e.mu.Lock()
	} else {
		e.mu.Lock()
		e.countOutcomes(b, size)
	}
	e.heldItems -= size
	e.heldBytes -= b.bytes
	e.heldBatches--
	e.finishFlushes(b.number)
	e.wakeRoom(size)
	e.recycle(b)
	e.mu.Unlock()
}

func (e *engine[T, R]) releaseKeys(b *batch[T, R]) {
	if e.gate == nil {
		return
	}
	for i := range b.gone {
		e.release(&b.gone[i].extra)
	}
	for i, err := range b.errs {
		if err != nil {
			e.release(&b.extras[i])
		}
	}
}

// release gives back what an item holds that did not get done.
func (e *engine[T, R]) release(x *extra[R]) {
	if e.gate != nil {
		e.gate.release(x.claim)
	}
}

// tell tells submitters, groups and the hook.
func (e *engine[T, R]) tell(b *batch[T, R], size int) {
	var none R
	for i := 0; b.asks && i < len(b.extras); i++ {
		var err error
		result := none
		if i < len(b.errs) {
			err = b.errs[i]
		}
		if i < len(b.results) && err == nil {
			result = b.results[i]
		}
		b.extras[i].settle(result, err)
	}
	for i := range b.gone {
		b.gone[i].extra.settle(none, b.gone[i].err)
	}
	if b.outcomes.failed > 0 {
		e.report(FailureReport{Kind: Failed, Err: b.outcomes.firstErr, Items: int(b.outcomes.failed),
			BatchItems: size, Reason: b.reason})
	}
	if b.outcomes.expired > 0 {
		e.report(FailureReport{Kind: Expired, Items: int(b.outcomes.expired), BatchItems: size, Reason: b.reason})
	}
}

// settle tells the item's submitter and group its outcome.
func (x *extra[R]) settle(result R, err error) {
	if x.ticket != nil {
		x.ticket.settle(result, err)
	}
	x.group.end(err)
}

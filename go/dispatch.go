package batchline

import (
	"github.com/batchline/batchline/go/internal/goroutine"
)

// queueLen is how many sealed batches no handler has yet.
func (e *engine[T, R]) queueLen() int { return len(e.queue) - e.queueHead }

// pop takes the oldest sealed batch; nil if there is none.
func (e *engine[T, R]) pop() *batch[T, R] {
	if e.queueLen() == 0 {
		return nil
	}
	b := e.queue[e.queueHead]
	e.queue[e.queueHead] = nil
	e.queueHead++
	if e.queueHead == len(e.queue) {
		e.queue, e.queueHead = e.queue[:0], 0
	} else if e.queueHead > 1024 && e.queueHead > len(e.queue)/2 {
		n := copy(e.queue, e.queue[e.queueHead:])
		clear(e.queue[n:])
		e.queue, e.queueHead = e.queue[:n], 0
	}
	return b
}

// dispatch starts workers for what is in the queue. A worker ends when the queue is empty: an idle batcher has none.
func (e *engine[T, R]) dispatch() {
	for starting := 0; e.running < e.maxConcurrent && starting < e.queueLen(); starting++ {
		e.running++
		go e.spawn()
	}
}

// work handles batches until there is none left.
func (e *engine[T, R]) work() {
	id := goroutine.ID()
	e.mu.Lock()
	e.inHandlers = append(e.inHandlers, id)
	e.mu.Unlock()
	defer e.endWork(id)
	for {
		e.mu.Lock()
		b := e.next()
		e.mu.Unlock()
		if b == nil {
			return
		}
		e.process(b)
	}
}

// next is the batch to handle next: the oldest sealed one, or what waits, if it was asked for.
func (e *engine[T, R]) next() *batch[T, R] {
	if e.running > e.maxConcurrent {
		return nil
	}
	if e.queueLen() == 0 && (e.demand || len(e.room) > 0) {
		e.sealOnly(SealDemand)
	}
	return e.pop()
}

// endWork also runs when a handler has ended its goroutine: what is left is then for another worker.
func (e *engine[T, R]) endWork(id uint64) {
	e.mu.Lock()
	e.running--
	e.leaveHandlers(id)
	if e.demand && e.queueLen() == 0 {
		e.sealOnly(SealDemand)
	}
	e.dispatch()
	e.mu.Unlock()
}

// leaveHandlers notes that a goroutine handles no more batches, and tells those who wait for the last one.
func (e *engine[T, R]) leaveHandlers(id uint64) {
	for i, other := range e.inHandlers {
		if other == id {
			e.inHandlers = append(e.inHandlers[:i], e.inHandlers[i+1:]...)
			break
		}
	}
	e.tellQuiet()
}

// tellQuiet wakes those who wait until nothing is queued and no handler runs.
func (e *engine[T, R]) tellQuiet() {
	if e.running > 0 || e.lent > 0 || e.queueLen() > 0 {
		return
	}
	for _, waiter := range e.quiet {
		close(waiter)
	}
	e.quiet = nil
}

// isInside says whether this goroutine is handling a batch of this batcher. The engine is locked.
func (e *engine[T, R]) isInside() bool {
	if len(e.inHandlers) == 0 {
		return false
	}
	id := goroutine.ID()
	for _, other := range e.inHandlers {
		if other == id {
			return true
		}
	}
	return false
}

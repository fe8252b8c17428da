package native

import (
	"context"
	"fmt"
	"math"
)

// put is the fast path: one uncontended lock, one append.
func (e *engine) put(item []byte) error {
	if e.settings.window != nil {
		return e.putPatiently(item, patience{})
	}
	s := e.shardHere()
	s.mu.Lock()
	if !s.fits(len(item)) || len(item) > e.gatherItemBytes {
		s.mu.Unlock()
		return e.putPatiently(item, patience{})
	}
	s.add(item, e.settings.recordSize > 0)
	e.crossIfDue(s)
	s.mu.Unlock()
	return nil
}

// putPatiently is the way of an item without credit, or with a patience of its own.
func (e *engine) putPatiently(item []byte, p patience) error {
	err := e.putOrDrop(item, p)
	if err == errDropped {
		e.counts.dropped.Add(1)
		e.reportDropped(1)
		return nil
	}
	return err
}

// putOrDrop tells when the item was dropped, which is still to be counted.
func (e *engine) putOrDrop(item []byte, p patience) error {
	if e.isTooLarge(len(item)) {
		e.counts.refused.Add(1)
		return ErrTooLarge
	}
	s := e.shardHere()
	for {
		isIn, err := e.enter(s, item)
		if isIn || err != nil {
			return err
		}
		if err := e.makeRoom(len(item), &p); err != nil {
			return err
		}
	}
}

func (e *engine) isTooLarge(bytes int) bool {
	most := math.MaxUint32
	if e.settings.batchBytes > 0 {
		most = min(most, e.settings.batchBytes)
		if e.settings.aloneAllowed {
			most = min(math.MaxUint32, e.settings.queueBytes)
		}
	}
	return bytes > most
}

// enter takes an item in if there is room.
func (e *engine) enter(s *shard, item []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		e.counts.refused.Add(1)
		return false, ErrClosed
	}
	isAlone := e.settings.window != nil || len(item) >= directBytesMin
	switch {
	case isAlone && !e.leaseAlone(s, item):
		return false, nil
	case isAlone:
		return true, e.crossAlone(s, item)
	case !s.fits(len(item)) && !e.open(s, len(item)):
		return false, nil
	}
	s.add(item, e.settings.recordSize > 0)
	e.crossIfDue(s)
	return true, nil
}

// open leases credit for what the shard gathers next, after what it has gathered has crossed.
func (e *engine) open(s *shard, bytes int) bool {
	e.cross(s)
	s.itemsLeft, s.bytesLeft = e.budget.lease(e.gatherItems, bytes, gatherBytesMax)
	if s.itemsLeft == 0 {
		return false
	}
	e.arm()
	return true
}

// leaseAlone leases credit for one item that is not gathered; what was gathered before it crosses before it.
func (e *engine) leaseAlone(s *shard, item []byte) bool {
	e.cross(s)
	n, _ := e.budget.lease(1, len(item), len(item))
	return n == 1
}

// putCtx waits for room until the context ends.
func (e *engine) putCtx(ctx context.Context, item []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.putPatiently(item, patience{ctx: ctx})
}

// many are items of a call of many, wherever they lie.
type many interface {
	len() int
	// item gives one of them.
	item(i int) []byte
}

// putMany puts items in their order; returns how many were accepted.
func putMany[M many](e *engine, items M) (int, error) {
	if e.settings.window != nil && e.settings.batchBytes == 0 {
		return putManyWindowed(e, items)
	}
	duplicates, accepted, done := 0, 0, 0
	for done < items.len() {
		if e.settings.window == nil {
			done += putRun(e, items, done)
			accepted = done
			if done == items.len() {
				break
			}
		}
		err := e.putOrDrop(items.item(done), patience{})
		switch {
		case err == nil:
			accepted++
		case err == ErrDuplicate:
			duplicates++
		case err == errDropped:
			e.dropRest(items.len() - done)
			return accepted, duplicatesError(duplicates, items.len())
		default:
			e.counts.refused.Add(uint64(items.len() - done - 1))
			return accepted, err
		}
		done++
	}
	return accepted, duplicatesError(duplicates, items.len())
}

// dropRest counts what DropNewest drops of a call of many.
func (e *engine) dropRest(items int) {
	e.counts.dropped.Add(uint64(items))
	e.reportDropped(items)
}

// putRun adds as many items, from the first on, as the shard has credit for.
func putRun[M many](e *engine, items M, first int) int {
	s := e.shardHere()
	isRecord := e.settings.recordSize > 0
	s.mu.Lock()
	defer s.mu.Unlock()
	next := first
	for ; next < items.len(); next++ {
		item := items.item(next)
		if !s.fits(len(item)) || len(item) > e.gatherItemBytes {
			break
		}
		s.add(item, isRecord)
	}
	if next > first {
		e.crossIfDue(s)
	}
	return next - first
}

func duplicatesError(duplicates, items int) error {
	if duplicates == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d items", ErrDuplicate, duplicates, items)
}

// putManyWindowed shares crossings among items that are deduplicated. The core tells how many were duplicates, not
// which.
func putManyWindowed[M many](e *engine, items M) (int, error) {
	s, accepted, duplicates := e.shardHere(), 0, 0
	for done := 0; done < items.len(); {
		tried, taken, err := crossPart(e, s, items, done)
		accepted += taken
		done += tried
		if err == ErrDuplicate {
			duplicates += tried - taken
		} else if err != nil {
			e.counts.refused.Add(uint64(items.len() - done))
			return accepted, err
		}
		if tried > 0 {
			continue
		}
		var p patience
		if err := e.makeRoom(0, &p); err == errDropped {
			e.dropRest(items.len() - done)
			break
		} else if err != nil {
			e.counts.refused.Add(uint64(items.len() - done - 1))
			return accepted, err
		}
	}
	return accepted, duplicatesError(duplicates, items.len())
}

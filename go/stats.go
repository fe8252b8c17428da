package batchline

import (
	"math/bits"
	"time"
)

// Stats is a snapshot of a batcher's counters, all of one moment:
// Accepted = Done + Failed + Cancelled + Expired + HandedBack + Live.
type Stats struct {
	// Accepted is how many items were taken in.
	Accepted uint64
	// Refused is how many items stayed with the putter, who got an error.
	Refused uint64
	// Duplicates is how many of the refused had a key that was put within the deduplication window.
	Duplicates uint64
	// Dropped is how many items DropNewest dropped; they were not accepted.
	Dropped uint64
	// Done is how many items the handler was done with.
	Done uint64
	// Failed is how many items failed, alone or with their batch.
	Failed uint64
	// Cancelled is how many items were cancelled before the handler got them.
	Cancelled uint64
	// Expired is how many items passed their deadline unhandled.
	Expired uint64
	// HandedBack is how many items a close gave back.
	HandedBack uint64
	// Live is how many items have no outcome yet: Accepted less the five outcomes.
	Live uint64
	// Queued is how many items wait, in the open batch and in sealed ones, counted on their own.
	Queued uint64
	// InHand is how many items are in batches that are being handled, counted on their own.
	InHand uint64
	// BytesLive is what live items weigh; 0 without a weigher.
	BytesLive uint64
	// Batches is how many batches were sealed.
	Batches uint64
	// BatchesByReason is the same by SealReason.
	BatchesByReason [SealReasons]uint64
	// BatchItemsPeak is how many items the largest batch so far had.
	BatchItemsPeak uint64
	// HandlerCalls counts calls of the handler, further calls for halves included.
	HandlerCalls uint64
	// FailedBatches is how many batches had an item that failed.
	FailedBatches uint64
	// Panics is how many calls of the handler panicked.
	Panics uint64
	// Wakeups is how often the timer fired while something waited.
	Wakeups uint64
	// AdmissionWait is how long puts have waited for room, together.
	AdmissionWait time.Duration
	// LingerWait is how long the first items of batches have waited for the seal, together.
	LingerWait time.Duration
	// SlotWait is how long sealed batches have waited for a free handler, together.
	SlotWait time.Duration
	// HandlerTime is how long handlers have run, together.
	HandlerTime time.Duration
}

// settled is the five outcomes together.
func (s *Stats) settled() uint64 {
	return s.Done + s.Failed + s.Cancelled + s.Expired + s.HandedBack
}

// IsBalanced says whether every accepted item has an outcome or is found where live items are. It must always say
// yes.
func (s *Stats) IsBalanced() bool {
	return s.Accepted == s.settled()+s.Queued+s.InHand && s.Live == s.Queued+s.InHand
}

// counts are what the engine counts, under its lock.
type counts struct {
	sealedItems    uint64
	refused        uint64
	duplicates     uint64
	dropped        uint64
	done           uint64
	failed         uint64
	cancelled      uint64
	expired        uint64
	handedBack     uint64
	batches        uint64
	byReason       [SealReasons]uint64
	batchItemsPeak uint64
	sizes          sizeBuckets
	handlerCalls   uint64
	failedBatches  uint64
	panics         uint64
	wakeups        uint64
	admissionWait  time.Duration
	lingerWait     time.Duration
	slotWait       time.Duration
	handlerTime    time.Duration
}

// sizeBuckets counts batches by size: bucket i holds those of up to 2^i items.
type sizeBuckets [25]uint64

func (c *counts) noteBatch(reason SealReason, items int, lingered time.Duration) {
	c.sealedItems += uint64(items)
	c.batches++
	c.byReason[reason]++
	c.batchItemsPeak = max(c.batchItemsPeak, uint64(items))
	c.sizes[min(bits.Len(uint(max(items, 1)-1)), len(c.sizes)-1)]++
	c.lingerWait += lingered
}

func (o *outcomes) addTo(c *counts) {
	c.done += o.done
	c.failed += o.failed
	c.cancelled += o.cancelled
	c.expired += o.expired
	c.handlerCalls += o.calls
	c.panics += o.panics
	if o.failed > 0 {
		c.failedBatches++
	}
	c.handlerTime += o.endedAt - o.startedAt
}

// countOutcomes adds what became of a batch of so many items; the engine is locked.
func (e *engine[T, R]) countOutcomes(b *batch[T, R], size int) {
	e.unsettledItems -= size
	b.outcomes.addTo(&e.counts)
	e.counts.slotWait += b.outcomes.startedAt - b.sealedAt
}

func (e *engine[T, R]) stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.statsLocked()
}

func (e *engine[T, R]) statsLocked() Stats {
	c := &e.counts
	waiting := uint64(e.openItems())
	s := Stats{
		Accepted: c.sealedItems + waiting, Refused: c.refused, Duplicates: c.duplicates, Dropped: c.dropped,
		Done: c.done, Failed: c.failed, Cancelled: c.cancelled, Expired: c.expired, HandedBack: c.handedBack,
		BytesLive: uint64(e.heldBytes + e.openBytes), Batches: c.batches, BatchesByReason: c.byReason,
		BatchItemsPeak: c.batchItemsPeak, HandlerCalls: c.handlerCalls, FailedBatches: c.failedBatches,
		Panics: c.panics, Wakeups: c.wakeups, AdmissionWait: c.admissionWait, LingerWait: c.lingerWait,
		SlotWait: c.slotWait, HandlerTime: c.handlerTime,
	}
	s.Live = s.Accepted - s.settled()
	queued := 0
	for _, b := range e.queue[e.queueHead:] {
		queued += len(b.items)
	}
	s.Queued = waiting + uint64(queued)
	s.InHand = uint64(e.unsettledItems - queued)
	return s
}

// openItems counts what waits in the open batch, and leaves the credit where it is.
func (e *engine[T, R]) openItems() int {
	items := 0
	for rest := e.active; rest != 0; rest &= rest - 1 {
		s := &e.shards[bits.TrailingZeros64(rest)]
		s.mu.Lock()
		items += len(s.items)
		s.mu.Unlock()
	}
	return items
}

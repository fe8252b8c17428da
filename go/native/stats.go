package native

import (
	"sync/atomic"

	batchline "github.com/batchline/batchline/go"
)

// Stats is a snapshot of a batcher's counters: Accepted = Done + Failed + HandedBack + Live.
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
	// Failed is how many items failed with their batch.
	Failed uint64
	// HandedBack is how many items a close gave back.
	HandedBack uint64
	// Live is how many items have no outcome yet.
	Live uint64
	// Gathered is how many of those wait on the Go side.
	Gathered uint64
	// Queued is how many of those wait in the core.
	Queued uint64
	// InHand is how many of those are in batches that are being handled.
	InHand uint64
	// Batches is how many batches were handled or are in hand.
	Batches uint64
	// BatchesByReason is the same by batchline.SealReason.
	BatchesByReason [batchline.SealReasons]uint64
	// BatchItemsPeak is how many items the largest batch so far had.
	BatchItemsPeak uint64
	// FailedBatches is how many batches failed.
	FailedBatches uint64
	// Panics is how many calls of the handler panicked.
	Panics uint64
	// Crossings is how many calls have handed items to the core.
	Crossings uint64
	// WindowKeys is how many keys the deduplication window remembers.
	WindowKeys uint64
	// WindowForgotten is how many keys it forgot before their time, at its cap.
	WindowForgotten uint64
	// WindowBytes is the memory of the window.
	WindowBytes uint64
}

// IsBalanced says whether every accepted item has an outcome or is found where live items are. While a batch is being
// settled it may say no; at rest it must say yes.
func (s *Stats) IsBalanced() bool {
	settled := s.Done + s.Failed + s.HandedBack
	return s.Accepted == settled+s.Live && s.Live == s.Gathered+s.Queued+s.InHand
}

// counts are what this side counts itself.
type counts struct {
	refused atomic.Uint64
	dropped atomic.Uint64
	panics  atomic.Uint64
	lost    atomic.Uint64
}

// stats holds the locks of all shards, so that no item crosses meanwhile.
func (e *engine) stats() Stats {
	gathered := uint64(0)
	for i := range e.shards {
		e.shards[i].mu.Lock()
		gathered += uint64(e.shards[i].count)
	}
	c := e.coreStats()
	for i := range e.shards {
		e.shards[i].mu.Unlock()
	}
	lost := e.counts.lost.Load()
	return Stats{
		Accepted: c.accepted + gathered + lost, Refused: c.refused + e.counts.refused.Load(),
		Duplicates: c.duplicates, Dropped: e.counts.dropped.Load(), Done: c.done, Failed: c.failed + lost,
		HandedBack: c.handedBack, Live: c.live + gathered, Gathered: gathered, Queued: c.queued, InHand: c.inHand,
		Batches: c.batches, BatchesByReason: c.batchesByReason, BatchItemsPeak: c.batchItemsPeak,
		FailedBatches: c.failedBatches, Panics: e.counts.panics.Load(), Crossings: e.crossings.Load(),
		WindowKeys: c.windowKeys, WindowForgotten: c.windowForgotten, WindowBytes: c.windowBytes,
	}
}

// coreStats are the core's counters; after it was freed, the last ones.
func (e *engine) coreStats() coreStats {
	if e.life.acquire() {
		defer e.release()
		return coreReadStats(e.core)
	}
	return *e.life.last.Load()
}

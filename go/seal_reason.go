package batchline

// SealReason is why a batch was closed. It is counted in Stats.
type SealReason uint8

// Every reason, in the order of Stats.BatchesByReason.
const (
	// SealSize: it holds as many items as a batch may hold.
	SealSize SealReason = iota
	// SealBytes: it holds as many bytes as a batch may hold, or the next item would have taken it over the bound.
	SealBytes
	// SealLinger: its oldest item has waited for its linger.
	SealLinger
	// SealDemand: a worker was free (drain mode), or a producer waits for room.
	SealDemand
	// SealTick: the fixed cadence came round.
	SealTick
	// SealFlush: somebody called Flush or Trigger.
	SealFlush
	// SealClose: the batcher is closing.
	SealClose
	sealReasons
)

// SealReasons is how many reasons there are.
const SealReasons = int(sealReasons)

// String is the reason in lower case, as metrics and logs name it.
func (r SealReason) String() string {
	return [SealReasons]string{"size", "bytes", "linger", "demand", "tick", "flush", "close"}[r]
}

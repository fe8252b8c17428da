package native

import (
	"sync/atomic"
	"time"
)

// gatherWaitMax is how long an item waits on the Go side at most.
const gatherWaitMax = time.Millisecond

// engine is what a batcher's goroutines share: the Go side of the path. The fields above the gap do not change.
type engine struct {
	core       coreHandle
	shards     []shard
	shardShift uint
	shardMask  uint64
	settings   settings
	// deliver calls the user's function with a view of the batch.
	deliver func(p *poller, b *coreBatch) error
	// gatherItems is how many items cross together.
	gatherItems int
	gatherWait  time.Duration
	// gatherItemBytes is how large an item may be that is added without a closer look.
	gatherItemBytes int

	_ [64]byte

	budget budget
	counts counts
	// crossings orders what a putter did before its item crossed with what the handler of the item does. The core does
	// that too, but neither Go's memory model nor the race detector knows.
	crossings atomic.Uint64
	// settled does the same for handlers and flushes.
	settled atomic.Uint64
	// isArmed says that the timer will visit the shards.
	isArmed atomic.Bool
	timer   *time.Timer
	// idle counts pollers that wait for a batch, inHand those that handle one.
	idle     atomic.Int64
	inHand   atomic.Int64
	insiders insiders
	// pollers are those that have not ended; the last one closes quiet.
	pollers atomic.Int64
	quiet   chan struct{}

	isClosing atomic.Bool
	closing   closing
	life      life
}

func newEngine(s settings, deliver func(*poller, *coreBatch) error) (*engine, error) {
	e := &engine{settings: s, deliver: deliver, quiet: make(chan struct{})}
	coreLinger := e.planGathering()
	core, err := coreNew(&s, coreLinger)
	if err != nil {
		return nil, err
	}
	e.core = core
	e.makeShards(s.shardCount())
	e.budget.init(s.queueItems, s.queueBytes)
	e.closing.over = make(chan struct{})
	e.timer = time.AfterFunc(time.Hour, e.onTimer)
	e.timer.Stop()
	// One for the close, one for each poller.
	e.life.refs.Store(int64(1 + s.maxConcurrent))
	e.pollers.Store(int64(s.maxConcurrent))
	for range s.maxConcurrent {
		go e.poll()
	}
	return e, nil
}

// planGathering splits the linger between the two sides: a quarter is for this one, and what is left for the core.
// Returns the core's.
func (e *engine) planGathering() time.Duration {
	s := &e.settings
	e.gatherItems = min(gatherItemsMax, max(1, s.batchItems/4))
	e.gatherItemBytes = directBytesMin - 1
	if s.batchBytes > 0 {
		e.gatherItemBytes = min(e.gatherItemBytes, s.batchBytes)
	}
	switch {
	case s.linger == NoTimeout:
		e.gatherWait = gatherWaitMax
		return NoTimeout
	case s.linger < 4:
		e.gatherItems = 1
		return s.linger
	}
	e.gatherWait = min(s.linger/4, gatherWaitMax)
	return s.linger - e.gatherWait
}

func (e *engine) isInside() bool { return e.insiders.hasThis() }

package batchline

import (
	"math/bits"
	"sync"
	"time"
)

// What the engine is doing.
const (
	stateOpen = iota
	stateDraining
	stateClosed
)

// engine is what a batcher's goroutines share. The fields above mu never change; those below are behind it.
type engine[T, R any] struct {
	shards     []shard[T, R]
	shardShift uint
	shardMask  uint64
	settings   settings
	// fn is the user's handler; owesReplies says that it returns one result per item.
	fn          func([]*T) ([]R, error)
	owesReplies bool
	weigh       func(*T) int
	gate        gate[T]
	clock       Clock
	tickets     sync.Pool
	// spawn is work as a value: starting it allocates nothing.
	spawn func()

	_  [64]byte
	mu sync.Mutex

	state         int
	size          int
	linger        time.Duration
	tick          time.Duration
	demand        bool
	maxConcurrent int

	// The open batch: credit for so many items was given out, spent or not, to the shards with their bit set.
	isOpen    bool
	issued    int
	active    uint64
	openBytes int
	openedAt  time.Duration
	due       time.Duration
	dueReason SealReason
	timer     Timer
	timerDue  time.Duration

	// Sealed batches that no handler has yet, the oldest first.
	queue     []*batch[T, R]
	queueHead int
	// Items and bytes of sealed batches without an outcome, and how many batches those are.
	heldItems int
	// unsettledItems are those of heldItems whose outcome is not counted yet.
	unsettledItems int
	heldBytes      int
	heldBatches    int

	// Goroutines that handle batches: workers, and callers that lend a hand.
	running    int
	lent       int
	inHandlers []uint64

	room    []*roomWait
	flushes []*flushWait
	quiet   []chan struct{}
	spare   []*batch[T, R]

	counts counts
}

func newEngine[T, R any](s settings, fn func([]*T) ([]R, error)) (*engine[T, R], error) {
	e := &engine[T, R]{settings: s, fn: fn, clock: s.clock}
	if s.weigher != nil {
		weigh, ok := s.weigher.(func(*T) int)
		if !ok || weigh == nil {
			return nil, &SettingError{"weigher", s.weigher, "a function of *T"}
		}
		e.weigh = weigh
	}
	n := shardCount(&s)
	e.shards = make([]shard[T, R], n)
	for i := range e.shards {
		e.shards[i].bit = 1 << i
	}
	e.shardShift = uint(64 - bits.Len(uint(n-1)))
	e.shardMask = uint64(n - 1)
	e.size, e.linger, e.tick = s.batchItems, s.linger, s.tick
	e.demand, e.maxConcurrent = s.drain, s.maxConcurrent
	e.spawn = e.work
	e.timerDue = unarmed
	return e, nil
}

// place puts an item into a shard if there is room; the engine is locked.
func (e *engine[T, R]) place(s *shard[T, R], item *T, x *extra[R]) bool {
	bytes := 0
	if x != nil {
		bytes = x.bytes
	}
	if !e.hasRoom(bytes) {
		e.reclaim()
		if !e.hasRoom(bytes) {
			return false
		}
	}
	if e.issued >= e.size && e.reclaim() >= e.size {
		e.seal(SealSize)
	}
	if bytes > 0 && e.isOpen && e.openBytes+bytes > e.settings.batchBytes {
		e.seal(SealBytes)
	}
	s.mu.Lock()
	if s.credit > 0 {
		s.credit--
	} else {
		e.issue(s, 1)
		s.credit = 0
	}
	s.add(item, x)
	s.mu.Unlock()
	e.openBytes += bytes
	e.open()
	return true
}

func (e *engine[T, R]) hasRoom(bytes int) bool {
	if e.heldItems+e.issued >= e.settings.queueItems {
		return false
	}
	return bytes == 0 || e.heldBytes+e.openBytes+bytes <= e.settings.queueBytes
}

// issue gives a locked shard credit for n items of the open batch.
func (e *engine[T, R]) issue(s *shard[T, R], n int) {
	s.credit += n
	e.issued += n
	e.active |= s.bit
}

// reclaim takes back the credit that is not spent, and returns how many items wait in the open batch. Nobody can add
// to a shard without credit but by the engine's lock, so the number is exact although shards are visited one by one.
func (e *engine[T, R]) reclaim() int {
	waiting := 0
	for rest := e.active; rest != 0; rest &= rest - 1 {
		s := &e.shards[bits.TrailingZeros64(rest)]
		s.mu.Lock()
		s.credit = 0
		waiting += len(s.items)
		s.mu.Unlock()
	}
	e.issued = waiting
	return waiting
}

// creditSpent is called by the put that spent a shard's last credit, without any lock.
func (e *engine[T, R]) creditSpent(s *shard[T, R]) {
	e.mu.Lock()
	if e.state == stateOpen {
		e.topUp(s)
	}
	e.mu.Unlock()
}

// topUp seals the open batch if it is complete, and gives the shard further credit if it is not. As long as one
// shard is in use it gets all there is; several get a share of what is left, so the last items of a batch are
// counted one by one, and a batch is sealed with the very item that completes it.
func (e *engine[T, R]) topUp(s *shard[T, R]) {
	switch {
	case !e.isOpen:
		return
	case e.issued >= e.size && e.reclaim() >= e.size:
		e.seal(SealSize)
		return
	case e.weigh != nil && e.openBytes >= e.settings.batchBytes:
		e.seal(SealBytes)
		return
	case e.demand && e.running < e.maxConcurrent:
		e.seal(SealDemand)
		return
	case e.weigh != nil:
		return
	}
	left := min(e.size-e.issued, e.settings.queueItems-e.heldItems-e.issued)
	if left <= 0 {
		return
	}
	s.mu.Lock()
	if s.credit == 0 {
		e.issue(s, max(1, left/max(1, bits.OnesCount64(e.active))))
	}
	s.mu.Unlock()
}

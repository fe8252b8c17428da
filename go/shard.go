package batchline

import (
	"math/bits"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

const (
	shardsMax = 64
	// Below so many items per shard and batch, shards cost more at the seal than they save at the put.
	shardItemsMin = 16
)

// shard is where the items of some goroutines gather until their batch is sealed. Only a put that holds credit may
// add an item without the engine's lock; credit is given, and taken back, under it.
//
// Locks are taken in this order: the engine's, then a shard's.
type shard[T, R any] struct {
	mu     sync.Mutex
	credit int
	items  []*T
	// extras is empty, or as long as items were when the last item with an extra came.
	extras []extra[R]
	// asks says that some item has more than a claim and a weight: its outcome is awaited, or it may expire.
	asks bool
	// bit is this shard's in the set of those that the open batch is in.
	bit uint64
	// Two cache lines, since processors fetch them in pairs.
	_ [48]byte
}

// extra is what an item carries beside itself, if anything.
type extra[R any] struct {
	ticket *ticket[R]
	group  *Group
	claim  claim
	bytes  int
	// deadline is the time of the batcher's clock after which the item expires; 0 for none.
	deadline time.Duration
}

// add appends an item; the shard is locked.
func (s *shard[T, R]) add(item *T, x *extra[R]) {
	if x != nil {
		s.pad()
		s.extras = append(s.extras, *x)
		s.asks = s.asks || x.ticket != nil || x.group != nil || x.deadline != 0
	}
	s.items = append(s.items, item)
}

// pad makes extras as long as items.
func (s *shard[T, R]) pad() {
	for len(s.extras) < len(s.items) {
		s.extras = append(s.extras, extra[R]{})
	}
}

// moveTo appends what the shard holds to a batch, and keeps no reference to it.
func (s *shard[T, R]) moveTo(b *batch[T, R]) {
	b.asks, s.asks = b.asks || s.asks, false
	if len(s.extras) > 0 {
		s.pad()
		for len(b.extras) < len(b.items) {
			b.extras = append(b.extras, extra[R]{})
		}
		b.extras = append(b.extras, s.extras...)
		clear(s.extras)
		s.extras = s.extras[:0]
	}
	b.items = append(b.items, s.items...)
	clear(s.items)
	s.items = s.items[:0]
}

// swapWith gives the batch the shard's own buffers, in exchange for the batch's empty ones.
func (s *shard[T, R]) swapWith(b *batch[T, R]) {
	if len(s.extras) > 0 {
		s.pad()
	}
	s.items, b.items = b.items, s.items
	b.asks, s.asks = s.asks, false
	s.extras, b.extras = b.extras, s.extras
}

// shardCount is 1, so that the order of the puts is kept, or a power of two: about four shards per processor, but no
// more than a batch can be cut into.
func shardCount(s *settings) int {
	n := min(4*runtime.GOMAXPROCS(0), shardsMax, s.batchItems/shardItemsMin)
	if !s.spread || s.weigher != nil || n < 2 {
		return 1
	}
	return 1 << bits.Len(uint(n-1))
}

// shardHere is the shard of this goroutine. The address of a local variable tells goroutines apart at the price of a
// multiplication; a goroutine changes its shard only when its stack moves or the depth of the call does.
func (e *engine[T, R]) shardHere() *shard[T, R] {
	if e.shardMask == 0 {
		return &e.shards[0]
	}
	var here byte
	hash := uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9E3779B97F4A7C15
	return &e.shards[hash>>e.shardShift&e.shardMask]
}

package native

import (
	"math/bits"
	"sync"
	"unsafe"
)

const (
	shardsMax = 64
	// Items that cross together at most: enough to make the crossing cheap, few enough to let batches fill evenly.
	gatherItemsMax = 128
	// Bytes that a shard gathers at most.
	gatherBytesMax = 32 << 10
	// An item from this size on crosses by itself, from where its owner has it.
	directBytesMin = 8 << 10
)

// shard is where the items of some goroutines gather until they cross into the core together. Everything is behind mu,
// which is held during the crossing too: who has had all shards' locks knows that what was put before is in the core.
type shard struct {
	mu sync.Mutex
	// itemsLeft and bytesLeft are leased credit that is not used yet.
	itemsLeft int
	bytesLeft int
	// buf holds the items, one behind the other; sizes tells byte strings apart.
	buf   []byte
	sizes []uint32
	count int
	// isClosed refuses whatever comes, for good.
	isClosed bool
	// Shards lie side by side: processors fetch cache lines in pairs.
	_ [32]byte
}

// fits says whether there is leased credit for an item of so many bytes.
func (s *shard) fits(bytes int) bool { return s.itemsLeft > 0 && bytes <= s.bytesLeft }

// add takes an item in that fits.
func (s *shard) add(item []byte, isRecord bool) {
	s.itemsLeft--
	s.bytesLeft -= len(item)
	s.buf = append(s.buf, item...)
	if !isRecord {
		s.sizes = append(s.sizes, uint32(len(item)))
	}
	s.count++
}

// clear forgets the items, which are in the core, and the credit.
func (s *shard) clear() {
	s.buf, s.sizes, s.count = s.buf[:0], s.sizes[:0], 0
	s.itemsLeft, s.bytesLeft = 0, 0
	if cap(s.buf) > 4*gatherBytesMax {
		// A call of many large items has made it so large.
		s.buf = nil
	}
}

// shardHere is the shard of this goroutine. The address of a local variable tells goroutines apart at the price of a
// multiplication; a goroutine changes its shard only when its stack moves or the depth of the call does.
func (e *engine) shardHere() *shard {
	var here byte
	hash := uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9E3779B97F4A7C15
	return &e.shards[hash>>e.shardShift&e.shardMask]
}

func (e *engine) makeShards(n int) {
	e.shards = make([]shard, n)
	e.shardShift = uint(64 - bits.Len(uint(n-1)))
	e.shardMask = uint64(n - 1)
}

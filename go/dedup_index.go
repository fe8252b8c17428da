package batchline

import (
	"encoding/binary"
	"math/bits"
)

// dedupIndex tells in which places a key may be.
type dedupIndex []dedupBucket

// dedupBucket is one cache line, so that the search for a new key, and the note that it came, touch a single random
// line. Its slots are filled in turn: the next one has the oldest place, which is mostly dead by then. So dead places
// are overwritten, and the index is not filled anew for their sake.
type dedupBucket struct {
	// tags are a byte of each key's hash; 0 where there is none.
	tags [bucketSlots]uint8
	// mark has the slot to be filled next in its lowest bits, and above for how long searches must go further.
	mark   uint32
	places [bucketSlots]uint32
}

// dedupSlot is where an index has a key; the zero value is nowhere.
type dedupSlot struct {
	bucket *dedupBucket
	slot   int
}

// life is the run of places that are alive. Places are counted through, modulo 2^32.
type life struct{ head, tail uint32 }

const (
	bucketSlots = 12
	// bucketKeys is how many keys a bucket has on average when the index must grow. More is slower: buckets overflow.
	bucketKeys = 8

	markSlot   = 0xF
	markPassed = 0x80
	// markFine are the bits of a place that a mark has no room for.
	markFine = 0xFF

	eachByte = 0x0101010101010101
	lowBits  = 0x7F7F7F7F7F7F7F7F
)

func (l life) has(place uint32) bool { return place-l.head < l.tail-l.head }

// home is the bucket where the search for a hash begins.
func (x dedupIndex) home(hash uint32) int { return int(uint64(hash) * uint64(len(x)) >> 32) }

func (x dedupIndex) next(at int) int {
	if at++; at < len(x) {
		return at
	}
	return 0
}

// put adds a place. There must be a free slot.
func (x dedupIndex) put(hash, place uint32, alive life) {
	at := x.home(hash)
	for !x[at].put(tagOf(hash), place, alive) {
		x[at].pass(place, alive)
		at = x.next(at)
	}
}

// tagOf is a byte of the hash that is not 0. The bucket is told by the other end of the hash.
func tagOf(hash uint32) uint8 { return max(uint8(hash), 1) }

// zeroBytes has the highest bit of each byte that is zero.
func zeroBytes(x uint64) uint64 { return ^(x&lowBits + lowBits | x | lowBits) }

// matches are the slots that have a tag, for slotOf: eight in one word's bytes, four beside them. Above the four the
// second word is the tag itself, which is not 0.
func (b *dedupBucket) matches(tag uint8) uint64 {
	wanted := uint64(tag) * eachByte
	first := zeroBytes(binary.LittleEndian.Uint64(b.tags[:8]) ^ wanted)
	rest := zeroBytes(uint64(binary.LittleEndian.Uint32(b.tags[8:])) ^ wanted)
	return first>>7 | rest>>6
}

// slotOf is the first slot of matches.
func slotOf(matches uint64) int {
	at := bits.TrailingZeros64(matches)
	return at>>3 | at&1<<3
}

// put notes a place in a free slot, if there is one.
func (b *dedupBucket) put(tag uint8, place uint32, alive life) bool {
	slot := b.mark & markSlot
	if !b.isFree(slot, alive) {
		if slot = b.firstFree(alive); slot == bucketSlots {
			return false
		}
	}
	b.tags[slot], b.places[slot] = tag, place
	if slot++; slot == bucketSlots {
		slot = 0
	}
	b.mark = b.mark&^markSlot | slot
	return true
}

func (b *dedupBucket) isFree(slot uint32, alive life) bool {
	return b.tags[slot] == 0 || !alive.has(b.places[slot])
}

// firstFree is bucketSlots if all are alive. Keys that were taken out leave slots free out of turn.
func (b *dedupBucket) firstFree(alive life) uint32 {
	slot := uint32(0)
	for slot < bucketSlots && !b.isFree(slot, alive) {
		slot++
	}
	return slot
}

// pass notes that a key of this bucket went further. Searches go on for as long as the newest such place is alive.
func (b *dedupBucket) pass(place uint32, alive life) {
	if b.isPassed(alive) && (place|markFine)-alive.head < (b.mark|markFine)-alive.head {
		return
	}
	b.mark = b.mark&markSlot | markPassed | place&^markFine
}

// isPassed says whether a search must go on in the next bucket: for up to markFine places longer than need be, never
// shorter.
func (b *dedupBucket) isPassed(alive life) bool {
	return b.mark&markPassed != 0 && (b.mark|markFine)-alive.head < alive.tail-alive.head+markFine
}

package batchline

import "time"

// dedupShard holds the keys whose hash falls to it, in the order of their arrival, with an index over all of them.
//
//	oldest                                     newest
//	[ generation | generation | generation ... | generation ]
//	  entries lie in one ring, from head to tail; a generation is a part of it and expires as a whole
//
//	index: open addressing with linear probing; a slot has a byte of the hash in one array, the place in another
//
// A key is found by one search, however many generations there are, and a new one mostly by a look at a few bytes.
// Places are counted through, modulo 2^32, and wrap into the ring. So a generation goes by moving the head on: slots
// that name places before it are dead, and are swept out when three quarters of the index are used up, by filling it
// anew from the ring. Steady traffic needs no memory.
type dedupShard[K comparable] struct {
	// change is when the oldest generation expires or the newest one's bucket ends.
	change time.Duration
	keys   int
	// tags and places are the index, a power of two. A tag is 0 in an empty slot.
	tags   []uint8
	places []uint32
	// used is how many slots are not empty, dead ones among them.
	used int
	// keyRing and ring are the two halves of the entries, in the same places; a power of two. The index is filled
	// from the small half alone.
	keyRing    []K
	ring       []dedupEntry
	head, tail uint32
	// older are the generations before the newest, the oldest first.
	older  []generation
	newest generation
	// holes are places of the newest generation that ended claims have left.
	holes  []uint32
	serial uint32

	duplicates, forgotten, refused uint64
}

// dedupEntry is what is remembered of a key beside itself.
type dedupEntry struct {
	hash uint32
	// serial is 0 where there is no key.
	serial uint32
}

// generation is the keys that came in during one bucket.
type generation struct {
	expires time.Duration
	// end is the place behind its last one; the newest ends at the tail.
	end  uint32
	keys int
}

const (
	dedupSlotsMin = 16
	dedupRingMin  = 8
	// dedupRingKept is the largest ring that a shard keeps when all of its keys have expired.
	dedupRingKept = 1024
)

// advance brings the shard to the present: expired generations go, and a new one begins in a new bucket.
func (s *dedupShard[K]) advance(plan *windowPlan, now time.Duration) {
	if now >= s.change {
		s.expire(plan, now)
		if s.keys == 0 && len(s.ring) > dedupRingKept {
			s.clear()
		}
		if expires := plan.expires(now); s.newest.expires < expires {
			s.beginGeneration(expires)
		}
		s.noteChange(plan)
	}
}

func (s *dedupShard[K]) noteChange(plan *windowPlan) {
	oldest := s.newest.expires
	if len(s.older) > 0 {
		oldest = s.older[0].expires
	}
	s.change = min(oldest, s.newest.expires-plan.window)
}

// expire lets go of the generations whose time is over.
func (s *dedupShard[K]) expire(plan *windowPlan, now time.Duration) {
	gone := 0
	for gone < len(s.older) && s.older[gone].expires <= now {
		s.dropGeneration(plan, &s.older[gone])
		gone++
	}
	s.older = append(s.older[:0], s.older[gone:]...)
	if len(s.older) == 0 && s.newest.expires <= now && s.newest.keys > 0 {
		s.beginGeneration(0)
		s.retireOldest(plan)
	}
}

// retireOldest forgets the oldest of the older generations.
func (s *dedupShard[K]) retireOldest(plan *windowPlan) {
	s.dropGeneration(plan, &s.older[0])
	s.older = append(s.older[:0], s.older[1:]...)
}

// dropGeneration forgets the generation that the ring begins with.
func (s *dedupShard[K]) dropGeneration(plan *windowPlan, g *generation) {
	mask := uint32(len(s.ring) - 1)
	for place := s.head; plan.keysPoint && place != g.end; place++ {
		clear(s.keyRing[place&mask : place&mask+1])
	}
	s.head = g.end
	s.keys -= g.keys
}

// beginGeneration begins one for keys that expire at expires; one without places is used again.
func (s *dedupShard[K]) beginGeneration(expires time.Duration) {
	if s.newestPlaces() > 0 {
		s.newest.end = s.tail
		s.older = append(s.older, s.newest)
		s.newest = generation{}
		s.holes = s.holes[:0]
	}
	s.newest.expires = expires
}

// tagDead marks a slot whose key was taken out.
const tagDead = 255

// tagOf is a byte of the hash that is neither 0 nor tagDead.
func tagOf(hash uint32) uint8 { return uint8(hash>>25) + 1 }

// holds says whether a place is alive and has a key of this hash.
func (s *dedupShard[K]) holds(place, hash uint32) bool {
	entry := s.ring[place&uint32(len(s.ring)-1)]
	return place-s.head < s.tail-s.head && entry.hash == hash && entry.serial != 0
}

// find gives the slot of a key that has not expired, or the empty one where the search ended.
func (s *dedupShard[K]) find(hash uint32, key K) (slot uint32, found bool) {
	if len(s.tags) == 0 {
		return 0, false
	}
	mask, ringMask, wanted := uint32(len(s.tags)-1), uint32(len(s.ring)-1), tagOf(hash)
	for slot = hash & mask; s.tags[slot] != 0; slot = (slot + 1) & mask {
		if s.tags[slot] != wanted {
			continue
		}
		if place := s.places[slot]; s.holds(place, hash) && s.keyRing[place&ringMask] == key {
			return slot, true
		}
	}
	return slot, false
}

// insert adds a key unless it is there or there is no room, and returns the serial number of its entry.
func (s *dedupShard[K]) insert(plan *windowPlan, now time.Duration, hash uint32, key K) (uint32, error) {
	s.advance(plan, now)
	slot, found := s.find(hash, key)
	if found {
		s.duplicates++
		return 0, ErrDuplicate
	}
	if s.keys >= plan.keysMax {
		if !plan.forgets {
			s.refused++
			return 0, ErrWindowFull
		}
		s.forgetOldest(plan)
		slot, _ = s.find(hash, key)
	}
	if plan.generationPlaces > 0 && len(s.holes) == 0 && s.newestPlaces() >= plan.generationPlaces {
		s.beginGeneration(s.newest.expires)
	}
	if 4*(s.used+1) > 3*len(s.tags) {
		s.fillIndex()
		slot, _ = s.find(hash, key)
	}
	return s.write(slot, hash, key), nil
}

// newestPlaces is how many places the newest generation has, holes included.
func (s *dedupShard[K]) newestPlaces() int {
	start := s.head
	if n := len(s.older); n > 0 {
		start = s.older[n-1].end
	}
	return int(s.tail - start)
}

// write puts a key into an empty slot and a place of the newest generation.
func (s *dedupShard[K]) write(slot, hash uint32, key K) uint32 {
	place := s.takePlace()
	s.serial++
	if s.serial == 0 {
		s.serial = 1
	}
	at := place & uint32(len(s.ring)-1)
	s.keyRing[at] = key
	s.ring[at] = dedupEntry{hash, s.serial}
	s.tags[slot], s.places[slot] = tagOf(hash), place
	s.used++
	s.keys++
	s.newest.keys++
	return s.serial
}

func (s *dedupShard[K]) takePlace() uint32 {
	if n := len(s.holes); n > 0 {
		place := s.holes[n-1]
		s.holes = s.holes[:n-1]
		return place
	}
	if int(s.tail-s.head) == len(s.ring) {
		s.growRing()
	}
	s.tail++
	return s.tail - 1
}

// growRing doubles the ring. Entries keep their places.
func (s *dedupShard[K]) growRing() {
	size := max(dedupRingMin, 2*len(s.ring))
	ring, keyRing := make([]dedupEntry, size), make([]K, size)
	for place := s.head; place != s.tail; place++ {
		from, to := place&uint32(len(s.ring)-1), place&uint32(size-1)
		ring[to], keyRing[to] = s.ring[from], s.keyRing[from]
	}
	s.ring, s.keyRing = ring, keyRing
}

// fillIndex fills the index anew: without the dead slots, and with room for as many keys again as there are.
func (s *dedupShard[K]) fillIndex() {
	size := max(dedupSlotsMin, len(s.tags))
	for 8*(s.keys+1) > 3*size {
		size *= 2
	}
	for size > dedupSlotsMin && 32*(s.keys+1) < 3*size {
		size /= 2
	}
	if size == len(s.tags) {
		clear(s.tags)
	} else {
		s.tags, s.places = make([]uint8, size), make([]uint32, size)
	}
	s.used = 0
	mask := uint32(size - 1)
	for place := s.head; place != s.tail; place++ {
		entry := s.ring[place&uint32(len(s.ring)-1)]
		if entry.serial == 0 {
			continue
		}
		slot := entry.hash & mask
		for s.tags[slot] != 0 {
			slot = (slot + 1) & mask
		}
		s.tags[slot], s.places[slot] = tagOf(entry.hash), place
		s.used++
	}
}

// remove takes out the key of a slot. isFree says that no claim names it: its place may be filled again.
func (s *dedupShard[K]) remove(slot uint32, isFree bool) {
	ringMask := uint32(len(s.ring) - 1)
	place := s.places[slot]
	s.tags[slot] = tagDead
	s.ring[place&ringMask] = dedupEntry{}
	clear(s.keyRing[place&ringMask : place&ringMask+1])
	s.keys--
	if g := s.generationOf(place); g != nil {
		g.keys--
		return
	}
	s.newest.keys--
	if isFree {
		s.holes = append(s.holes, place)
	}
}

// generationOf is the older generation that a place is in; nil if it is in the newest.
func (s *dedupShard[K]) generationOf(place uint32) *generation {
	for i := range s.older {
		if g := &s.older[i]; place-s.head < g.end-s.head {
			return g
		}
	}
	return nil
}

// removeSerial takes out the key that a claim names, if it is still there.
func (s *dedupShard[K]) removeSerial(hash, serial uint32) {
	if len(s.tags) == 0 {
		return
	}
	mask, ringMask, wanted := uint32(len(s.tags)-1), uint32(len(s.ring)-1), tagOf(hash)
	for slot := hash & mask; s.tags[slot] != 0; slot = (slot + 1) & mask {
		if s.tags[slot] != wanted {
			continue
		}
		if place := s.places[slot]; s.holds(place, hash) && s.ring[place&ringMask].serial == serial {
			s.remove(slot, true)
			return
		}
	}
}

// forgetOldest makes room at the cap.
func (s *dedupShard[K]) forgetOldest(plan *windowPlan) {
	before := s.keys
	for s.keys >= plan.keysMax {
		if len(s.older) == 0 {
			s.beginGeneration(s.newest.expires)
		}
		s.retireOldest(plan)
	}
	s.forgotten += uint64(before - s.keys)
	s.noteChange(plan)
}

// clear forgets everything, and gives the memory back.
func (s *dedupShard[K]) clear() {
	*s = dedupShard[K]{
		serial: s.serial, duplicates: s.duplicates, forgotten: s.forgotten, refused: s.refused,
	}
}

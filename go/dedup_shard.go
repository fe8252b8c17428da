package batchline

import "time"

// dedupShard holds the keys whose hash falls to it, in the order of their arrival, with an index over all of them.
//
//	oldest                                     newest
//	[ generation | generation | generation ... | generation ]
//	  entries lie in one ring, from head to tail; a generation is a part of it and expires as a whole
//
//	index: open addressing by buckets of a cache line; a slot has a byte of the hash, and a place
//
// A key is found by one search, however many generations there are, and a new one mostly by a look at one line. Places
// are counted through, modulo 2^32, and wrap into the ring. So a generation goes by moving the head on: slots that name
// places before it are dead, and are used again. Steady traffic needs no memory, and no work that is put off.
//
// What a put waits for is memory, since the unlock waits for all that was written before it. Hence the one line, and
// the ring's lines that are fetched many at a time before they are written. Tried, and dropped, as it gained nothing:
// fetching the ring's line anew for every key; buckets that are fuller; fewer shards; huge pages; and an index whose
// tags alone are looked at, small enough for the second-level cache, with places and entries written many keys at a
// time, and dead tags swept out by and by.
type dedupShard[K comparable] struct {
	// change is when the oldest generation expires or the newest one's bucket ends.
	change time.Duration
	index  dedupIndex
	keys   int
	// ring has the entries, each in its place; a power of two. Places from head to tail are alive.
	ring []dedupEntry[K]
	life
	// touched is where the loads end that are there for fetching what they load.
	touched uint32
	// older are the generations before the newest, the oldest first.
	older  []generation
	newest generation
	// holes are places of the newest generation that ended claims have left.
	holes  []uint32
	serial uint32

	duplicates, forgotten, refused uint64
}

// dedupEntry is a key, and what is remembered of it.
type dedupEntry[K comparable] struct {
	key  K
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
	dedupBucketsMin = 2
	// dedupBucketsKept is the largest index that is not made smaller when there are few keys.
	dedupBucketsKept = 128
	dedupRingMin     = 8
	// dedupRingKept is the largest ring that a shard keeps when all of its keys have expired.
	dedupRingKept = 1024
	// dedupTouched is how many entries are fetched at a time.
	dedupTouched = 16
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
		if len(s.index) > dedupBucketsKept && 8*s.keys < bucketKeys*len(s.index) {
			s.fillIndex()
		}
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
		s.ring[place&mask] = dedupEntry[K]{}
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

// entry is what lies in a place.
func (s *dedupShard[K]) entry(place uint32) *dedupEntry[K] {
	return &s.ring[place&uint32(len(s.ring)-1)]
}

// find gives the slot of a key that has not expired; of the one with a serial number, if there is no key.
func (s *dedupShard[K]) find(hash uint32, key *K, serial uint32) dedupSlot {
	if len(s.index) == 0 {
		return dedupSlot{}
	}
	for at := s.index.home(hash); ; at = s.index.next(at) {
		bucket := &s.index[at]
		for matches := bucket.matches(tagOf(hash)); matches != 0; matches &= matches - 1 {
			if slot := slotOf(matches); s.holds(bucket.places[slot], hash, key, serial) {
				return dedupSlot{bucket, slot}
			}
		}
		if !bucket.isPassed(s.life) {
			return dedupSlot{}
		}
	}
}

// holds says whether a place is alive and has what find looks for.
func (s *dedupShard[K]) holds(place, hash uint32, key *K, serial uint32) bool {
	if !s.has(place) {
		return false
	}
	entry := s.entry(place)
	if entry.hash != hash || entry.serial == 0 {
		return false
	}
	if key == nil {
		return entry.serial == serial
	}
	return entry.key == *key
}

// insert adds a key unless it is there or there is no room, and returns the serial number of its entry.
func (s *dedupShard[K]) insert(plan *windowPlan, now time.Duration, hash uint32, key *K) (uint32, error) {
	if now >= s.change {
		s.advance(plan, now)
	}
	if s.find(hash, key, 0).bucket != nil {
		s.duplicates++
		return 0, ErrDuplicate
	}
	if s.keys >= plan.keysMax {
		if !plan.forgets {
			s.refused++
			return 0, ErrWindowFull
		}
		s.forgetOldest(plan)
	}
	if plan.generationPlaces > 0 && len(s.holes) == 0 && s.newestPlaces() >= plan.generationPlaces {
		s.beginGeneration(s.newest.expires)
	}
	if s.keys >= bucketKeys*len(s.index) {
		s.fillIndex()
	}
	return s.write(hash, key), nil
}

// newestPlaces is how many places the newest generation has, holes included.
func (s *dedupShard[K]) newestPlaces() int {
	start := s.head
	if n := len(s.older); n > 0 {
		start = s.older[n-1].end
	}
	return int(s.tail - start)
}

// write puts a key into a place of the newest generation.
func (s *dedupShard[K]) write(hash uint32, key *K) uint32 {
	place := s.takePlace()
	s.serial++
	if s.serial == 0 {
		s.serial = 1
	}
	entry := s.entry(place)
	entry.key, entry.hash, entry.serial = *key, hash, s.serial
	s.index.put(hash, place, s.life)
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
	if s.tail%dedupTouched == 0 {
		s.touchAhead()
	}
	s.tail++
	return s.tail - 1
}

// touchAhead loads the entries that come after the next ones. A window is larger than a cache, and what is written
// to a line that is not in one is waited for at the unlock, line by line; loads wait for each other least if they are
// together. They count for something, so that they are not optimised away.
func (s *dedupShard[K]) touchAhead() {
	sum := uint32(0)
	for i := range uint32(dedupTouched) {
		sum += s.entry(s.tail + dedupTouched + i).serial
	}
	s.touched = sum
}

// growRing doubles the ring. Entries keep their places.
func (s *dedupShard[K]) growRing() {
	size := max(dedupRingMin, 2*len(s.ring))
	ring := make([]dedupEntry[K], size)
	for place := s.head; place != s.tail; place++ {
		ring[place&uint32(size-1)] = *s.entry(place)
	}
	s.ring = ring
}

// fillIndex makes the index anew, with room for half as many keys again as there are.
func (s *dedupShard[K]) fillIndex() {
	s.index = make(dedupIndex, max(dedupBucketsMin, (s.keys+s.keys/2)/bucketKeys))
	for place := s.head; place != s.tail; place++ {
		if entry := s.entry(place); entry.serial != 0 {
			s.index.put(entry.hash, place, s.life)
		}
	}
}

// remove takes out the key of a slot. isFree says that no claim names it: its place may be filled again.
func (s *dedupShard[K]) remove(at dedupSlot, isFree bool) {
	place := at.bucket.places[at.slot]
	at.bucket.tags[at.slot] = 0
	*s.entry(place) = dedupEntry[K]{}
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
	if at := s.find(hash, nil, serial); at.bucket != nil {
		s.remove(at, true)
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

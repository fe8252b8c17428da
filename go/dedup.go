package batchline

import (
	"hash/maphash"
	"reflect"
	"sync"
)

// Dedup remembers keys for a window of time: have I seen this one? Batchers made by NewWithDeduplication have one
// inside; this is for those who batch elsewhere, or not at all.
//
// Where a key stands for work that may fail, Claim it, and Commit the claim when the work is done; a claim that is
// released gives the key free. Otherwise IsNew is all there is to it.
//
// There is no goroutine behind it: each call forgets what has expired in the shard that it touches.
type Dedup[K comparable] struct {
	plan   windowPlan
	clock  Clock
	seed   maphash.Seed
	shards []dedupCell[K]
}

type dedupCell[K comparable] struct {
	mu    sync.Mutex
	shard dedupShard[K]
	_     [64]byte
}

// DedupStats are the counters of a window.
type DedupStats struct {
	// Keys are remembered now.
	Keys uint64
	// Duplicates is how many claims found their key.
	Duplicates uint64
	// Forgotten is how many keys were forgotten early, at the cap.
	Forgotten uint64
	// Refused is how many new keys were refused at the cap.
	Refused uint64
}

// NewDedup makes an empty window over the system's clock. Error: *SettingError.
func NewDedup[K comparable](window Window) (*Dedup[K], error) {
	return NewDedupWithClock[K](window, systemClock{})
}

// NewDedupWithClock makes an empty window over a clock of the caller's. Error: *SettingError.
func NewDedupWithClock[K comparable](window Window, clock Clock) (*Dedup[K], error) {
	plan, err := window.plan()
	if err != nil {
		return nil, err
	}
	d := &Dedup[K]{plan: plan, clock: clock, seed: maphash.MakeSeed()}
	d.plan.keysPoint = hasPointers(reflect.TypeFor[K]())
	d.shards = make([]dedupCell[K], plan.shards)
	return d, nil
}

// hasPointers says whether a value of this type can keep other memory alive.
func hasPointers(t reflect.Type) bool {
	switch kind := t.Kind(); {
	case kind >= reflect.Bool && kind <= reflect.Complex128 && kind != reflect.Array:
		return false
	case kind == reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case kind == reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}

// Claim is a claimed key: Commit it when the work is done, Release it when it failed. The zero value is nobody's. A
// claim belongs to one goroutine at a time, and must not be copied once it is used.
type Claim[K comparable] struct {
	dedup *Dedup[K]
	claim claim
}

// claim names an entry of a window: where it is looked for, and its serial number there. Serial 0 is no claim.
type claim struct {
	hash   uint64
	serial uint32
}

// Claim makes a key a duplicate for everybody else: until the claim is released, or for the window once it is
// committed. The window runs from the claim, and is not made longer by duplicates. Errors: ErrDuplicate,
// ErrWindowFull.
func (d *Dedup[K]) Claim(key K) (Claim[K], error) {
	claimed, err := d.enter(&key)
	if err != nil {
		return Claim[K]{}, err
	}
	return Claim[K]{d, claimed}, nil
}

func (d *Dedup[K]) enter(key *K) (claim, error) {
	hash := maphash.Comparable(d.seed, *key)
	now := d.clock.Now()
	cell := d.cell(hash)
	cell.mu.Lock()
	serial, err := cell.shard.insert(&d.plan, now, uint32(hash), key)
	cell.mu.Unlock()
	return claim{hash, serial}, err
}

func (d *Dedup[K]) cell(hash uint64) *dedupCell[K] {
	return &d.shards[int(hash>>32)&(len(d.shards)-1)]
}

// release gives a key free, if the claim still names it.
func (d *Dedup[K]) release(c claim) {
	if c.serial == 0 {
		return
	}
	cell := d.cell(c.hash)
	cell.mu.Lock()
	cell.shard.advance(&d.plan, d.clock.Now())
	cell.shard.removeSerial(uint32(c.hash), c.serial)
	cell.mu.Unlock()
}

// Commit keeps the key remembered until its window ends. Further calls do nothing.
func (c *Claim[K]) Commit() { c.dedup = nil }

// Release gives the key free, unless the claim was committed or the window has forgotten it. Further calls do
// nothing, so that it may be deferred.
func (c *Claim[K]) Release() {
	if c.dedup != nil {
		c.dedup.release(c.claim)
		c.dedup = nil
	}
}

// IsNew says whether this is the first time within the window; from now on it is not. Error: ErrWindowFull.
func (d *Dedup[K]) IsNew(key K) (bool, error) {
	_, err := d.enter(&key)
	if err == ErrDuplicate {
		return false, nil
	}
	return err == nil, err
}

// Contains says whether a key is remembered.
func (d *Dedup[K]) Contains(key K) bool {
	hash := maphash.Comparable(d.seed, key)
	cell := d.cell(hash)
	cell.mu.Lock()
	defer cell.mu.Unlock()
	cell.shard.advance(&d.plan, d.clock.Now())
	return cell.shard.find(uint32(hash), &key, 0).bucket != nil
}

// Forget forgets a key before its time; false when it was not remembered. A claim on it then means nothing any more.
func (d *Dedup[K]) Forget(key K) bool {
	hash := maphash.Comparable(d.seed, key)
	cell := d.cell(hash)
	cell.mu.Lock()
	defer cell.mu.Unlock()
	cell.shard.advance(&d.plan, d.clock.Now())
	at := cell.shard.find(uint32(hash), &key, 0)
	if at.bucket != nil {
		// Its place may not be filled again: the generation's list of holes is for claims that have ended.
		cell.shard.remove(at, false)
	}
	return at.bucket != nil
}

// Len is how many keys are remembered.
func (d *Dedup[K]) Len() int { return int(d.Stats().Keys) }

// Stats are the counters now.
func (d *Dedup[K]) Stats() DedupStats {
	var sum DedupStats
	now := d.clock.Now()
	d.each(func(s *dedupShard[K]) {
		s.expire(&d.plan, now)
		sum.Keys += uint64(s.keys)
		sum.Duplicates += s.duplicates
		sum.Forgotten += s.forgotten
		sum.Refused += s.refused
	})
	return sum
}

// Sweep forgets what has expired, and gives the memory of empty shards back. Calls do the former for the shard they
// touch; this is for a quiet time.
func (d *Dedup[K]) Sweep() {
	now := d.clock.Now()
	d.each(func(s *dedupShard[K]) {
		s.expire(&d.plan, now)
		if s.keys == 0 {
			s.clear()
		}
	})
}

// Clear forgets everything, and gives the memory back.
func (d *Dedup[K]) Clear() { d.each((*dedupShard[K]).clear) }

func (d *Dedup[K]) each(act func(*dedupShard[K])) {
	for i := range d.shards {
		cell := &d.shards[i]
		cell.mu.Lock()
		act(&cell.shard)
		cell.mu.Unlock()
	}
}

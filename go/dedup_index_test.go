package batchline

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/batchline/batchline/go/internal/naive"
)

func TestABucketIsACacheLine(t *testing.T) {
	if size := unsafe.Sizeof(dedupBucket{}); size != 64 {
		t.Fatal(size)
	}
	if at := uintptr(unsafe.Pointer(&make(dedupIndex, 4096)[0])); at%64 != 0 {
		t.Fatalf("a large index begins %d bytes into a line", at%64)
	}
}

func TestMatchesAreTheSlotsOfATag(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		var b dedupBucket
		for i := range b.tags {
			b.tags[i] = uint8(random.IntN(4)) * uint8(1+random.IntN(85))
		}
		wanted := max(b.tags[random.IntN(bucketSlots)], 1)
		matches := b.matches(wanted)
		for slot, tag := range b.tags {
			isMatch := false
			for rest := matches; rest != 0; rest &= rest - 1 {
				isMatch = isMatch || slotOf(rest) == slot
			}
			if isMatch != (tag == wanted) {
				t.Fatalf("%v, %d: slot %d", b.tags, wanted, slot)
			}
		}
	}
}

// All keys have one home, so that buckets are passed all the time, and places wrap on the way.
func TestKeysOfOneBucketAreFoundUntilTheyAreDead(t *testing.T) {
	x := make(dedupIndex, 8)
	start := uint32(math.MaxUint32 - 5000)
	alive := life{start, start}
	random := rand.New(rand.NewPCG(2, 2))
	for range 10_000 {
		x.put(7, alive.tail, life{alive.head, alive.tail + 1})
		alive.tail++
		if n := alive.tail - alive.head; n == 50 {
			alive.head += 1 + random.Uint32N(n)
		}
		for place := alive.head; place != alive.tail; place++ {
			if !reaches(x, 7, place, alive) {
				t.Fatalf("place %d of %d to %d is lost", place, alive.head, alive.tail)
			}
		}
	}
}

// reaches says whether a search for a hash comes by a place.
func reaches(x dedupIndex, hash, place uint32, alive life) bool {
	for at, n := x.home(hash), 0; n < len(x); at, n = x.next(at), n+1 {
		for matches := x[at].matches(tagOf(hash)); matches != 0; matches &= matches - 1 {
			if x[at].places[slotOf(matches)] == place {
				return true
			}
		}
		if !x[at].isPassed(alive) {
			return false
		}
	}
	return false
}

func TestAnswersEqualTheNaiveWindowWherePlacesWrap(t *testing.T) {
	clock := NewVirtualClock()
	window, bucket := 80*time.Millisecond, 10*time.Millisecond
	dedup, err := NewDedupWithClock[int](Window{Duration: window, Bucket: bucket, KeysMax: 8000}, clock)
	ok(t, err)
	s := &dedup.shards[0].shard
	s.head, s.tail = math.MaxUint32-20_000, math.MaxUint32-20_000
	s.growRing()
	twin := naive.NewWindow[int](window, bucket, clock.Now)
	random := rand.New(rand.NewPCG(3, 3))
	for step := range 100_000 {
		if step%30 == 0 {
			clock.Advance(time.Millisecond)
		}
		key := random.IntN(20_000)
		claim, err := dedup.Claim(key)
		if isNew := twin.Claim(key); isNew != (err == nil) {
			t.Fatalf("step %d: claim of %d: %v, %v", step, key, err, isNew)
		}
		if err == nil && random.IntN(3) == 0 {
			claim.Release()
			twin.Release(key)
		}
		if other := random.IntN(20_000); dedup.Contains(other) != twin.Contains(other) {
			t.Fatalf("step %d: contains %d", step, other)
		}
	}
	if s.tail > 1<<31 || dedup.Len() != twin.Len() {
		t.Fatalf("tail %d, %d keys of %d", s.tail, dedup.Len(), twin.Len())
	}
}

func TestAShardThatHasFewKeysAgainHasASmallIndex(t *testing.T) {
	clock := NewVirtualClock()
	dedup, err := NewDedupWithClock[int](Window{Duration: time.Second, KeysMax: 8100}, clock)
	ok(t, err)
	for key := range 8000 {
		_, err := dedup.IsNew(key)
		ok(t, err)
	}
	s := &dedup.shards[0].shard
	most := len(s.index)
	clock.Advance(900 * time.Millisecond)
	for key := range 10 {
		_, err := dedup.IsNew(-1 - key)
		ok(t, err)
	}
	clock.Advance(400 * time.Millisecond)
	if !dedup.Contains(-1) || dedup.Contains(1) || s.keys != 10 || len(s.index) >= most/4 {
		t.Fatalf("%d of %d buckets for %d keys", len(s.index), most, s.keys)
	}
}

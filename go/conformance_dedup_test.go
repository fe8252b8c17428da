package batchline

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batchline/batchline/go/internal/naive"
)

func TestC40_AKeyIsFreeAfterAFailureAndADuplicateAfterASuccess(t *testing.T) {
	clock := NewVirtualClock()
	var fails atomic.Bool
	b := NewWithDeduplicationBy(1, NoTimeout, func([]*int) error {
		if fails.Load() {
			return errBad
		}
		return nil
	}, false, func(item *int) int { return *item }, silent(), WithClock(clock),
		WithWindow(Window{Duration: time.Second, Bucket: 100 * time.Millisecond}))
	for range 3 {
		fails.Store(true)
		if err := b.Submit(background, number(7)); !errors.Is(err, errBad) {
			t.Fatal(err)
		}
	}
	fails.Store(false)
	ok(t, b.Submit(background, number(7)))
	if err := b.Submit(background, number(7)); !errors.Is(err, ErrDuplicate) {
		t.Fatal(err)
	}
	clock.Advance(1100 * time.Millisecond)
	ok(t, b.Submit(background, number(7)))
	balanced(t, &b.core)
}

func TestC40_RefusedExpiredAndHandedBackItemsFreeTheirKeys(t *testing.T) {
	clock := NewVirtualClock()
	hold := newStuck()
	b := NewWithDeduplication(1, NoTimeout, hold.handle, false, silent(), WithClock(clock),
		WithQueueItemsMax(2), WithOverflow(Fail))
	ok(t, b.Put(number(1)))
	<-hold.entered
	ok(t, b.PutWith(background, number(2), ItemOptions{Deadline: time.Millisecond}))
	for range 2 {
		if err := b.Put(number(3)); !errors.Is(err, ErrFull) {
			t.Fatalf("a refused item keeps its key: %v", err)
		}
	}
	if err := b.Put(number(2)); !errors.Is(err, ErrDuplicate) {
		t.Fatal(err)
	}
	clock.Advance(time.Millisecond)
	hold.release <- struct{}{}
	eventually(t, "the expiry", func() bool { return b.Stats().Expired == 1 && b.Stats().Live == 0 })
	ok(t, b.Put(number(2)))
	close(hold.release)
	balanced(t, &b.core)
}

func TestC41_PutBatchGoesThroughTheWindow(t *testing.T) {
	var r recorder
	b := NewWithDeduplicationAndPool(10, NoTimeout, r.handle, false)
	items := []*int{number(1), number(2), number(1), number(3), number(2)}
	n, err := b.PutBatch(items)
	var told *PutBatchError
	if n != 3 || !errors.As(err, &told) || !errors.Is(err, ErrDuplicate) || told.Next != 5 || told.Err != nil ||
		len(told.Duplicates) != 2 || told.Duplicates[0] != 2 || told.Duplicates[1] != 4 {
		t.Fatalf("%d, %+v", n, err)
	}
	balanced(t, &b.core)
	if s := b.Stats(); r.count() != 3 || s.Duplicates != 2 || s.Refused != 2 {
		t.Fatalf("%d items, %+v", r.count(), s)
	}
}

func TestC42_TheWindowIsKeptToTheBucket(t *testing.T) {
	for _, bucket := range []time.Duration{1, 10, 50} {
		for _, window := range []time.Duration{bucket, 50, 200, 333} {
			keepsWindow(t, window*time.Millisecond, bucket*time.Millisecond)
		}
	}
}

func keepsWindow(t *testing.T, window, bucket time.Duration) {
	clock := NewVirtualClock()
	dedup, err := NewDedupWithClock[int](Window{Duration: window, Bucket: bucket}, clock)
	ok(t, err)
	var last [3]time.Duration
	var was [3]bool
	for clock.Now() < 5*(window+bucket) {
		now := clock.Now()
		for key := range last {
			if now%(time.Duration(key*700+100)*time.Microsecond) != 0 {
				continue
			}
			isNew, err := dedup.IsNew(key)
			ok(t, err)
			age := now - last[key]
			if was[key] && isNew && age < window {
				t.Fatalf("passed after %v of %v + %v", age, window, bucket)
			}
			if was[key] && !isNew && age >= window+bucket {
				t.Fatalf("refused after %v of %v + %v", age, window, bucket)
			}
			if isNew {
				last[key], was[key] = now, true
			}
		}
		clock.Advance(100 * time.Microsecond)
	}
}

// C43 is about filters, which this window has not; what they must not break is that the answers equal the naive ones.
func TestC43_AnswersEqualTheNaiveWindow(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 2))
		clock := NewVirtualClock()
		window, bucket := time.Duration(1+random.IntN(300))*time.Millisecond, time.Millisecond
		bucket += time.Duration(random.Int64N(int64(window)))
		bucket = min(bucket, window)
		dedup, err := NewDedupWithClock[int](Window{Duration: window, Bucket: bucket}, clock)
		ok(t, err)
		twin := naive.NewWindow[int](window, bucket, clock.Now)
		keys := 1 + random.IntN(400)
		claims := map[int]*Claim[int]{}
		for step := range 4000 {
			key := random.IntN(keys)
			switch random.IntN(10) {
			case 0:
				clock.Advance(time.Duration(random.Int64N(int64(bucket))))
			case 1:
				if dedup.Contains(key) != twin.Contains(key) || dedup.Len() != twin.Len() {
					t.Fatalf("seed %d, step %d: contains %d", seed, step, key)
				}
			case 2:
				if claim := claims[key]; claim != nil && dedup.Contains(key) {
					claim.Release()
					twin.Release(key)
					delete(claims, key)
				}
			default:
				claim, err := dedup.Claim(key)
				if isNew := twin.Claim(key); isNew != (err == nil) {
					t.Fatalf("seed %d, step %d: claim of %d: %v, %v", seed, step, key, err, isNew)
				}
				if err == nil {
					claims[key] = &claim
				}
			}
		}
	}
}

func TestC45_TheCallerOfADuplicateIsTold(t *testing.T) {
	b := NewWithDeduplication(100, NoTimeout, func([]*int) {}, false)
	ok(t, b.Put(number(1)))
	within(t, func() {
		for _, err := range []error{
			b.Put(number(1)), b.TryPut(number(1)), b.PutCtx(background, number(1)), b.Submit(background, number(1)),
		} {
			if !errors.Is(err, ErrDuplicate) {
				t.Error(err)
			}
		}
	})
	if s, _ := b.WindowStats(); s.Duplicates != 4 || s.Keys != 1 {
		t.Fatalf("%+v", s)
	}
	balanced(t, &b.core)
}

func TestC46_AKeyOf32BytesCostsNoAllocation(t *testing.T) {
	clock := NewVirtualClock()
	dedup, err := NewDedupWithClock[[32]byte](Window{Duration: 10 * time.Millisecond, Bucket: time.Millisecond}, clock)
	ok(t, err)
	var r record
	n := 0
	put := func() {
		for range 1000 {
			n++
			r.number(n)
			if isNew, err := dedup.IsNew(r.key); !isNew || err != nil {
				t.Fatal(isNew, err)
			}
		}
		clock.Advance(time.Millisecond)
	}
	for range 40 {
		put()
	}
	if allocs := testing.AllocsPerRun(100, put); allocs > 1 {
		t.Fatalf("%v allocations per 1000 keys", allocs)
	}
}

func TestAtTheCapTheWindowRefusesOrForgets(t *testing.T) {
	for _, keysMax := range []int{1, 2, 3, 100, 10_000} {
		refusing, err := NewDedup[int](Window{Duration: time.Hour, KeysMax: keysMax})
		ok(t, err)
		forgetting, err := NewDedup[int](Window{Duration: time.Hour, KeysMax: keysMax, AtCap: ForgetOldest})
		ok(t, err)
		held := 0
		for key := range 3 * keysMax {
			if isNew, err := refusing.IsNew(key); err == nil && isNew {
				held++
			} else if !errors.Is(err, ErrWindowFull) {
				t.Fatal(isNew, err)
			}
			if isNew, err := forgetting.IsNew(key); !isNew || err != nil {
				t.Fatal(isNew, err)
			}
		}
		r, f := refusing.Stats(), forgetting.Stats()
		if held > keysMax || held < keysMax-keysMax/20 || int(r.Keys) != held || int(r.Refused) != 3*keysMax-held {
			t.Fatalf("cap %d: %d held, %+v", keysMax, held, r)
		}
		if int(f.Keys) > keysMax || int(f.Keys+f.Forgotten) != 3*keysMax || !forgetting.Contains(3*keysMax-1) {
			t.Fatalf("cap %d: %+v", keysMax, f)
		}
	}
}

func TestOneOfManyClaimersWins(t *testing.T) {
	dedup, err := NewDedup[int](Window{Duration: time.Hour})
	ok(t, err)
	var won atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for key := range 20_000 {
				if isNew, _ := dedup.IsNew(key); isNew {
					won.Add(1)
				}
			}
		}()
	}
	all.Wait()
	if won.Load() != 20_000 || dedup.Len() != 20_000 {
		t.Fatalf("%d claims of 20000 keys", won.Load())
	}
	dedup.Sweep()
	dedup.Clear()
	if dedup.Len() != 0 {
		t.Fatal("clear leaves keys")
	}
}

func TestClaimAndForgetForEverTakesNoMemory(t *testing.T) {
	clock := NewVirtualClock()
	dedup, err := NewDedupWithClock[int](Window{Duration: 10 * time.Millisecond, KeysMax: 1000}, clock)
	ok(t, err)
	for range 3000 {
		claim, err := dedup.Claim(1)
		ok(t, err)
		claim.Release()
		_, err = dedup.Claim(2)
		ok(t, err)
		dedup.Forget(2)
		clock.Advance(100 * time.Microsecond)
	}
	if ring := len(dedup.shards[0].shard.ring); ring > 256 {
		t.Fatalf("%d places for at most two keys at a time", ring)
	}
}

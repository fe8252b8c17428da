package batchline

import (
	"fmt"
	"math/bits"
	"runtime"
	"time"
)

const (
	bucketMin = time.Millisecond
	windowMax = 366 * 24 * time.Hour
	// A window is at most so many buckets long.
	bucketsMax     = 4096
	bucketsDefault = 16
	keysMaxDefault = 1 << 20
	keysMaxMax     = 1 << 36
	// Keys per shard at the cap below which another shard would make the cap too uneven.
	shardKeysMin = 4096
	dedupShards  = 64
)

// Window says how long keys are remembered, and what that may cost.
//
// A key claimed at time t is remembered until its bucket ends, plus the window: (floor(t / Bucket) + 1) * Bucket +
// Duration on the clock. So at least Duration, at most Duration + Bucket.
type Window struct {
	// Duration is how long a key is remembered at least: 1 ms to 366 days.
	Duration time.Duration
	// Bucket is how finely time is told: keys of one bucket are forgotten together. 0 is a 16th of Duration, at least
	// 1 ms. Allowed: 1 ms to Duration, at least a 4096th of it.
	Bucket time.Duration
	// KeysMax is the most keys that are remembered: a hard cap, 1 to 2^36; 0 is 2^20. Keys spread over shards by
	// their hash, each with its part of the cap, so it may be met up to 5 % early; below 8192 it is exact.
	KeysMax int
	// AtCap is what happens to a new key at the cap.
	AtCap AtCap
}

// AtCap is what happens to a new key when KeysMax keys are remembered.
type AtCap uint8

const (
	// Refuse gives ErrWindowFull, until time has made room: no duplicate passes, but new items do not either.
	Refuse AtCap = iota
	// ForgetOldest forgets the oldest keys early, at most a 16th of them at a time, and counts them: their duplicates
	// pass.
	ForgetOldest
)

// windowPlan is a window's checked settings, as a shard needs them.
type windowPlan struct {
	window time.Duration
	bucket time.Duration
	shards int
	// keysMax is per shard.
	keysMax int
	// generationPlaces is at how many places a generation is followed by another one even in the same bucket; 0 is
	// never.
	generationPlaces int
	forgets          bool
	// keysPoint says that keys refer to other memory: forgotten ones must be wiped.
	keysPoint bool
}

func (w Window) plan() (windowPlan, error) {
	bucket := w.Bucket
	if bucket == 0 {
		bucket = max(w.Duration/bucketsDefault, bucketMin)
	}
	if w.Duration < bucketMin || w.Duration > windowMax {
		return windowPlan{}, &SettingError{"window", w.Duration, "1ms to 366 days"}
	}
	least := max(bucketMin, (w.Duration+bucketsMax-1)/bucketsMax)
	if bucket < least || bucket > w.Duration {
		return windowPlan{}, &SettingError{"bucket", bucket, fmt.Sprintf("%v to %v, the window", least, w.Duration)}
	}
	keysMax := w.KeysMax
	if keysMax == 0 {
		keysMax = keysMaxDefault
	}
	if keysMax < 1 || keysMax > keysMaxMax {
		return windowPlan{}, &SettingError{"keys_max", keysMax, "1 to 2^36"}
	}
	if w.AtCap > ForgetOldest {
		return windowPlan{}, &SettingError{"at_cap", w.AtCap, "Refuse or ForgetOldest"}
	}
	return makePlan(w, bucket, keysMax), nil
}

func makePlan(w Window, bucket time.Duration, keysMax int) windowPlan {
	shards := min(max(keysMax/shardKeysMin, 1), dedupShards, 4*runtime.GOMAXPROCS(0))
	shards = 1 << (bits.Len(uint(shards)) - 1)
	plan := windowPlan{window: w.Duration, bucket: bucket, shards: shards, keysMax: keysMax / shards}
	if w.AtCap == ForgetOldest {
		plan.forgets = true
		plan.generationPlaces = (plan.keysMax + 15) / 16
	}
	return plan
}

// expires is when a key that comes in now is forgotten.
func (p *windowPlan) expires(now time.Duration) time.Duration {
	return (now/p.bucket+1)*p.bucket + p.window
}

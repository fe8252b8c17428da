package batchline

import "time"

// gate is what a batcher asks of a deduplication window, whatever its keys are.
type gate[T any] interface {
	claim(item *T) (claim, error)
	release(claim)
	stats() DedupStats
	clear()
}

type keyGate[T any, K comparable] struct {
	key   func(*T) K
	dedup *Dedup[K]
}

func (g *keyGate[T, K]) claim(item *T) (claim, error) {
	key := g.key(item)
	return g.dedup.enter(&key)
}

func (g *keyGate[T, K]) release(c claim)   { g.dedup.release(c) }
func (g *keyGate[T, K]) stats() DedupStats { return g.dedup.Stats() }
func (g *keyGate[T, K]) clear()            { g.dedup.Clear() }

// gateBy makes a window whose keys are told by a function.
func gateBy[T any, K comparable](key func(*T) K) gateMaker[T] {
	return func(s *settings) (gate[T], error) {
		if key == nil {
			return nil, &SettingError{"key", nil, "a function"}
		}
		dedup, err := NewDedupWithClock[K](s.window, s.clock)
		if err != nil {
			return nil, err
		}
		return &keyGate[T, K]{key, dedup}, nil
	}
}

// NewWithDeduplication is New that refuses items whose value was put within a window: Put returns ErrDuplicate. The
// value is read when the item is put. For items that are not compared as a whole: NewWithDeduplicationBy.
//
// A key is claimed when its item is put. It stays remembered when the item is done; when the item fails, expires, is
// cancelled or handed back the key is free again, before anybody is told. The window is one minute unless WithWindow
// says otherwise, and counts from the put.
func NewWithDeduplication[T comparable](
	size int, timeout time.Duration, fn func(batch []*T), background bool, opts ...Option,
) *Batcher[T] {
	return NewWithDeduplicationBy(size, timeout, infallible(fn), background, func(item *T) T { return *item }, opts...)
}

// NewWithDeduplicationAndPool is NewWithDeduplication with slices that are used again: fn must not keep its batch.
func NewWithDeduplicationAndPool[T comparable](
	size int, timeout time.Duration, fn func(batch []*T), background bool, opts ...Option,
) *Batcher[T] {
	return NewWithDeduplication(size, timeout, fn, background, append(opts[:len(opts):len(opts)], WithPool())...)
}

// NewWithDeduplicationBy is NewWithDeduplication for items of any type, with a function that tells an item's key,
// and a handler that can fail. key is called once per put, outside of every lock.
func NewWithDeduplicationBy[T any, K comparable](
	size int, timeout time.Duration, fn func(batch []*T) error, background bool, key func(item *T) K, opts ...Option,
) *Batcher[T] {
	return must(build(size, timeout, fn, background, gateBy(key), opts))
}

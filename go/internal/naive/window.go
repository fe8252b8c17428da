package naive

import (
	"sync"
	"time"
)

// Window remembers keys for a time: a mutex, a map, and a list of what expires next.
type Window[K comparable] struct {
	mu      sync.Mutex
	window  time.Duration
	bucket  time.Duration
	now     func() time.Duration
	expires map[K]time.Duration
	queue   []expiry[K]
	head    int
}

type expiry[K comparable] struct {
	key K
	at  time.Duration
}

// NewWindow makes an empty window. A key is remembered until its bucket ends, plus the window, if bucket is not 0.
func NewWindow[K comparable](window, bucket time.Duration, now func() time.Duration) *Window[K] {
	return &Window[K]{window: window, bucket: bucket, now: now, expires: map[K]time.Duration{}}
}

// Claim says whether a key is new, and remembers it.
func (w *Window[K]) Claim(key K) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	w.expire(now)
	if _, found := w.expires[key]; found {
		return false
	}
	at := now + w.window
	if w.bucket > 0 {
		at = (now/w.bucket+1)*w.bucket + w.window
	}
	w.expires[key] = at
	w.queue = append(w.queue, expiry[K]{key, at})
	return true
}

// Release forgets a key.
func (w *Window[K]) Release(key K) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.expires, key)
}

// Contains says whether a key is remembered.
func (w *Window[K]) Contains(key K) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(w.now())
	_, found := w.expires[key]
	return found
}

// Len is how many keys are remembered.
func (w *Window[K]) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(w.now())
	return len(w.expires)
}

// expire forgets the keys whose time is over; one that was released and claimed again has a later time in the map.
func (w *Window[K]) expire(now time.Duration) {
	for w.head < len(w.queue) && w.queue[w.head].at <= now {
		key := w.queue[w.head].key
		if at, found := w.expires[key]; found && at <= now {
			delete(w.expires, key)
		}
		w.head++
	}
	if w.head > len(w.queue)/2 {
		w.queue = append(w.queue[:0], w.queue[w.head:]...)
		w.head = 0
	}
}

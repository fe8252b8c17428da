package native

import "sync"

// budget is the bound of the queue: credit for items, and for bytes if those are bounded. A shard leases credit for as
// many items as it gathers, and gives back what it has not used when it crosses; a batch gives back what it held when
// its handler has returned. So the core, whose own bound is wider, is never full, and no goroutine waits for room
// inside of it.
//
// Locks are taken in this order: a shard's, then the budget's.
type budget struct {
	mu          sync.Mutex
	items       int
	bytes       int
	boundsBytes bool
	waiters     []chan struct{}
}

func (b *budget) init(items, bytes int) {
	b.items, b.bytes, b.boundsBytes = items, bytes, bytes > 0
}

// lease takes credit for up to so many items and bytes; nothing if not for one item with the least bytes. Without a
// bound of bytes they are granted as wanted.
func (b *budget) lease(items, bytesLeast, bytesWanted int) (int, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.hasLocked(bytesLeast) {
		return 0, 0
	}
	items = min(items, b.items)
	b.items -= items
	if b.boundsBytes {
		bytesWanted = min(bytesWanted, b.bytes)
		b.bytes -= bytesWanted
	}
	return items, bytesWanted
}

func (b *budget) has(bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hasLocked(bytes)
}

func (b *budget) hasLocked(bytes int) bool {
	return b.items > 0 && (!b.boundsBytes || b.bytes >= bytes)
}

// giveBack returns credit and wakes those who wait for it.
func (b *budget) giveBack(items, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items += items
	if b.boundsBytes {
		b.bytes += bytes
		// Whoever is first may need more bytes than there are, and others fewer.
		items = len(b.waiters)
	}
	b.wake(min(items, len(b.waiters)))
}

// wakeAll lets nobody wait any more: the batcher closes.
func (b *budget) wakeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake(len(b.waiters))
}

func (b *budget) wake(n int) {
	for _, waiter := range b.waiters[:n] {
		close(waiter)
	}
	b.waiters = append(b.waiters[:0], b.waiters[n:]...)
}

// enlist gives a channel that is closed when there may be room.
func (b *budget) enlist() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := make(chan struct{})
	b.waiters = append(b.waiters, wait)
	return wait
}

// forget takes a waiter off the list. If it was woken meanwhile, the signal is for another one.
func (b *budget) forget(wait chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiters {
		if other == wait {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			return
		}
	}
	b.wake(min(1, len(b.waiters)))
}

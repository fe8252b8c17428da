// Package naive is the plain way to do what batchline does, honestly written: a buffered channel, one goroutine with
// a select and a reused timer; a mutex and a map. It is the oracle of the property tests and the rival of the
// benches.
package naive

import "time"

// envelope is what travels through the channel: an item, or a request to flush.
type envelope[T any] struct {
	item    *T
	flushed chan struct{}
}

// Batcher collects items for one goroutine, which hands them to a function as batches.
type Batcher[T any] struct {
	queue chan envelope[T]
	ended chan struct{}
}

// New makes a batcher of up to size items, and at most timeout between the first item of a batch and its call of fn.
// queue is how many items the channel holds.
func New[T any](size, queue int, timeout time.Duration, fn func(batch []*T)) *Batcher[T] {
	b := &Batcher[T]{queue: make(chan envelope[T], queue), ended: make(chan struct{})}
	go b.work(size, timeout, fn)
	return b
}

// Put hands in an item, and waits while the channel is full.
func (b *Batcher[T]) Put(item *T) { b.queue <- envelope[T]{item: item} }

// Flush has everything handled that was put before.
func (b *Batcher[T]) Flush() {
	done := make(chan struct{})
	b.queue <- envelope[T]{flushed: done}
	<-done
}

// Close has everything handled, and returns when the goroutine has ended. Nobody may put any more.
func (b *Batcher[T]) Close() {
	close(b.queue)
	<-b.ended
}

func (b *Batcher[T]) work(size int, timeout time.Duration, fn func([]*T)) {
	defer close(b.ended)
	timer := time.NewTimer(timeout)
	timer.Stop()
	batch := make([]*T, 0, size)
	seal := func() {
		timer.Stop()
		if len(batch) > 0 {
			fn(batch)
			batch = make([]*T, 0, size)
		}
	}
	for {
		select {
		case e, isOpen := <-b.queue:
			if !isOpen {
				seal()
				return
			}
			if e.flushed != nil {
				seal()
				close(e.flushed)
				continue
			}
			if batch = append(batch, e.item); len(batch) == 1 {
				timer.Reset(timeout)
			}
			if len(batch) == size {
				seal()
			}
		case <-timer.C:
			seal()
		}
	}
}

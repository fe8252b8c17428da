//go:build cgo && (batchline_native || batchline_system)

package native

import "time"

// channel is the plain way to do what Bytes and Fixed do, honestly written: a buffered channel of values, one goroutine
// with a select and a reused timer, and a batch that is used again. It is the rival of the benches.
type channel[T any] struct {
	queue chan T
	ended chan struct{}
}

func newChannel[T any](size, queue int, timeout time.Duration, fn func(batch []T)) *channel[T] {
	c := &channel[T]{make(chan T, queue), make(chan struct{})}
	go c.work(size, timeout, fn)
	return c
}

func (c *channel[T]) put(item T) { c.queue <- item }

// close has everything handled. Nobody may put any more.
func (c *channel[T]) close() {
	close(c.queue)
	<-c.ended
}

func (c *channel[T]) work(size int, timeout time.Duration, fn func([]T)) {
	defer close(c.ended)
	timer := time.NewTimer(timeout)
	timer.Stop()
	batch := make([]T, 0, size)
	seal := func() {
		timer.Stop()
		if len(batch) > 0 {
			fn(batch)
			clear(batch)
			batch = batch[:0]
		}
	}
	for {
		select {
		case item, isOpen := <-c.queue:
			if !isOpen {
				seal()
				return
			}
			if batch = append(batch, item); len(batch) == 1 {
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

// Package batchline turns many small operations into few large ones: it collects items from many goroutines into
// batches, and never loses, repeats or over-delays one.
//
//	batcher := batchline.New(1000, 10*time.Millisecond, func(batch []*Event) {
//		store(batch)
//	}, false)
//	defer batcher.Close()
//	if err := batcher.Put(&event); err != nil {
//		return err
//	}
//
// # The path of an item
//
// put -> claim -> write -> publish -> seal -> dispatch -> handle -> complete
//
// Items gather in a shard, or with WithSpread in several; a put is one short lock and an append. The first put of a
// batch, the last one, and the put of a full batcher take the slower way through the engine's lock. A batch is
// sealed by size, bytes, linger, demand, tick, flush or close, and every batch carries its reason. See [SealReason].
//
// # The ledger
//
// Every accepted item has exactly one outcome: done, failed, cancelled, expired or handed back. accepted = the sum
// of the outcomes + live, at any time: see [Stats]. An item that is refused stays with the caller, who is told by an
// error.
//
// # What may run together
//
// Every method of every type of this package may be called from any goroutine at any time, unless it says otherwise.
// Handlers, hooks, weighers and key functions never run under a lock of the package; only the comparison of keys
// does.
//
// # What it costs when nothing happens
//
// Nothing: a batcher without items has no goroutine and no armed timer. A batcher that the program has lost is
// closed by the garbage collector, and what it holds is handled.
package batchline

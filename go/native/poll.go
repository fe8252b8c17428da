package native

import (
	"runtime/debug"
	"time"

	batchline "github.com/batchline/batchline/go"
	"github.com/batchline/batchline/go/internal/goroutine"
)

// codeFailed is what the core is told of a batch that failed; the reason stays on this side.
const codeFailed = 1

// poller takes batches, one after the other.
type poller struct {
	engine *engine
	id     uint64
	batch  coreBatch
	// scratch is the view of a batch, used again for the next one.
	scratch any
}

// poll takes batches and has them handled until there will be none any more. If a handler ends its goroutine, another
// one goes on.
func (e *engine) poll() {
	p := poller{engine: e, id: goroutine.ID()}
	e.insiders.enter(p.id)
	hasEnded := false
	defer func() {
		e.insiders.leave(p.id)
		if !hasEnded {
			go e.poll()
			return
		}
		e.release()
		if e.pollers.Add(-1) == 0 {
			close(e.quiet)
		}
	}()
	code := int32(0)
	for p.next(code) {
		code = p.handle()
	}
	hasEnded = true
}

// next settles the batch that was handled and waits for another one, in one crossing. False when there will be none.
func (p *poller) next(code int32) bool {
	e := p.engine
	for {
		e.idle.Add(1)
		if e.settings.drain {
			// What was put while no handler was free.
			e.crossAll()
		}
		status := coreNext(e.core, code, &p.batch)
		e.idle.Add(-1)
		switch status {
		case coreOK:
			e.crossings.Load()
			return true
		case coreClosed:
			return false
		}
		// A defect in the core; the items are still there.
		e.report(batchline.FailureReport{Kind: batchline.Failed, Err: coreError("bl_next_batch", status)})
		time.Sleep(100 * time.Millisecond)
	}
}

// handle calls the user's function; returns what the core is told of the batch. If the function ends this goroutine,
// the batch is settled here.
func (p *poller) handle() int32 {
	e, items := p.engine, p.batch.len
	e.inHand.Add(1)
	err, hasReturned := error(nil), false
	defer func() {
		if !hasReturned {
			e.counts.panics.Add(1)
			p.settle(&batchline.PanicError{Stack: debug.Stack()}, items)
			coreDone(e.core, &p.batch, codeFailed)
		}
	}()
	err = p.call()
	hasReturned = true
	p.settle(err, items)
	if err != nil {
		return codeFailed
	}
	return 0
}

// call turns a panic of the user's function into an error.
func (p *poller) call() (err error) {
	hasReturned := false
	defer func() {
		if hasReturned {
			return
		}
		if value := recover(); value != nil {
			p.engine.counts.panics.Add(1)
			err = &batchline.PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	err = p.engine.deliver(p, &p.batch)
	hasReturned = true
	return err
}

// settle reports a failure and gives the credit of the batch back.
func (p *poller) settle(err error, items int) {
	e := p.engine
	if err != nil {
		e.report(batchline.FailureReport{
			Kind: batchline.Failed, Err: err, Items: items, BatchItems: items,
			Reason: batchline.SealReason(p.batch.reason),
		})
	}
	e.settled.Add(1)
	e.inHand.Add(-1)
	e.budget.giveBack(items, int(p.batch.bytes))
}

package batchline

import (
	"context"
	"sync"
)

// Group tells when every item put through it has an outcome. The zero value is ready to use, with any batchers; a
// group may be used again after it was waited for. It must not be copied.
//
// Put items through it with ItemOptions.Group.
type Group struct {
	mu    sync.Mutex
	sum   GroupOutcome
	ended chan struct{}
}

// GroupOutcome is what became of the items of a group.
type GroupOutcome struct {
	// Items were accepted through the group.
	Items int
	// Done were handled.
	Done int
	// NotDone failed, expired, were cancelled or handed back.
	NotDone int
	// Err is the first reason why an item was not done; nil if there is none.
	Err error
}

// Pending is how many items have no outcome yet.
func (o GroupOutcome) Pending() int { return o.Items - o.Done - o.NotDone }

// Outcome is what is known now.
func (g *Group) Outcome() GroupOutcome {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sum
}

// Wait waits until no item of the group is without an outcome, and returns what became of all of them since the group
// was made. When the context ends before, it returns what is known, and the context's error.
func (g *Group) Wait(ctx context.Context) (GroupOutcome, error) {
	for {
		g.mu.Lock()
		sum := g.sum
		if sum.Pending() > 0 && g.ended == nil {
			g.ended = make(chan struct{})
		}
		ended := g.ended
		g.mu.Unlock()
		if sum.Pending() == 0 {
			return sum, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return g.Outcome(), ctx.Err()
		}
	}
}

// begin counts an item that is about to be put.
func (g *Group) begin() {
	if g == nil {
		return
	}
	g.mu.Lock()
	g.sum.Items++
	g.mu.Unlock()
}

// undo takes back a begin: the item was refused.
func (g *Group) undo() {
	if g == nil {
		return
	}
	g.mu.Lock()
	g.sum.Items--
	g.tell()
	g.mu.Unlock()
}

// end counts an outcome.
func (g *Group) end(err error) {
	if g == nil {
		return
	}
	g.mu.Lock()
	if err == nil {
		g.sum.Done++
	} else {
		g.sum.NotDone++
		if g.sum.Err == nil {
			g.sum.Err = err
		}
	}
	g.tell()
	g.mu.Unlock()
}

// tell wakes those who wait, if nothing is pending; the group is locked.
func (g *Group) tell() {
	if g.ended != nil && g.sum.Pending() == 0 {
		close(g.ended)
		g.ended = nil
	}
}

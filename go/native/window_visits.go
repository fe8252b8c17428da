package native

import "sync/atomic"

// visits counts the calls that are inside of a window, so that its memory goes with the last one after Close. The zero
// value lets nobody in.
//
// It also orders the calls for Go's memory model and the race detector, which do not know of the core's locks: what was
// done before a Forget is seen by who claims the key next.
type visits struct {
	// inside has the calls, and visitsOpen until the end.
	inside atomic.Int64
}

const visitsOpen = 1 << 62

func (v *visits) begin() { v.inside.Store(visitsOpen) }

// enter says whether the window is there, and keeps it so until leave.
func (v *visits) enter() bool {
	for {
		inside := v.inside.Load()
		if inside < visitsOpen {
			return false
		}
		if v.inside.CompareAndSwap(inside, inside+1) {
			return true
		}
	}
}

// leave says whether the window is to be freed: it has ended, and this was the last call inside.
func (v *visits) leave() bool { return v.inside.Add(-1) == 0 }

// end lets nobody in any more. It says whether it is the first to do so, and then whether nobody is inside.
func (v *visits) end() (isFirst, isEmpty bool) {
	inside := v.inside.And(^visitsOpen)
	return inside >= visitsOpen, inside == visitsOpen
}

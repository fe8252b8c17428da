package native

import "sync/atomic"

// life counts who may call the core: the close to come, the pollers, and calls that run. The last one frees it. A put
// needs no part in it: it holds the lock of a shard that is not closed, and the close takes those locks.
type life struct {
	refs atomic.Int64
	// last is what the core counted, read before it was freed.
	last atomic.Pointer[coreStats]
}

// acquire says whether the core is still there, and keeps it so.
func (l *life) acquire() bool {
	for {
		refs := l.refs.Load()
		if refs == 0 {
			return false
		}
		if l.refs.CompareAndSwap(refs, refs+1) {
			return true
		}
	}
}

// release lets go of the core; the last one frees it. Until the final counters are there, refs stays above zero.
func (e *engine) release() {
	for {
		refs := e.life.refs.Load()
		if refs == 1 {
			stats := coreReadStats(e.core)
			e.life.last.Store(&stats)
		}
		if e.life.refs.CompareAndSwap(refs, refs-1) {
			if refs == 1 {
				coreFree(e.core)
			}
			return
		}
	}
}

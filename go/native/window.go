package native

import (
	"runtime"

	batchline "github.com/batchline/batchline/go"
)

// Dedup remembers byte-string keys for a window of time, in memory of the core's: have I seen this one? It is what a
// batcher with WithWindow has inside, for those who batch elsewhere, or not at all.
//
// Each call crosses the border; ClaimMany crosses once for many keys. What is remembered lies outside of Go's heap, and
// is no work for the garbage collector. The parent package's [batchline.Dedup] takes less time per key, knows claims by
// name, which can be committed and released, and has counters.
//
// It is made by NewWindow, and closed by Close. All methods may be called from any goroutine at any time; calls do not
// keep the slices they are given. There is no goroutine behind it: each call forgets what has expired near its key.
type Dedup struct {
	core    coreWindow
	cleanup runtime.Cleanup
	visits  visits
}

// NewWindow makes an empty window. A window that the program has lost is freed by the garbage collector.
//
// Errors: ErrNotLinked, ErrNoCgo, *batchline.SettingError, *CoreError.
func NewWindow(window batchline.Window) (*Dedup, error) {
	if err := checkWindow(window); err != nil {
		return nil, err
	}
	core, err := coreWindowNew(window)
	if err != nil {
		return nil, err
	}
	d := &Dedup{core: core}
	d.visits.begin()
	d.cleanup = runtime.AddCleanup(d, coreWindowFree, core)
	return d, nil
}

// Claim remembers a new key: it is a duplicate from now on, until its window ends or it is forgotten. The window runs
// from the claim, and is not made longer by duplicates. Claims have no names here: when what the key stands for has
// failed, Forget it, and it may come again at once. Errors: ErrDuplicate, ErrWindowFull, ErrClosed.
func (d *Dedup) Claim(key []byte) error {
	if !d.visits.enter() {
		return ErrClosed
	}
	status := coreWindowClaim(d.core, key)
	d.leave()
	return claimError(status)
}

// claimError is why a key was not claimed.
func claimError(status int32) error {
	switch status {
	case coreOK:
		return nil
	case coreDuplicate:
		return ErrDuplicate
	case coreWindowFull:
		return ErrWindowFull
	}
	return coreError("bl_window_claim", status)
}

// IsNew says whether this is the first time within the window; from now on it is not. Errors: ErrWindowFull,
// ErrClosed.
func (d *Dedup) IsNew(key []byte) (bool, error) {
	err := d.Claim(key)
	if err == ErrDuplicate {
		return false, nil
	}
	return err == nil, err
}

// Contains says whether a key is remembered; never after Close.
func (d *Dedup) Contains(key []byte) bool {
	if !d.visits.enter() {
		return false
	}
	status := coreWindowLook(d.core, key)
	d.leave()
	return status == coreDuplicate
}

// Forget forgets a key before its time, whoever has claimed it; false when it was not remembered.
func (d *Dedup) Forget(key []byte) bool {
	if !d.visits.enter() {
		return false
	}
	status := coreWindowForget(d.core, key)
	d.leave()
	return status == coreOK
}

// Len is how many keys are remembered; 0 after Close.
func (d *Dedup) Len() int {
	if !d.visits.enter() {
		return 0
	}
	defer d.leave()
	return coreWindowLen(d.core)
}

// Close forgets everything and gives the memory back, with the last call that still runs. Claims are refused from now
// on. Further calls do nothing.
func (d *Dedup) Close() {
	isFirst, isEmpty := d.visits.end()
	if isFirst {
		d.cleanup.Stop()
	}
	if isEmpty {
		coreWindowFree(d.core)
	}
}

// leave ends what visits.enter has begun.
func (d *Dedup) leave() {
	if d.visits.leave() {
		coreWindowFree(d.core)
	}
}

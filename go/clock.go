package batchline

import (
	"sync"
	"time"
)

// Clock is where a batcher and a window get their time from. The default is the system's monotonic clock.
type Clock interface {
	// Now is the time since the clock began. It never goes back.
	Now() time.Duration
	// AfterFunc calls f once, after d, on any goroutine.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is what Clock.AfterFunc returns; *time.Timer is one.
type Timer interface {
	// Stop keeps the timer from firing; false if it had fired or was stopped before.
	Stop() bool
	// Reset lets the timer fire once more, after d.
	Reset(d time.Duration) bool
}

var clockStart = time.Now()

type systemClock struct{}

func (systemClock) Now() time.Duration { return time.Since(clockStart) }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// VirtualClock is a clock that moves only when told to, for tests without sleeps. It begins at 0.
type VirtualClock struct {
	mu     sync.Mutex
	now    time.Duration
	timers []*virtualTimer
}

type virtualTimer struct {
	clock *VirtualClock
	due   time.Duration
	f     func()
	armed bool
}

// NewVirtualClock makes a clock that stands at 0.
func NewVirtualClock() *VirtualClock { return &VirtualClock{} }

// Now is the time that Advance has brought the clock to.
func (c *VirtualClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls f on the goroutine of the Advance that reaches the time; Advance(0) reaches the present.
func (c *VirtualClock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := &virtualTimer{clock: c, due: c.now + d, f: f, armed: true}
	c.timers = append(c.timers, timer)
	return timer
}

// Advance moves the clock on by d. Timers that become due fire one by one, each at its own time, before it returns.
func (c *VirtualClock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now + d
	for timer := c.next(end); timer != nil; timer = c.next(end) {
		c.now = max(c.now, timer.due)
		c.drop(timer)
		c.mu.Unlock()
		timer.f()
		c.mu.Lock()
	}
	c.now = max(c.now, end)
	c.mu.Unlock()
}

// Timers is how many timers are armed: 0 for as long as nothing waits.
func (c *VirtualClock) Timers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// next is the earliest timer that is due at end.
func (c *VirtualClock) next(end time.Duration) *virtualTimer {
	var first *virtualTimer
	for _, timer := range c.timers {
		if timer.due <= end && (first == nil || timer.due < first.due) {
			first = timer
		}
	}
	return first
}

func (c *VirtualClock) drop(timer *virtualTimer) {
	timer.armed = false
	for i, other := range c.timers {
		if other == timer {
			c.timers = append(c.timers[:i], c.timers[i+1:]...)
			return
		}
	}
}

// Stop implements Timer.
func (t *virtualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	was := t.armed
	if was {
		t.clock.drop(t)
	}
	return was
}

// Reset implements Timer.
func (t *virtualTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	was := t.armed
	t.due = t.clock.now + d
	if !was {
		t.armed = true
		t.clock.timers = append(t.clock.timers, t)
	}
	return was
}

package batchline

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

const (
	batchItemsMax = 1 << 24
	queueItemsMax = 1 << 40
	queueBytesMax = 1 << 60
	concurrentMax = 1 << 16
	// A day: a longer linger is most likely a mistake of units.
	lingerMax = 24 * time.Hour
	tickMin   = time.Microsecond
)

// NoTimeout as timeout means that items wait for size, bytes, demand, tick, Trigger, Flush or Close only.
const NoTimeout time.Duration = -1

// Option is a setting of a batcher beyond the arguments of its constructor. Later options win over earlier ones.
type Option func(*settings)

// settings are what the constructors and options say; checked by check.
type settings struct {
	name          string
	batchItems    int
	linger        time.Duration
	queueItems    int
	batchBytes    int
	queueBytes    int
	weigher       any
	aloneAllowed  bool
	overflow      Overflow
	maxConcurrent int
	drain         bool
	tick          time.Duration
	pool          bool
	spread        bool
	bisectCalls   int
	onFailure     func(FailureReport)
	logger        *slog.Logger
	metrics       *Metrics
	clock         Clock
	window        Window
}

// WithName names the batcher in logs, reports and metrics. Default "batchline".
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithQueueItemsMax bounds the items that are accepted and have no outcome yet: those that wait and those in
// handlers. Default 64 batches; allowed 1 to 2^40.
func WithQueueItemsMax(items int) Option { return func(s *settings) { s.queueItems = items } }

// WithOverflow says what a put does when the queue is full. Default Block.
func WithOverflow(overflow Overflow) Option { return func(s *settings) { s.overflow = overflow } }

// WithBytesMax bounds the bytes of a batch and of the queue, as weigh tells them. weigh is called once per put,
// outside of every lock; a negative weight counts as 0. Both bounds must be at least 1, and queueBytes at least
// batchBytes. A batcher with a weigher takes the engine's lock for each put.
func WithBytesMax[T any](batchBytes, queueBytes int, weigh func(item *T) int) Option {
	return func(s *settings) { s.batchBytes, s.queueBytes, s.weigher = batchBytes, queueBytes, weigh }
}

// WithOversizeAlone lets an item that weighs more than a batch may form a batch of its own, if the queue's bound
// allows it. Without it such an item is refused with ErrTooLarge.
func WithOversizeAlone() Option { return func(s *settings) { s.aloneAllowed = true } }

// WithMaxConcurrent bounds how many handlers run at once. Default 1, or GOMAXPROCS with background; allowed 1 to
// 65536.
func WithMaxConcurrent(n int) Option { return func(s *settings) { s.maxConcurrent = n } }

// WithDrainMode seals what waits whenever a handler could run: see SetDrainMode.
func WithDrainMode() Option { return func(s *settings) { s.drain = true } }

// WithTickInterval seals what waits on a fixed cadence: see SetTickInterval.
func WithTickInterval(interval time.Duration) Option { return func(s *settings) { s.tick = interval } }

// WithPool reuses the slice of a batch once its handler has returned: the handler must not keep it.
func WithPool() Option { return func(s *settings) { s.pool = true } }

// WithSpread lets items gather in several places, so that many goroutines on many processors do not meet at one
// lock. The price is order within a batch: items are still never in an earlier batch than those put before them, but
// within a batch they are sorted by place, and a goroutine may change its place. Without it, items are in the order
// of their puts.
func WithSpread() Option { return func(s *settings) { s.spread = true } }

// WithBisect halves a batch that failed as a whole, and its halves, until the bad items are alone; with at most so
// many further handler calls per batch. One bad item of n costs at most 2*ceil(log2(n)) calls. The handler must be
// able to see an item twice. Default 0: the batch fails at its first failure.
func WithBisect(callsMax int) Option { return func(s *settings) { s.bisectCalls = callsMax } }

// WithFailureHook is called once per batch in which anything failed or expired, and when DropNewest dropped items. It
// runs on the goroutine of the handler, or of the put, and should not take long. Default: an error event in the log.
func WithFailureHook(hook func(FailureReport)) Option {
	return func(s *settings) { s.onFailure = hook }
}

// WithLogger is where failures are logged if there is no failure hook. Default slog.Default().
func WithLogger(logger *slog.Logger) Option { return func(s *settings) { s.logger = logger } }

// WithMetrics adds the batcher to a collection that is exported together, until it is closed.
func WithMetrics(metrics *Metrics) Option { return func(s *settings) { s.metrics = metrics } }

// WithClock is where time comes from; for tests, a VirtualClock. Default: the system's monotonic clock.
func WithClock(clock Clock) Option { return func(s *settings) { s.clock = clock } }

// WithWindow sets the deduplication window of NewWithDeduplication and its kin. Default: one minute, as Window says.
func WithWindow(window Window) Option { return func(s *settings) { s.window = window } }

func newSettings(size int, timeout time.Duration, background bool, options []Option) (settings, error) {
	s := settings{name: "batchline", batchItems: size, linger: timeout, maxConcurrent: 1, clock: systemClock{}}
	s.window = Window{Duration: time.Minute}
	if background {
		s.maxConcurrent = max(2, runtime.GOMAXPROCS(0))
	}
	if size >= 1 && size <= batchItemsMax {
		s.queueItems = 64 * size
	}
	for _, option := range options {
		option(&s)
	}
	return s, s.check()
}

// checkRange is one row of the table of allowed values.
type checkRange struct {
	field    string
	value    int64
	from, to int64
	allowed  string
}

func (s *settings) check() error {
	rows := []checkRange{
		{"size", int64(s.batchItems), 1, batchItemsMax, "1 to 2^24"},
		{"queue_items_max", int64(s.queueItems), 1, queueItemsMax, "1 to 2^40"},
		{"max_concurrent", int64(s.maxConcurrent), 1, concurrentMax, "1 to 65536"},
		{"bisect_calls_max", int64(s.bisectCalls), 0, 1 << 31, "0 to 2^31"},
	}
	for _, row := range rows {
		if row.value < row.from || row.value > row.to {
			return &SettingError{row.field, row.value, row.allowed}
		}
	}
	return s.checkTimes()
}

func (s *settings) checkTimes() error {
	if s.linger != NoTimeout && (s.linger < 0 || s.linger > lingerMax) {
		return &SettingError{"timeout", s.linger, "0 to 24h, or NoTimeout"}
	}
	if s.tick != 0 && (s.tick < tickMin || s.tick > lingerMax) {
		return &SettingError{"tick_interval", s.tick, "1us to 24h, or 0 for none"}
	}
	if s.overflow.wait < 0 || s.overflow.wait > lingerMax {
		return &SettingError{"overflow", s.overflow.wait, "BlockFor 0 to 24h"}
	}
	if s.clock == nil {
		return &SettingError{"clock", nil, "a clock"}
	}
	return s.checkBytes()
}

func (s *settings) checkBytes() error {
	if s.weigher == nil {
		return nil
	}
	if s.batchBytes < 1 || s.batchBytes > queueBytesMax {
		return &SettingError{"batch_bytes_max", s.batchBytes, "1 to 2^60"}
	}
	if s.queueBytes < s.batchBytes || s.queueBytes > queueBytesMax {
		return &SettingError{"queue_bytes_max", s.queueBytes, fmt.Sprintf("batch_bytes_max (%d) to 2^60", s.batchBytes)}
	}
	return nil
}

package native

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	batchline "github.com/batchline/batchline/go"
)

const (
	batchItemsMax = 1 << 24
	queueItemsMax = 1 << 38
	queueBytesMax = 1 << 60
	concurrentMax = 1 << 10
	lingerMax     = 24 * time.Hour
)

// NoTimeout as timeout means that items wait for size, bytes, demand, Trigger, Flush or Close only.
const NoTimeout = batchline.NoTimeout

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
	aloneAllowed  bool
	overflow      Overflow
	maxConcurrent int
	drain         bool
	ordered       bool
	onFailure     func(batchline.FailureReport)
	logger        *slog.Logger
	window        *window
	// recordSize is 0 for byte strings.
	recordSize int
}

// window is a deduplication window of the core's, and where in an item its key is.
type window struct {
	batchline.Window
	keyOffset int
	keySize   int
}

// WithName names the batcher in logs and reports. Default "batchline".
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithQueueItemsMax bounds the items that are accepted and have no outcome yet. Default 64 batches; allowed 1 to 2^38.
func WithQueueItemsMax(items int) Option { return func(s *settings) { s.queueItems = items } }

// WithBytesMax bounds the bytes of a batch and of the queue. Both bounds must be at least 1, and queueBytes at least
// batchBytes. An item over batchBytes is refused with ErrTooLarge.
func WithBytesMax(batchBytes, queueBytes int) Option {
	return func(s *settings) { s.batchBytes, s.queueBytes = batchBytes, queueBytes }
}

// WithOversizeAlone lets an item over the bytes of a batch form a batch of its own, if the queue's bound allows it.
func WithOversizeAlone() Option { return func(s *settings) { s.aloneAllowed = true } }

// WithOverflow says what a put does when the queue is full. Default Block.
func WithOverflow(overflow Overflow) Option { return func(s *settings) { s.overflow = overflow } }

// WithMaxConcurrent is how many goroutines poll batches and run the handler: 1, the default, to 1024.
func WithMaxConcurrent(n int) Option { return func(s *settings) { s.maxConcurrent = n } }

// WithDrainMode seals what waits whenever a handler could run: a lone item waits for no timer, and under load batches
// grow with the time the handlers take.
func WithDrainMode() Option { return func(s *settings) { s.drain = true } }

// WithOrdered keeps the order of all puts: one place where items gather, for all goroutines. Without it, the items of
// one goroutine are nearly always in their order, and those of several goroutines in none.
func WithOrdered() Option { return func(s *settings) { s.ordered = true } }

// WithFailureHook is called once per batch that failed, and when DropNewest dropped items. It runs on the goroutine of
// the handler, or of the put, and should not take long. Default: an error event in the log.
func WithFailureHook(hook func(batchline.FailureReport)) Option {
	return func(s *settings) { s.onFailure = hook }
}

// WithLogger is where failures are logged if there is no failure hook. Default slog.Default().
func WithLogger(logger *slog.Logger) Option { return func(s *settings) { s.logger = logger } }

// WithWindow refuses items whose key was put within a window of time: Put returns ErrDuplicate. The key is keySize
// bytes of an item from keyOffset on; keySize 0 is the rest of the item. A key whose item failed or was handed back is
// free again.
//
// Since the putter is told at once, each Put crosses into the core by itself; PutBatch shares one crossing among its
// items.
func WithWindow(w batchline.Window, keyOffset, keySize int) Option {
	return func(s *settings) { s.window = &window{w, keyOffset, keySize} }
}

func newSettings(size int, timeout time.Duration, recordSize int, options []Option) (settings, error) {
	s := settings{name: "batchline", batchItems: size, linger: timeout, maxConcurrent: 1, recordSize: recordSize}
	if size >= 1 && size <= batchItemsMax {
		s.queueItems = 64 * size
	}
	for _, option := range options {
		option(&s)
	}
	return s, s.check()
}

func (s *settings) check() error {
	rows := []struct {
		field    string
		value    int
		from, to int
		allowed  string
	}{
		{"size", s.batchItems, 1, batchItemsMax, "1 to 2^24"},
		{"queue_items_max", s.queueItems, 1, queueItemsMax, "1 to 2^38"},
		{"max_concurrent", s.maxConcurrent, 1, concurrentMax, "1 to 1024"},
	}
	for _, row := range rows {
		if row.value < row.from || row.value > row.to {
			return &batchline.SettingError{Field: row.field, Value: row.value, Allowed: row.allowed}
		}
	}
	if s.linger != NoTimeout && (s.linger < 0 || s.linger > lingerMax) {
		return &batchline.SettingError{Field: "timeout", Value: s.linger, Allowed: "0 to 24h, or NoTimeout"}
	}
	if s.overflow.wait < 0 || s.overflow.wait > lingerMax {
		return &batchline.SettingError{Field: "overflow", Value: s.overflow.wait, Allowed: "BlockFor 0 to 24h"}
	}
	return s.checkBytes()
}

func (s *settings) checkBytes() error {
	if s.batchBytes == 0 && s.queueBytes == 0 {
		return s.checkKey()
	}
	if s.batchBytes < 1 || s.batchBytes > queueBytesMax {
		return &batchline.SettingError{Field: "batch_bytes_max", Value: s.batchBytes, Allowed: "1 to 2^60"}
	}
	if s.queueBytes < s.batchBytes || s.queueBytes > queueBytesMax {
		allowed := fmt.Sprintf("batch_bytes_max (%d) to 2^60", s.batchBytes)
		return &batchline.SettingError{Field: "queue_bytes_max", Value: s.queueBytes, Allowed: allowed}
	}
	return s.checkKey()
}

// checkKey leaves the window's own settings to the core, which names what is wrong with them.
func (s *settings) checkKey() error {
	if s.window == nil {
		return nil
	}
	if s.window.keyOffset < 0 {
		return &batchline.SettingError{Field: "key_offset", Value: s.window.keyOffset, Allowed: "0 and more"}
	}
	if s.window.keySize < 0 {
		return &batchline.SettingError{Field: "key_size", Value: s.window.keySize, Allowed: "0 and more"}
	}
	return checkWindow(s.window.Window)
}

// shardCount is a power of two, about four shards per processor.
func (s *settings) shardCount() int {
	n := min(4*runtime.GOMAXPROCS(0), shardsMax)
	if s.ordered {
		return 1
	}
	count := 1
	for count < n {
		count *= 2
	}
	return count
}

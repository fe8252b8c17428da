package native

import (
	"strings"
	"unsafe"

	batchline "github.com/batchline/batchline/go"
)

// What this package knows of the C ABI without being linked to it. The calls are in linked.go, or in unlinked.go for
// builds without the library.

// Statuses of batchline.h; linked.go compares them with it.
const (
	coreOK         = 0
	coreTimedOut   = 21
	coreClosed     = 22
	coreDuplicate  = 25
	coreWindowFull = 26
)

// coreHandle is a batcher of the core's. A number and not a pointer: Go need not check it when it crosses.
type coreHandle uintptr

// coreWindow is a deduplication window of the core's that stands alone.
type coreWindow uintptr

// coreBatch is a polled batch, or none if its handle is 0.
type coreBatch struct {
	handle uintptr
	// items is the first record, or an array of coreBytes.
	items  unsafe.Pointer
	len    int
	stride int
	bytes  uint64
	reason int32
}

// coreBytes has the layout of struct bl_bytes.
type coreBytes struct {
	data *byte
	size int
}

// strings are the items of a batch of byte strings.
func (b *coreBatch) strings() []coreBytes { return unsafe.Slice((*coreBytes)(b.items), b.len) }

// bytes is one byte string, where it lies.
func (s coreBytes) bytes() []byte {
	if s.size == 0 {
		return []byte{}
	}
	return unsafe.Slice(s.data, s.size)
}

// record is one record, without what its slot has more.
func (b *coreBatch) record(i, size int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(b.items, i*b.stride)), size)
}

// coreStats are the counters of the core's that this package shows.
type coreStats struct {
	accepted, refused, duplicates, done, failed, handedBack, live, queued, inHand uint64

	batches, batchItemsPeak, failedBatches   uint64
	batchesByReason                          [batchline.SealReasons]uint64
	windowKeys, windowForgotten, windowBytes uint64
}

// settingError is what the core says of a setting, such as "window is 1us; allowed: 1 ms to 366 days"; nil if it says
// something else.
func settingError(message string) error {
	about, allowed, isAllowed := strings.Cut(message, "; allowed: ")
	field, value, isField := strings.Cut(about, " is ")
	if !isAllowed || !isField {
		return nil
	}
	return &batchline.SettingError{Field: field, Value: value, Allowed: allowed}
}

// coreReceipt are the counts of a receipt.
type coreReceipt struct {
	accepted, done, failed, handedBack, stillRunning uint64
	timedOut                                         bool
}

//go:build cgo && (batchline_native || batchline_system)

package native

/*
#if defined(__has_include)
#if !__has_include("batchline.h")
#error "batchline/native: batchline.h is missing. Run `cargo xtask dist --go`, or see Linking in go/native/doc.go"
#endif
#endif
#include "batchline.h"
#include <stdlib.h>
#include <string.h>

// Keep this in step with core.go.
_Static_assert(BL_OK == 0 && BL_TIMED_OUT == 21 && BL_CLOSED == 22, "statuses of core.go");
_Static_assert(BL_DUPLICATE == 25 && BL_WINDOW_FULL == 26, "statuses of core.go");

// A batcher crosses as a number, which Go does not check; byte buffers have no pointers in them.
static struct bl_batcher *blgo_of(uintptr_t batcher) { return (struct bl_batcher *)batcher; }

// Go reports failures itself: it knows the reason. Without a hook the core would write to the standard error stream.
static void blgo_hush(void *user_data, const struct bl_failure *report) { (void)user_data; (void)report; }

struct blgo_made { uintptr_t batcher; int32_t status; char text[256]; };

static struct blgo_made blgo_new(struct bl_options options) {
	struct blgo_made made;
	struct bl_batcher *batcher = NULL;
	memset(&made, 0, sizeof made);
	options.on_failure.call = blgo_hush;
	made.status = bl_batcher_new(&options, &batcher);
	made.batcher = (uintptr_t)batcher;
	if (made.status != BL_OK) bl_last_error(made.text, sizeof made.text);
	return made;
}

static struct bl_options blgo_defaults(void) {
	struct bl_options options;
	bl_options_init(&options, sizeof options);
	return options;
}

static void blgo_free(uintptr_t batcher) { bl_batcher_free(blgo_of(batcher)); }

static int32_t blgo_put(uintptr_t batcher, const unsigned char *item, size_t size) {
	return bl_put(blgo_of(batcher), item, size);
}

struct blgo_taken { size_t accepted; int32_t status; };

static struct blgo_taken blgo_put_packed(
	uintptr_t batcher, const unsigned char *data, const uint32_t *sizes, size_t count) {
	struct blgo_taken taken = {0, 0};
	taken.status = bl_put_packed(blgo_of(batcher), data, sizes, count, &taken.accepted);
	return taken;
}

static struct blgo_taken blgo_put_many(uintptr_t batcher, const unsigned char *records, size_t count) {
	struct blgo_taken taken = {0, 0};
	taken.status = bl_put_many(blgo_of(batcher), records, count, &taken.accepted);
	return taken;
}

struct blgo_turn { uintptr_t batch; struct bl_batch_view view; int32_t status; };

// Settles a batch, unless it is 0, then waits for the next one.
static struct blgo_turn blgo_next(uintptr_t batcher, uintptr_t done, int32_t code) {
	struct blgo_turn turn;
	struct bl_batch *batch = NULL;
	memset(&turn, 0, sizeof turn);
	if (done) bl_batch_done((struct bl_batch *)done, code);
	turn.status = bl_next_batch(blgo_of(batcher), BL_NEVER, &batch);
	turn.batch = (uintptr_t)batch;
	if (turn.status == BL_OK) turn.status = bl_batch_get_view(batch, &turn.view);
	return turn;
}

static void blgo_done(uintptr_t batch, int32_t code) { bl_batch_done((struct bl_batch *)batch, code); }

static int32_t blgo_flush(uintptr_t batcher, uint64_t timeout_ns) { return bl_flush(blgo_of(batcher), timeout_ns); }

static struct bl_receipt *blgo_close(uintptr_t batcher, uint64_t timeout_ns, struct bl_receipt_counts *counts) {
	struct bl_receipt *receipt = NULL;
	if (bl_close(blgo_of(batcher), timeout_ns, &receipt) == BL_OK) bl_receipt_get_counts(receipt, counts);
	return receipt;
}

static struct bl_stats blgo_stats(uintptr_t batcher) {
	struct bl_stats stats;
	memset(&stats, 0, sizeof stats);
	stats.struct_size = sizeof stats;
	bl_get_stats(blgo_of(batcher), &stats);
	return stats;
}

#cgo noescape blgo_put
#cgo nocallback blgo_put
#cgo noescape blgo_put_packed
#cgo nocallback blgo_put_packed
#cgo noescape blgo_put_many
#cgo nocallback blgo_put_many
#cgo noescape blgo_next
#cgo nocallback blgo_next
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	batchline "github.com/batchline/batchline/go"
)

// checkVersion refuses a library that is older than its header, or of another kind.
func checkVersion() error {
	version := uint32(C.bl_abi_version())
	if version>>16 == C.BL_ABI_MAJOR && version&0xffff >= C.BL_ABI_MINOR {
		return nil
	}
	message := fmt.Sprintf("the library has the ABI %d.%d, its header %d.%d: bring both from one version",
		version>>16, version&0xffff, C.BL_ABI_MAJOR, C.BL_ABI_MINOR)
	return &CoreError{"bl_abi_version", C.BL_UNSUPPORTED, message}
}

func coreNew(s *settings, linger time.Duration) (coreHandle, error) {
	if err := checkVersion(); err != nil {
		return 0, err
	}
	options := C.blgo_defaults()
	name := C.CString(s.name)
	defer C.free(unsafe.Pointer(name))
	options.name = name
	options.dispatch = C.BL_DISPATCH_POLL
	options.record_size = C.size_t(s.recordSize)
	options.batch_items_max = C.size_t(s.batchItems)
	// Wider than the budget on this side, so that it is never full.
	options.queue_items_max = C.size_t(2 * max(s.queueItems, s.batchItems))
	options.batch_bytes_max = C.size_t(s.batchBytes)
	if s.aloneAllowed {
		options.oversize = C.BL_OVERSIZE_ALONE
	}
	if s.drain {
		// Whatever waits is sealed at the next chance: the core takes no linger then.
		options.demand = 1
	} else {
		options.linger_ns = nanoseconds(linger)
	}
	// Shards cross as a whole, so one lane with a lock serves better than a lane for each thread of the Go runtime:
	// batches fill from all of them, and the lock is taken once per crossing.
	options.ordered = 1
	setWindow(&options, s.window)
	made := C.blgo_new(options)
	if made.status == C.BL_OK {
		return coreHandle(made.batcher), nil
	}
	message := C.GoString(&made.text[0])
	if wrong := settingError(message); wrong != nil {
		return 0, wrong
	}
	return 0, &CoreError{"bl_batcher_new", int32(made.status), message}
}

func setWindow(options *C.struct_bl_options, w *window) {
	if w == nil {
		return
	}
	options.dedup = C.BL_DEDUP_REFUSE
	options.dedup_window_ns = C.uint64_t(w.Duration)
	options.dedup_bucket_ns = C.uint64_t(w.Bucket)
	options.dedup_keys_max = C.size_t(w.KeysMax)
	options.dedup_at_cap = C.BL_AT_CAP_REFUSE
	if w.AtCap == batchline.ForgetOldest {
		options.dedup_at_cap = C.BL_AT_CAP_FORGET_OLDEST
	}
	options.key_offset = C.size_t(w.keyOffset)
	options.key_size = C.size_t(w.keySize)
}

func nanoseconds(d time.Duration) C.uint64_t {
	if d < 0 {
		return C.BL_NEVER
	}
	return C.uint64_t(d)
}

func coreFree(core coreHandle) { C.blgo_free(C.uintptr_t(core)) }

// first is where the bytes are. A pointer to plain bytes: Go has nothing to check in them.
func first(bytes []byte) *C.uchar { return (*C.uchar)(unsafe.Pointer(unsafe.SliceData(bytes))) }

func corePut(core coreHandle, item []byte) int32 {
	return int32(C.blgo_put(C.uintptr_t(core), first(item), C.size_t(len(item))))
}

func corePutPacked(core coreHandle, data []byte, sizes []uint32) (int, int32) {
	at := (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(sizes)))
	taken := C.blgo_put_packed(C.uintptr_t(core), first(data), at, C.size_t(len(sizes)))
	return int(taken.accepted), int32(taken.status)
}

func corePutRecords(core coreHandle, records []byte, count int) (int, int32) {
	taken := C.blgo_put_many(C.uintptr_t(core), first(records), C.size_t(count))
	return int(taken.accepted), int32(taken.status)
}

// coreNext settles the batch, if there is one, and waits for the next one.
func coreNext(core coreHandle, code int32, b *coreBatch) int32 {
	turn := C.blgo_next(C.uintptr_t(core), C.uintptr_t(b.handle), C.int32_t(code))
	*b = coreBatch{
		handle: uintptr(turn.batch), items: turn.view.items, len: int(turn.view.len), stride: int(turn.view.stride),
		bytes: uint64(turn.view.bytes), reason: int32(turn.view.reason),
	}
	return int32(turn.status)
}

func coreDone(_ coreHandle, b *coreBatch, code int32) {
	C.blgo_done(C.uintptr_t(b.handle), C.int32_t(code))
	*b = coreBatch{}
}

func coreFlush(core coreHandle, limit time.Duration) int32 {
	return int32(C.blgo_flush(C.uintptr_t(core), nanoseconds(limit)))
}

func coreClose(core coreHandle, limit time.Duration, give func(item []byte)) coreReceipt {
	var counts C.struct_bl_receipt_counts
	receipt := C.blgo_close(C.uintptr_t(core), nanoseconds(limit), &counts)
	defer C.bl_receipt_free(receipt)
	var item C.struct_bl_bytes
	for C.bl_receipt_next(receipt, &item) == C.BL_OK {
		give(coreBytes{(*byte)(item.data), int(item.size)}.bytes())
	}
	return coreReceipt{
		accepted: uint64(counts.accepted), done: uint64(counts.done), failed: uint64(counts.failed),
		handedBack: uint64(counts.handed_back), stillRunning: uint64(counts.still_running),
		timedOut: counts.timed_out != 0,
	}
}

func coreReadStats(core coreHandle) coreStats {
	c := C.blgo_stats(C.uintptr_t(core))
	s := coreStats{
		accepted: uint64(c.accepted), refused: uint64(c.refused), duplicates: uint64(c.duplicates),
		done: uint64(c.done), failed: uint64(c.failed), handedBack: uint64(c.handed_back), live: uint64(c.live),
		queued: uint64(c.queued), inHand: uint64(c.in_hand), batches: uint64(c.batches),
		batchItemsPeak: uint64(c.batch_items_peak), failedBatches: uint64(c.failed_batches),
		windowKeys: uint64(c.window_keys), windowForgotten: uint64(c.window_forgotten),
		windowBytes: uint64(c.window_bytes),
	}
	for i := range s.batchesByReason {
		s.batchesByReason[i] = uint64(c.batches_by_reason[i])
	}
	return s
}

// coreError names a status that was not expected.
func coreError(call string, status int32) error {
	return &CoreError{call, status, C.GoString(C.bl_status_string(C.int32_t(status)))}
}

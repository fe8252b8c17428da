//go:build cgo && (batchline_native || batchline_system)

package native

/*
#include "batchline.h"
#include <string.h>

// Keep this in step with batchline.AtCap.
_Static_assert(BL_AT_CAP_REFUSE == 0 && BL_AT_CAP_FORGET_OLDEST == 1, "the numbers of batchline.AtCap");

// A window crosses as a number, which Go does not check; keys have no pointers in them.
static struct bl_window *blgo_window_of(uintptr_t window) { return (struct bl_window *)window; }

struct blgo_window_made { uintptr_t window; int32_t status; char text[256]; };

static struct blgo_window_made blgo_window_new(
	uint64_t window_ns, uint64_t bucket_ns, size_t keys_max, uint32_t at_cap) {
	struct blgo_window_made made;
	struct bl_window_options options;
	struct bl_window *window = NULL;
	memset(&made, 0, sizeof made);
	bl_window_options_init(&options);
	options.window_ns = window_ns;
	options.bucket_ns = bucket_ns;
	options.keys_max = keys_max;
	options.at_cap = at_cap;
	made.status = bl_window_new(&options, &window);
	made.window = (uintptr_t)window;
	if (made.status != BL_OK) bl_last_error(made.text, sizeof made.text);
	return made;
}

static int32_t blgo_window_claim(uintptr_t window, const unsigned char *key, size_t size) {
	return bl_window_claim(blgo_window_of(window), key, size);
}

static int32_t blgo_window_claim_packed(
	uintptr_t window, const unsigned char *keys, const uint32_t *sizes, size_t count, int32_t *statuses) {
	return bl_window_claim_packed(blgo_window_of(window), keys, sizes, count, statuses);
}

static int32_t blgo_window_look(uintptr_t window, const unsigned char *key, size_t size) {
	return bl_window_look(blgo_window_of(window), key, size);
}

static int32_t blgo_window_forget(uintptr_t window, const unsigned char *key, size_t size) {
	return bl_window_forget(blgo_window_of(window), key, size);
}

static size_t blgo_window_len(uintptr_t window) { return bl_window_len(blgo_window_of(window)); }

static void blgo_window_free(uintptr_t window) { bl_window_free(blgo_window_of(window)); }

#cgo noescape blgo_window_claim
#cgo nocallback blgo_window_claim
#cgo noescape blgo_window_claim_packed
#cgo nocallback blgo_window_claim_packed
#cgo noescape blgo_window_look
#cgo nocallback blgo_window_look
#cgo noescape blgo_window_forget
#cgo nocallback blgo_window_forget
*/
import "C"

import (
	"unsafe"

	batchline "github.com/batchline/batchline/go"
)

func coreWindowNew(w batchline.Window) (coreWindow, error) {
	if err := checkVersion(); err != nil {
		return 0, err
	}
	made := C.blgo_window_new(
		C.uint64_t(w.Duration), C.uint64_t(w.Bucket), C.size_t(w.KeysMax), C.uint32_t(w.AtCap))
	if made.status == C.BL_OK {
		return coreWindow(made.window), nil
	}
	message := C.GoString(&made.text[0])
	if wrong := windowSettingError(message); wrong != nil {
		return 0, wrong
	}
	return 0, &CoreError{"bl_window_new", int32(made.status), message}
}

func coreWindowFree(window coreWindow) { C.blgo_window_free(C.uintptr_t(window)) }

func coreWindowClaim(window coreWindow, key []byte) int32 {
	return int32(C.blgo_window_claim(C.uintptr_t(window), first(key), C.size_t(len(key))))
}

// coreWindowClaimPacked claims keys that lie one behind the other; statuses gets the status of each.
func coreWindowClaimPacked(window coreWindow, keys []byte, sizes []uint32, statuses []int32) int32 {
	from := (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(sizes)))
	to := (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(statuses)))
	return int32(C.blgo_window_claim_packed(C.uintptr_t(window), first(keys), from, C.size_t(len(sizes)), to))
}

func coreWindowLook(window coreWindow, key []byte) int32 {
	return int32(C.blgo_window_look(C.uintptr_t(window), first(key), C.size_t(len(key))))
}

func coreWindowForget(window coreWindow, key []byte) int32 {
	return int32(C.blgo_window_forget(C.uintptr_t(window), first(key), C.size_t(len(key))))
}

func coreWindowLen(window coreWindow) int { return int(C.blgo_window_len(C.uintptr_t(window))) }

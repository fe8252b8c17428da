//go:build !cgo || (!batchline_native && !batchline_system)

package native

import (
	"time"

	batchline "github.com/batchline/batchline/go"
)

// Without the library no batcher and no window can be made, so nothing but coreNew and coreWindowNew is ever called.

func coreNew(*settings, time.Duration) (coreHandle, error) { return 0, errUnlinked }

func coreFree(coreHandle) {}

func corePut(coreHandle, []byte) int32 { return coreClosed }

func corePutPacked(coreHandle, []byte, []uint32) (int, int32) { return 0, coreClosed }

func corePutRecords(coreHandle, []byte, int) (int, int32) { return 0, coreClosed }

func coreNext(coreHandle, int32, *coreBatch) int32 { return coreClosed }

func coreDone(coreHandle, *coreBatch, int32) {}

func coreFlush(coreHandle, time.Duration) int32 { return coreClosed }

func coreClose(coreHandle, time.Duration, func([]byte)) coreReceipt { return coreReceipt{} }

func coreReadStats(coreHandle) coreStats { return coreStats{} }

func coreError(string, int32) error { return errUnlinked }

func coreWindowNew(batchline.Window) (coreWindow, error) { return 0, errUnlinked }

func coreWindowFree(coreWindow) {}

func coreWindowClaim(coreWindow, []byte) int32 { return coreClosed }

func coreWindowClaimPacked(coreWindow, []byte, []uint32, []int32) int32 { return coreClosed }

func coreWindowLook(coreWindow, []byte) int32 { return coreClosed }

func coreWindowForget(coreWindow, []byte) int32 { return coreClosed }

func coreWindowLen(coreWindow) int { return 0 }

// LinkedBy says how the program was linked with the native library: "bundled", "system", or "" without it.
const LinkedBy = ""

package native

import (
	"errors"
	"fmt"

	batchline "github.com/batchline/batchline/go"
)

// Why a constructor cannot work in this build.
var (
	// ErrNotLinked says that the program was built without the native library.
	ErrNotLinked = errors.New("batchline/native: built without the native library; build with -tags batchline_native " +
		"(bundled archive) or -tags batchline_system (pkg-config), see the package's documentation")
	// ErrNoCgo says that the program was built without cgo, which the native library needs. It is also an ErrNotLinked.
	ErrNoCgo = fmt.Errorf("%w; and this build has no cgo: set CGO_ENABLED=1 and have a C compiler", ErrNotLinked)
)

// Why an item was refused, or a call was not possible: the values of the parent package, so that errors.Is works for
// both.
var (
	// ErrClosed says that the batcher is closed or closing.
	ErrClosed = batchline.ErrClosed
	// ErrFull says that the queue is full, and that the overflow choice or the context allowed no more waiting.
	ErrFull = batchline.ErrFull
	// ErrTimedOut says that the queue stayed full for the time of BlockFor. It is also an ErrFull.
	ErrTimedOut = batchline.ErrTimedOut
	// ErrTooLarge says that the item alone has more bytes than a batch or the queue may have, or than 4 GiB.
	ErrTooLarge = batchline.ErrTooLarge
	// ErrReentrant says that a put from inside the batcher's own handler found the queue full.
	ErrReentrant = batchline.ErrReentrant
	// ErrDuplicate says that an item of the same key was put within the deduplication window, and did not fail.
	ErrDuplicate = batchline.ErrDuplicate
	// ErrWindowFull says that the deduplication window remembers as many keys as it may.
	ErrWindowFull = batchline.ErrWindowFull
	// ErrInHandler says that Flush or Close was called from inside the batcher's own handler.
	ErrInHandler = batchline.ErrInHandler
)

// errDropped tells the layers inside of a put that the item was dropped, which its caller is not told.
var errDropped = errors.New("batchline/native: dropped")

// CoreError is a status of the core that this package did not expect: a defect, or a refusal of the operating system.
type CoreError struct {
	// Call is the function of the C ABI.
	Call string
	// Status is its number, as batchline.h names it.
	Status int32
	// Message is what the core says about it.
	Message string
}

// Error tells all three.
func (e *CoreError) Error() string {
	return fmt.Sprintf("batchline/native: %s: %s (status %d)", e.Call, e.Message, e.Status)
}

package native

import (
	"runtime"
	"slices"
	"strconv"
	"sync"
)

// insiders are the goroutines that run handlers of one batcher.
type insiders struct {
	mu  sync.Mutex
	ids []uint64
}

func (i *insiders) enter(id uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ids = append(i.ids, id)
}

func (i *insiders) leave(id uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if at := slices.Index(i.ids, id); at >= 0 {
		i.ids = slices.Delete(i.ids, at, at+1)
	}
}

// hasThis says whether the calling goroutine is one of them. It takes about a microsecond, and is asked by calls only
// that are about to wait.
func (i *insiders) hasThis() bool {
	id := goroutineID()
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Contains(i.ids, id)
}

// goroutineID reads the number that a stack trace begins with.
func goroutineID() uint64 {
	const prefix = len("goroutine ")
	var text [64]byte
	n := runtime.Stack(text[:], false)
	end := prefix
	for end < n && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	id, err := strconv.ParseUint(string(text[prefix:end]), 10, 64)
	if err != nil {
		panic("batchline/native: a stack trace does not begin with the number of its goroutine")
	}
	return id
}

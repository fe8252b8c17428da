package native

import (
	"slices"
	"sync"

	"github.com/batchline/batchline/go/internal/goroutine"
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
	id := goroutine.ID()
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Contains(i.ids, id)
}

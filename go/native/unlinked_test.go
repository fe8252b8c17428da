//go:build !cgo || (!batchline_native && !batchline_system)

package native

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func TestWithoutTheLibraryConstructorsSayWhatToDo(t *testing.T) {
	_, errBytes := NewBytes(1, 0, func([][]byte) {})
	_, errFixed := NewFixed(1, 0, func([]int) {})
	_, errWindow := NewWindow(batchline.Window{Duration: time.Minute})
	for _, err := range []error{errBytes, errFixed, errWindow} {
		if !errors.Is(err, ErrNotLinked) || !errors.Is(err, errUnlinked) ||
			!strings.Contains(err.Error(), "-tags batchline_native") {
			t.Errorf("%v", err)
		}
	}
	if LinkedBy != "" {
		t.Errorf("linked by %q", LinkedBy)
	}
}

// TestWhatTheCoreRefusesIsCountedAndTold: without the library the core refuses everything, as with a defect it might.
func TestWhatTheCoreRefusesIsCountedAndTold(t *testing.T) {
	told := make(chan batchline.FailureReport, 25)
	hook := WithFailureHook(func(r batchline.FailureReport) { told <- r })
	s, err := newSettings(40, time.Hour, 0, []Option{hook, WithQueueItemsMax(100), WithBytesMax(50, 1000)})
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{settings: s, timer: time.NewTimer(time.Hour)}
	e.planGathering()
	e.makeShards(1)
	e.budget.init(s.queueItems, s.queueBytes)
	for range 25 {
		if err := e.put([]byte("four")); err != nil {
			t.Fatal(err)
		}
	}
	e.crossAll()
	for lost := 0; lost < 25; {
		report := <-told
		lost += report.Items
		if !errors.Is(report.Err, ErrNotLinked) || report.Kind != batchline.Failed {
			t.Errorf("told %+v", report)
		}
	}
	if e.counts.lost.Load() != 25 {
		t.Errorf("%d lost", e.counts.lost.Load())
	}
	if e.budget.items != 100 || e.budget.bytes != 1000 {
		t.Errorf("the budget has %d items and %d bytes left", e.budget.items, e.budget.bytes)
	}
}

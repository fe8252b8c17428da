//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// point fills its slot in the core.
type point struct {
	ID   uint64
	X, Y float32
}

// odd does not: it has 11 bytes, and 16 in the core.
type odd [11]byte

func TestFixed_EveryValueArrivesOnceAndWhole(t *testing.T) {
	var mu sync.Mutex
	var got []point
	f := made[*Fixed[point]](t)(NewFixed(100, time.Millisecond, func(batch []point) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, batch...)
	}, WithOrdered()))
	var want []point
	for n := range 10_000 {
		p := point{uint64(n), float32(n), -float32(n)}
		want = append(want, p)
	}
	for _, p := range want[:5000] {
		ok(t, f.Put(p))
	}
	n, err := f.PutBatch(want[5000:])
	ok(t, err)
	if r := balanced(t, f); n != 5000 || r.Done != 10_000 || !slices.Equal(got, want) {
		t.Errorf("%d of 5000, %d arrived, %+v", n, len(got), r)
	}
}

func TestFixed_ValuesWithGapsBetweenThemAreCopiedTogether(t *testing.T) {
	var got []odd
	f := made[*Fixed[odd]](t)(NewFixed(7, time.Hour, func(batch []odd) { got = append(got, batch...) }))
	var want []odd
	for n := range 100 {
		o := odd{0: byte(n), 10: byte(n + 1)}
		want = append(want, o)
		ok(t, f.Put(o))
	}
	if balanced(t, f); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestFixed_WhatIsHandedBackIsWhole(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	f := made[*Fixed[odd]](t)(NewFixed(1, 0, func([]odd) {
		entered <- struct{}{}
		<-release
	}))
	for n := range 4 {
		ok(t, f.Put(odd{10: byte(n)}))
	}
	<-entered
	ctx, cancel := context.WithCancel(background)
	cancel()
	r, err := f.CloseContext(ctx)
	if !errors.Is(err, context.Canceled) || r.StillRunning != 1 || !r.IsBalanced() ||
		!slices.Equal(r.Items, []odd{{10: 1}, {10: 2}, {10: 3}}) {
		t.Errorf("%v, %+v", err, r)
	}
	close(release)
	eventually(t, "the end of the handler", func() bool { return ourGoroutines() == 0 })
}

func TestFixed_AHandlerErrorFailsTheBatch(t *testing.T) {
	f := made[*Fixed[point]](t)(NewFixedWithErrors(2, time.Hour, func([]point) error {
		return errors.New("no")
	}, silent()))
	ok(t, f.Put(point{}))
	ok(t, f.Put(point{}))
	if r := balanced(t, f); r.Failed != 2 {
		t.Errorf("%+v", r)
	}
}

//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

// newWindow makes a window that ends with the test.
func newWindow(t testing.TB, w batchline.Window) *Dedup {
	t.Helper()
	d := made[*Dedup](t)(NewWindow(w))
	t.Cleanup(d.Close)
	return d
}

func TestAKeyOfAnyLengthIsNewOnceAndAgainWhenItWasForgotten(t *testing.T) {
	d := newWindow(t, minute())
	for i, size := range []int{0, 1, 31, 32, 33, 5000, directBytesMin} {
		key := bytes.Repeat([]byte{7}, size)
		if d.Contains(key) {
			t.Errorf("%d bytes are remembered before", size)
		}
		ok(t, d.Claim(key))
		if err := d.Claim(key); err != ErrDuplicate {
			t.Errorf("%d bytes again: %v", size, err)
		}
		if isNew, err := d.IsNew(key); isNew || err != nil || !d.Contains(key) || d.Len() != i+1 {
			t.Errorf("%d bytes: is new %v, %v; %d keys", size, isNew, err, d.Len())
		}
	}
	if !d.Contains(nil) || d.Claim(nil) != ErrDuplicate {
		t.Error("nil is the empty key")
	}
	if !d.Forget(nil) || d.Forget(nil) || d.Claim(nil) != nil {
		t.Error("a forgotten key is new")
	}
}

func TestManyKeysAreAnsweredAsOneByOne(t *testing.T) {
	many, single := newWindow(t, minute()), newWindow(t, minute())
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		keys := make([][]byte, random.IntN(3*windowedPartMax))
		for i := range keys {
			keys[i] = bytes.Repeat(strconv.AppendInt(nil, random.Int64N(5000), 36), 1+random.IntN(3))
			if random.IntN(100) == 0 {
				keys[i] = bytes.Repeat(keys[i], directBytesMin/2)
			}
		}
		isNew, want, news := slices.Repeat([]bool{true}, len(keys)), make([]bool, len(keys)), 0
		for i, key := range keys {
			want[i] = single.Claim(key) == nil
			if want[i] {
				news++
			}
		}
		n, err := many.ClaimMany(keys, isNew)
		if n != news || err != nil || !slices.Equal(isNew, want) {
			t.Fatalf("%d of %d keys are new, want %d; %v", n, len(keys), news, err)
		}
	}
	if many.Len() != single.Len() || many.Len() == 0 {
		t.Errorf("%d keys, want %d", many.Len(), single.Len())
	}
}

func TestManyKeysAtTheCap(t *testing.T) {
	d := newWindow(t, batchline.Window{Duration: time.Minute, KeysMax: 3})
	keys, isNew := [][]byte{[]byte("a"), []byte("b"), []byte("a"), []byte("c"), []byte("d"), []byte("b")}, make([]bool, 6)
	n, err := d.ClaimMany(keys, isNew)
	if n != 3 || !errors.Is(err, ErrWindowFull) || !slices.Equal(isNew, []bool{true, true, false, true, false, false}) {
		t.Errorf("%d, %v: %v", n, isNew, err)
	}
	if d.Contains([]byte("d")) || !d.Contains([]byte("b")) {
		t.Error("Contains tells what was refused from what is a duplicate")
	}
	if isNew, err := d.IsNew([]byte("d")); isNew || err != ErrWindowFull {
		t.Errorf("alone: %v, %v", isNew, err)
	}
	large := [][]byte{make([]byte, directBytesMin)}
	if n, err := d.ClaimMany(large, isNew[:1]); n != 0 || !errors.Is(err, ErrWindowFull) {
		t.Errorf("a large key: %d, %v", n, err)
	}
	var wrong *batchline.SettingError
	if n, err := d.ClaimMany(keys, isNew[:5]); n != 0 || !errors.As(err, &wrong) {
		t.Errorf("no place for the last answer: %d, %v", n, err)
	}
	if n, err := d.ClaimMany(nil, nil); n != 0 || err != nil {
		t.Errorf("no keys: %d, %v", n, err)
	}
}

func TestNothingWorksAfterTheCloseAndNothingBreaks(t *testing.T) {
	closed := newWindow(t, minute())
	ok(t, closed.Claim([]byte("key")))
	closed.Close()
	closed.Close()
	for name, d := range map[string]*Dedup{"closed": closed, "never made": {}} {
		d.Close()
		isNew := []bool{true}
		n, errMany := d.ClaimMany([][]byte{[]byte("key")}, isNew)
		_, errNew := d.IsNew([]byte("key"))
		if d.Claim([]byte("key")) != ErrClosed || errNew != ErrClosed || errMany != ErrClosed || n != 0 || isNew[0] {
			t.Errorf("%s: %v, %v, %d, %v", name, errNew, errMany, n, isNew)
		}
		if d.Contains([]byte("key")) || d.Forget([]byte("key")) || d.Len() != 0 {
			t.Errorf("%s: something is remembered", name)
		}
	}
}

func TestACloseWaitsForNobodyAndTheLastCallFrees(t *testing.T) {
	for range 50 {
		d := newWindow(t, minute())
		var callers sync.WaitGroup
		var claims atomic.Int64
		for g := range 4 {
			callers.Add(1)
			go func() {
				defer callers.Done()
				keys, isNew := [][]byte{{byte(g)}, {byte(g), 1}}, make([]bool, 2)
				for d.Claim(keys[0]) != ErrClosed {
					if _, err := d.ClaimMany(keys, isNew); err != nil && err != ErrClosed {
						t.Error(err)
					}
					d.Forget(keys[0])
					d.Len()
					claims.Add(1)
				}
			}()
		}
		eventually(t, "a claim", func() bool { return claims.Load() > 0 })
		go d.Close()
		d.Close()
		within(t, callers.Wait)
	}
}

// TestAKeyIsHeldByOne also shows to the race detector that a Forget hands over what was done before.
func TestAKeyIsHeldByOne(t *testing.T) {
	d := newWindow(t, minute())
	var all sync.WaitGroup
	count := 0
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for done := 0; done < 200; {
				if d.Claim([]byte("key")) == nil {
					count++
					done++
					if !d.Forget([]byte("key")) {
						t.Error("the key was not remembered")
					}
				}
				runtime.Gosched()
			}
		}()
	}
	within(t, all.Wait)
	if count != 800 {
		t.Errorf("%d of 800", count)
	}
}

func TestVisitsTellTheLastOne(t *testing.T) {
	var v visits
	if isFirst, isEmpty := v.end(); v.enter() || isFirst || isEmpty {
		t.Error("the zero value lets somebody in, or ends")
	}
	v.begin()
	if !v.enter() || !v.enter() || v.leave() {
		t.Error("open, it lets everybody in, and nobody is the last one")
	}
	if isFirst, isEmpty := v.end(); !isFirst || isEmpty || v.enter() {
		t.Error("it ends with one inside")
	}
	if isFirst, isEmpty := v.end(); isFirst || isEmpty || !v.leave() {
		t.Error("the one inside is the last one")
	}
	v.begin()
	if isFirst, isEmpty := v.end(); !isFirst || !isEmpty {
		t.Error("nobody is inside")
	}
}

func TestAWindowOfNonsenseIsRefusedByName(t *testing.T) {
	plainly := func(w batchline.Window) error { _, err := batchline.NewDedup[string](w); return err }
	for _, w := range []batchline.Window{
		{}, {Duration: -1}, {Duration: time.Microsecond}, {Duration: 367 * 24 * time.Hour},
		{Duration: time.Minute, Bucket: -1}, {Duration: time.Minute, Bucket: 1}, {Duration: time.Minute, Bucket: time.Hour},
		{Duration: time.Minute, KeysMax: -1}, {Duration: time.Minute, KeysMax: 1<<36 + 1}, {Duration: time.Minute, AtCap: 9},
	} {
		_, err := NewWindow(w)
		var here, there *batchline.SettingError
		if !errors.As(err, &here) || !errors.As(plainly(w), &there) || here.Field != there.Field {
			t.Errorf("%+v: %v; the parent package says: %v", w, err, plainly(w))
		}
	}
}

func TestALostWindowIsFreed(t *testing.T) {
	var freed atomic.Bool
	func() {
		d := made[*Dedup](t)(NewWindow(minute()))
		ok(t, d.Claim([]byte("key")))
		runtime.AddCleanup(d, func(freed *atomic.Bool) { freed.Store(true) }, &freed)
	}()
	eventually(t, "a collection", func() bool { runtime.GC(); return freed.Load() })
}

func TestClaimsAllocateNothing(t *testing.T) {
	d := newWindow(t, minute())
	keys := make([][]byte, 64)
	for i := range keys {
		keys[i] = []byte(strconv.Itoa(i))
	}
	// Lent for good: under the race detector a pool forgets what it should keep.
	var lent packing
	allocations := testing.AllocsPerRun(100, func() {
		key := [32]byte{1}
		_, _ = d.IsNew(key[:])
		d.Forget(key[:])
		_, _ = lent.claim(d.core, keys)
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

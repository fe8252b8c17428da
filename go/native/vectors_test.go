//go:build cgo && (batchline_native || batchline_system)

package native

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
	"github.com/batchline/batchline/go/internal/vectors"
)

// The C ABI has no virtual clock, and a window's time begins when it is made. So the programs of
// tests/vectors/dedup.json run in real time. Their answers depend on the time only by the bucket it is in, and by the
// bucket that expires: between two borders of those every time is as good as another. A step is run between the same
// borders as the program says, and if the machine was too slow for that, the whole program is run again.

// vectorProgram is a program that runs in real time.
type vectorProgram struct{ vectors.Program }

func TestDedupVectors(t *testing.T) {
	programs, err := vectors.Read("../../tests/vectors/dedup.json")
	ok(t, err)
	for _, each := range programs {
		program := vectorProgram{each}
		program.shortenSilence()
		t.Run(program.Name, func(t *testing.T) {
			t.Parallel()
			eventually(t, "a run in time", func() bool { return runInTime(t, &program) })
		})
	}
}

// shortenSilence leaves out time in which nothing happens after everything has expired: whole buckets of it.
func (p *vectorProgram) shortenSilence() {
	enough := (p.WindowNs/p.BucketNs + 3) * p.BucketNs
	for i := 1; i < len(p.Steps); i++ {
		if silence := p.Steps[i].AtNs - p.Steps[i-1].AtNs; silence > enough {
			cut := (silence - enough) / p.BucketNs * p.BucketNs
			for j := i; j < len(p.Steps); j++ {
				p.Steps[j].AtNs -= cut
			}
		}
	}
}

// span is the time between two borders, as numbers of the buckets that begin and that expire.
type span struct{ bucket, expiring int64 }

func (p *vectorProgram) spanOf(ns int64) span {
	// A window more, so that there is no time below zero.
	return span{ns / p.BucketNs, (ns + (p.WindowNs/p.BucketNs+1)*p.BucketNs - p.WindowNs) / p.BucketNs}
}

// start is when a step is run: at its time, but in the first half of the span that its time is in.
func (p *vectorProgram) start(ns int64) time.Duration {
	from, rest := ns/p.BucketNs*p.BucketNs, p.WindowNs%p.BucketNs
	to := from + p.BucketNs
	if ns-from >= rest {
		from += rest
	} else {
		to = from + rest
	}
	return time.Duration(min(ns, from+(to-from)/2))
}

// vectorRun is a program on its way.
type vectorRun struct {
	*vectorProgram
	dedup *Dedup
	// The window's time began between these two.
	earliest, latest time.Time
	// claims has the keys of the claims that are neither committed nor released.
	claims map[string]string
	// held has each key's latest claim.
	held map[string]string
}

// runInTime runs a program in a new window; false if it came too late for one of its steps.
func runInTime(t *testing.T, p *vectorProgram) bool {
	atCap, isKnown := map[string]batchline.AtCap{
		"refuse": batchline.Refuse, "forget_oldest": batchline.ForgetOldest,
	}[p.AtCap]
	if !isKnown {
		t.Fatalf("at_cap %q", p.AtCap)
	}
	r := &vectorRun{vectorProgram: p, earliest: time.Now(), claims: map[string]string{}, held: map[string]string{}}
	r.dedup = made[*Dedup](t)(NewWindow(batchline.Window{
		Duration: time.Duration(p.WindowNs), Bucket: time.Duration(p.BucketNs), KeysMax: p.KeysMax, AtCap: atCap,
	}))
	defer r.dedup.Close()
	r.latest = time.Now()
	for i := range p.Steps {
		step := &p.Steps[i]
		waitUntil(r.latest.Add(p.start(step.AtNs)))
		from := time.Since(r.latest)
		got := r.run(t, step)
		to := time.Since(r.earliest)
		if want := p.spanOf(step.AtNs); p.spanOf(int64(from)) != want || p.spanOf(int64(to)) != want {
			return false
		}
		if fmt.Sprint(got) != fmt.Sprint(step.Expect) {
			t.Fatalf("step %d, %+v: got %v", i, *step, got)
		}
	}
	return true
}

// waitUntil wakes up in time: a sleep may take longer than the shortest span, a millisecond.
func waitUntil(due time.Time) {
	time.Sleep(time.Until(due) - 3*time.Millisecond)
	for time.Now().Before(due) {
		runtime.Gosched()
	}
}

func (r *vectorRun) run(t *testing.T, step *vectors.Step) any {
	key := []byte(step.Key)
	switch step.Op {
	case "claim":
		return r.claim(t, step.Claim, step.Key)
	case "commit":
		delete(r.claims, step.Claim)
		return nil
	case "release":
		r.release(step.Claim)
		return nil
	case "contains":
		return r.dedup.Contains(key)
	case "forget":
		return r.dedup.Forget(key)
	case "len":
		return r.dedup.Len()
	}
	t.Fatalf("unknown operation %q", step.Op)
	return nil
}

// claim claims by the single call and by the packed one in turn.
func (r *vectorRun) claim(t *testing.T, name, key string) any {
	isNew := []bool{false}
	var err error
	if len(r.held)%2 == 0 {
		isNew[0], err = r.dedup.IsNew([]byte(key))
	} else {
		_, err = r.dedup.ClaimMany([][]byte{[]byte(key)}, isNew)
	}
	switch {
	case isNew[0] && err == nil:
		r.claims[name], r.held[key] = key, name
		return "claimed"
	case err == nil:
		return "duplicate"
	case errors.Is(err, ErrWindowFull):
		return "full"
	}
	return err
}

// release forgets the key of a claim. Claims have no names in the C ABI: a release that would change nothing, since
// the claim has ended or its key was claimed anew meanwhile, is left out.
func (r *vectorRun) release(name string) {
	key, isOpen := r.claims[name]
	delete(r.claims, name)
	if isOpen && r.held[key] == name {
		r.dedup.Forget([]byte(key))
	}
}

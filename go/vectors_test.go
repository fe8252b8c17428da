package batchline

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/batchline/batchline/go/internal/vectors"
)

func TestDedupVectors(t *testing.T) {
	programs, err := vectors.Read("../tests/vectors/dedup.json")
	ok(t, err)
	for _, program := range programs {
		t.Run(program.Name, func(t *testing.T) { runVectors(t, &program) })
	}
}

func runVectors(t *testing.T, program *vectors.Program) {
	clock := NewVirtualClock()
	atCap, isKnown := map[string]AtCap{"refuse": Refuse, "forget_oldest": ForgetOldest}[program.AtCap]
	if !isKnown {
		t.Fatalf("at_cap %q", program.AtCap)
	}
	dedup, err := NewDedupWithClock[string](Window{
		Duration: time.Duration(program.WindowNs), Bucket: time.Duration(program.BucketNs),
		KeysMax: program.KeysMax, AtCap: atCap,
	}, clock)
	ok(t, err)
	claims := map[string]*Claim[string]{}
	for i := range program.Steps {
		step := &program.Steps[i]
		clock.Advance(time.Duration(step.AtNs) - clock.Now())
		if got := runVectorStep(t, dedup, claims, step); fmt.Sprint(got) != fmt.Sprint(step.Expect) {
			t.Fatalf("step %d, %+v: got %v", i, *step, got)
		}
	}
}

func runVectorStep(t *testing.T, dedup *Dedup[string], claims map[string]*Claim[string], step *vectors.Step) any {
	switch step.Op {
	case "claim":
		claim, err := dedup.Claim(step.Key)
		claims[step.Claim] = &claim
		switch {
		case err == nil:
			return "claimed"
		case errors.Is(err, ErrDuplicate):
			return "duplicate"
		case errors.Is(err, ErrWindowFull):
			return "full"
		}
		return err
	case "commit":
		claims[step.Claim].Commit()
		return nil
	case "release":
		claims[step.Claim].Release()
		return nil
	case "contains":
		return dedup.Contains(step.Key)
	case "forget":
		return dedup.Forget(step.Key)
	case "len":
		return dedup.Len()
	}
	t.Fatalf("unknown operation %q", step.Op)
	return nil
}

package batchline

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// vectorProgram is one program of tests/vectors/dedup.json, which is described in the README beside it.
type vectorProgram struct {
	Name     string       `json:"name"`
	WindowNs int64        `json:"window_ns"`
	BucketNs int64        `json:"bucket_ns"`
	KeysMax  int          `json:"keys_max"`
	AtCap    string       `json:"at_cap"`
	Steps    []vectorStep `json:"steps"`
}

type vectorStep struct {
	AtNs   int64  `json:"at_ns"`
	Op     string `json:"op"`
	Key    string `json:"key"`
	Claim  string `json:"claim"`
	Expect any    `json:"expect"`
}

func TestDedupVectors(t *testing.T) {
	text, err := os.ReadFile("../tests/vectors/dedup.json")
	ok(t, err)
	var programs []vectorProgram
	ok(t, json.Unmarshal(text, &programs))
	if len(programs) < 20 {
		t.Fatalf("only %d programs", len(programs))
	}
	for _, program := range programs {
		t.Run(program.Name, func(t *testing.T) { runVectors(t, &program) })
	}
}

func runVectors(t *testing.T, program *vectorProgram) {
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

func runVectorStep(t *testing.T, dedup *Dedup[string], claims map[string]*Claim[string], step *vectorStep) any {
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

// Package vectors reads the conformance programs that Rust and both Go packages run. Tests alone import it.
package vectors

import (
	"encoding/json"
	"fmt"
	"os"
)

// programsMin is how many there are at least: fewer would mean that the wrong file was read.
const programsMin = 20

// Program is one program of tests/vectors/dedup.json, which is described in the README beside it.
type Program struct {
	Name     string `json:"name"`
	WindowNs int64  `json:"window_ns"`
	BucketNs int64  `json:"bucket_ns"`
	KeysMax  int    `json:"keys_max"`
	AtCap    string `json:"at_cap"`
	Steps    []Step `json:"steps"`
}

// Step is one call, when it is made, and what it must return.
type Step struct {
	AtNs   int64  `json:"at_ns"`
	Op     string `json:"op"`
	Key    string `json:"key"`
	Claim  string `json:"claim"`
	Expect any    `json:"expect"`
}

// Read reads all programs of a file.
func Read(path string) ([]Program, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var programs []Program
	if err := json.Unmarshal(text, &programs); err != nil {
		return nil, err
	}
	if len(programs) < programsMin {
		return nil, fmt.Errorf("%s has only %d programs", path, len(programs))
	}
	return programs, nil
}

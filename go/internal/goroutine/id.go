// Package goroutine tells goroutines apart: a call from inside a handler must not wait for that handler.
package goroutine

import (
	"runtime"
	"strconv"
)

// ID reads the number that a stack trace begins with. It takes about a microsecond; it is asked once per run of a
// worker, and by calls that are about to wait.
func ID() uint64 {
	const prefix = len("goroutine ")
	var text [64]byte
	n := runtime.Stack(text[:], false)
	end := prefix
	for end < n && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	id, err := strconv.ParseUint(string(text[prefix:end]), 10, 64)
	if err != nil {
		panic("batchline: a stack trace does not begin with the number of its goroutine")
	}
	return id
}

//go:build cgo && (batchline_native || batchline_system)

package native_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	batchline "github.com/batchline/batchline/go"
	"github.com/batchline/batchline/go/native"
)

func ExampleNewBytes() {
	batcher, err := native.NewBytes(3, time.Hour, func(batch [][]byte) {
		var lines []string
		for _, line := range batch {
			// The bytes are the core's until the function returns; a string is a copy.
			lines = append(lines, string(line))
		}
		fmt.Println(strings.Join(lines, " "))
	}, native.WithOrdered())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range []string{"many", "small", "operations", "become", "few"} {
		if err := batcher.Put([]byte(line)); err != nil {
			fmt.Println(err)
		}
	}
	receipt := batcher.Close()
	fmt.Println(receipt.Accepted, "accepted,", receipt.Done, "done")
	// Output:
	// many small operations
	// become few
	// 5 accepted, 5 done
}

func ExampleNewFixed() {
	type reading struct {
		Sensor uint32
		Value  float32
	}
	batcher, err := native.NewFixed(100, time.Second, func(batch []reading) {
		sum := float32(0)
		for _, r := range batch {
			sum += r.Value
		}
		fmt.Println(len(batch), "readings, together", sum)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range 4 {
		if err := batcher.Put(reading{uint32(n), 1.5}); err != nil {
			fmt.Println(err)
		}
	}
	if err := batcher.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	batcher.Close()
	// Output: 4 readings, together 6
}

func ExampleNewFixed_pointers() {
	type user struct {
		ID   uint64
		Name string
	}
	_, err := native.NewFixed(100, time.Second, func([]user) {})
	fmt.Println(err)
	// Output: batchline: T is native_test.user.Name (string); allowed: types of a fixed size without pointers
}

func ExampleWithWindow() {
	window := batchline.Window{Duration: time.Minute}
	batcher, err := native.NewBytes(100, time.Second, func(batch [][]byte) {
		fmt.Println(len(batch), "items")
	}, native.WithWindow(window, 0, 8))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer batcher.Close()
	// The key is the first eight bytes.
	for _, item := range []string{"key-0001 first", "key-0002 other", "key-0001 again"} {
		if err := batcher.Put([]byte(item)); errors.Is(err, native.ErrDuplicate) {
			fmt.Println("a duplicate:", item)
		}
	}
	// Output:
	// a duplicate: key-0001 again
	// 2 items
}

func ExampleNewWindow() {
	seen, err := native.NewWindow(batchline.Window{Duration: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer seen.Close()
	messages := [][]byte{[]byte("id-1"), []byte("id-2"), []byte("id-1")}
	isNew := make([]bool, len(messages))
	count, err := seen.ClaimMany(messages, isNew)
	fmt.Println(count, "are new:", isNew, err)
	// What stands behind the key has failed: it may come again.
	seen.Forget([]byte("id-2"))
	again, err := seen.IsNew([]byte("id-2"))
	fmt.Println(again, err)
	// Output:
	// 2 are new: [true true false] <nil>
	// true <nil>
}

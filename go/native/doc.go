// Package native batches byte strings and fixed-size records by the Rust engine of Batchline, through its C ABI.
//
//	batcher, err := native.NewBytes(1000, 10*time.Millisecond, func(batch [][]byte) {
//		ship(batch)
//	})
//	if err != nil {
//		return err
//	}
//	defer batcher.Close()
//	err = batcher.Put(line)
//
// For items that are Go pointers use the parent package: those must stay in Go memory, and its engine is in Go.
//
// # The path of an item
//
// put -> gather -> cross -> (the core: claim, write, publish, seal) -> poll -> handle -> settle
//
// A put copies the bytes into a shard on the Go side: one uncontended lock and an append. A shard crosses into the core
// when it is full, and a millisecond after its first item at the latest; one crossing serves up to 128 items. The core
// collects and seals batches; goroutines of this package poll them, one crossing per batch, and call the handler. The
// time on the Go side counts: an item waits for its seal no longer than the timeout of the batcher, both sides
// together.
//
// # Memory
//
// What a handler sees of a batch is memory of the core's, outside of Go's heap: it is valid until the handler returns,
// and must not be changed, except records of a Fixed. Copy what is to be kept: a slice that is kept shows other items'
// bytes later, or crashes the program. Receipts are copies and may be kept.
//
// A window that stands alone, made by [NewWindow], is memory of the core's too; its Close gives it back.
//
// # The ledger
//
// Every accepted item has exactly one outcome: done, failed, or handed back by a close. A put that returned nil was
// accepted, whether it has crossed or not. See [Stats] and [Receipt].
//
// # Goroutines and threads
//
// A batcher has as many goroutines as WithMaxConcurrent says. An idle one waits inside of the core: it uses no CPU, but
// occupies a thread of the Go runtime. The core starts no threads of its own here. After Close none of the goroutines
// is left, and their threads are back in the runtime's pool, which keeps idle threads for whatever comes next. A
// batcher that the program has lost is closed by the garbage collector; what it holds is handled.
//
// # Linking
//
// The package compiles without the native library, so that `go build ./...`, `go vet ./...` and `go test ./...` work
// for everybody; its constructors then return [ErrNotLinked], or [ErrNoCgo] without cgo. Two build tags link it:
//
//	go build -tags batchline_native    # the archive and header bundled in this folder
//	go build -tags batchline_system    # an installed library, found by pkg-config
//
// With both, batchline_system wins. The bundled files are lib/<goos>_<goarch>/libbatchline.a and include/batchline.h,
// relative to this folder. `cargo xtask dist --go` in the repository puts them there; by hand, with Rust and a C
// compiler:
//
//	cargo build --release -p batchline-ffi    # Linux with glibc, or macOS; for others use batchline_system
//	cp target/release/libbatchline_ffi.a go/native/lib/linux_amd64/libbatchline.a
//	cp include/batchline.h go/native/include/
//
// The linking is behind a tag and not "on if cgo is on", because a cgo directive cannot ask whether a file is there:
// without the archive every build of the module with cgo, which is Go's default, would fail in the linker. When the tag
// is given and the files are missing, the compiler says so and names this text.
package native

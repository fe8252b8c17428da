//go:build !cgo

package native

// errUnlinked says what is missing: cgo.
var errUnlinked = ErrNoCgo

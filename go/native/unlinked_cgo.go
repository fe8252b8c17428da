//go:build cgo && !batchline_native && !batchline_system

package native

// errUnlinked says what is missing: a tag.
var errUnlinked = ErrNotLinked

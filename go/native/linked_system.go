//go:build cgo && batchline_system

package native

// #cgo pkg-config: batchline
import "C"

// LinkedBy says how the program was linked with the native library: "bundled", "system", or "" without it.
const LinkedBy = "system"

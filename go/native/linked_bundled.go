//go:build cgo && batchline_native && !batchline_system

package native

/*
#cgo CFLAGS: -I${SRCDIR}/include
#cgo linux,amd64 LDFLAGS: ${SRCDIR}/lib/linux_amd64/libbatchline.a -lgcc_s -lutil -lrt -lpthread -lm -ldl
#cgo linux,arm64 LDFLAGS: ${SRCDIR}/lib/linux_arm64/libbatchline.a -lgcc_s -lutil -lrt -lpthread -lm -ldl
#cgo darwin,amd64 LDFLAGS: ${SRCDIR}/lib/darwin_amd64/libbatchline.a -lSystem -lc -lm
#cgo darwin,arm64 LDFLAGS: ${SRCDIR}/lib/darwin_arm64/libbatchline.a -lSystem -lc -lm
#if !defined(__linux__) && !defined(__APPLE__)
#error "batchline/native: there is no bundled archive for this system. Use -tags batchline_system"
#endif
*/
import "C"

// LinkedBy says how the program was linked with the native library: "bundled", "system", or "" without it.
const LinkedBy = "bundled"

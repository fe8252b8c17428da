package native

import (
	"fmt"
	"reflect"

	batchline "github.com/batchline/batchline/go"
)

// recordBytesMax is the largest record; what is larger is put as bytes.
const recordBytesMax = 256

// layout is what a type of records looks like in memory.
type layout struct {
	name string
	size int
	// isData says of each byte whether it belongs to a value; the others are padding, which Go does not keep zero.
	isData []bool
}

// layoutOf looks at T, and refuses what cannot leave Go's memory.
func layoutOf[T any]() (*layout, error) {
	t := reflect.TypeFor[T]()
	name := t.String()
	if path, kind := pointerIn(t, name); path != "" {
		return nil, &batchline.SettingError{
			Field: "T", Value: fmt.Sprintf("%s (%s)", path, kind), Allowed: "types of a fixed size without pointers",
		}
	}
	if t.Size() < 1 || t.Size() > recordBytesMax {
		return nil, &batchline.SettingError{
			Field: "T", Value: fmt.Sprintf("%s of %d bytes", name, t.Size()), Allowed: "1 to 256 bytes; larger: NewBytes",
		}
	}
	l := &layout{name: name, size: int(t.Size()), isData: make([]bool, t.Size())}
	l.mark(t, 0)
	return l, nil
}

// pointerIn finds the first part of a type that is a pointer, or has one inside.
func pointerIn(t reflect.Type, path string) (string, reflect.Kind) {
	switch kind := t.Kind(); kind {
	case reflect.Array:
		if t.Len() == 0 {
			return "", 0
		}
		return pointerIn(t.Elem(), path+"[0]")
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			if found, kind := pointerIn(field.Type, path+"."+field.Name); found != "" {
				return found, kind
			}
		}
		return "", 0
	case reflect.Pointer, reflect.UnsafePointer, reflect.String, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func,
		reflect.Interface:
		return path, kind
	}
	return "", 0
}

// mark notes which bytes belong to values.
func (l *layout) mark(t reflect.Type, at uintptr) {
	switch t.Kind() {
	case reflect.Array:
		for i := range t.Len() {
			l.mark(t.Elem(), at+uintptr(i)*t.Elem().Size())
		}
	case reflect.Struct:
		for i := range t.NumField() {
			// A field without a name is padding too: comparing structs passes over it.
			if field := t.Field(i); field.Name != "_" {
				l.mark(field.Type, at+field.Offset)
			}
		}
	default:
		for i := range t.Size() {
			l.isData[at+i] = true
		}
	}
}

// checkKey refuses a key with padding in it: two equal values could have different keys.
func (l *layout) checkKey(w *window) error {
	if w == nil {
		return nil
	}
	from, to := w.keyOffset, w.keyOffset+w.keySize
	if w.keySize == 0 {
		to = l.size
	}
	if from >= to || to > l.size {
		return &batchline.SettingError{
			Field: "key", Value: fmt.Sprintf("bytes %d to %d", from, to), Allowed: fmt.Sprintf("inside of %d bytes", l.size),
		}
	}
	for i := from; i < to; i++ {
		if !l.isData[i] {
			return &batchline.SettingError{
				Field: "key", Value: fmt.Sprintf("bytes %d to %d of %s", from, to, l.name),
				Allowed: fmt.Sprintf("values; byte %d is padding", i),
			}
		}
	}
	return nil
}

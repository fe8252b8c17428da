package native

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchline "github.com/batchline/batchline/go"
)

func TestC23_NonsenseIsRefusedByName(t *testing.T) {
	cases := []struct {
		field   string
		size    int
		timeout time.Duration
		opts    []Option
	}{
		{"size", 0, 0, nil},
		{"size", 1<<24 + 1, 0, nil},
		{"timeout", 1, -2, nil},
		{"timeout", 1, 25 * time.Hour, nil},
		{"queue_items_max", 1, 0, []Option{WithQueueItemsMax(0)}},
		{"max_concurrent", 1, 0, []Option{WithMaxConcurrent(0)}},
		{"max_concurrent", 1, 0, []Option{WithMaxConcurrent(1025)}},
		{"overflow", 1, 0, []Option{WithOverflow(BlockFor(-1))}},
		{"batch_bytes_max", 1, 0, []Option{WithBytesMax(0, 10)}},
		{"queue_bytes_max", 1, 0, []Option{WithBytesMax(10, 9)}},
		{"key_offset", 1, 0, []Option{WithWindow(batchline.Window{}, -1, 0)}},
		{"key_size", 1, 0, []Option{WithWindow(batchline.Window{}, 0, -1)}},
		{"window", 1, 0, []Option{WithWindow(batchline.Window{Duration: -1}, 0, 0)}},
		{"at_cap", 1, 0, []Option{WithWindow(batchline.Window{Duration: time.Minute, AtCap: 2}, 0, 0)}},
	}
	for _, c := range cases {
		_, err := NewBytes(c.size, c.timeout, func([][]byte) {}, c.opts...)
		var wrong *batchline.SettingError
		if !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	if _, err := NewBytes(1, 0, nil); err == nil || !strings.Contains(err.Error(), "fn") {
		t.Errorf("no function: %v", err)
	}
}

func TestATypeWithAPointerIsRefusedByItsField(t *testing.T) {
	type inner struct {
		Count int
		Tags  [2]struct{ Name string }
	}
	type outer struct {
		ID    uint64
		Inner inner
	}
	_, err := NewFixed(1, 0, func([]outer) {})
	if err == nil || !strings.Contains(err.Error(), "native.outer.Inner.Tags[0].Name (string)") {
		t.Errorf("a struct with a string: %v", err)
	}
	for _, err := range []error{
		refusalOf[*int](), refusalOf[[]byte](), refusalOf[map[int]int](), refusalOf[any](), refusalOf[func()](),
		refusalOf[chan int](), refusalOf[[3]error](), refusalOf[[257]byte](), refusalOf[struct{}](), refusalOf[[0]int](),
	} {
		var wrong *batchline.SettingError
		if !errors.As(err, &wrong) || wrong.Field != "T" {
			t.Errorf("%v", err)
		}
	}
	if _, err := layoutOf[struct {
		A [4]uint16
		B struct{ C complex64 }
		_ [0]*int
	}](); err != nil {
		t.Errorf("a type without pointers: %v", err)
	}
}

func refusalOf[T any]() error {
	_, err := NewFixed(1, 0, func([]T) {})
	return err
}

func TestPaddingIsKnown(t *testing.T) {
	l, err := layoutOf[struct {
		A uint8
		B uint32
		_ uint16
		C [2]struct {
			D uint8
			E uint16
		}
	}]()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, isData := range l.isData {
		text.WriteByte(map[bool]byte{true: 'x', false: '.'}[isData])
	}
	if text.String() != "x...xxxx..x.xxx.xx.." {
		t.Errorf("the layout is %s", text.String())
	}
}

func TestTheBudgetWakesThoseWhoWait(t *testing.T) {
	var b budget
	b.init(1, 10)
	if n, bytes := b.lease(5, 4, 8); n != 1 || bytes != 8 {
		t.Fatalf("leased %d items, %d bytes", n, bytes)
	}
	first, second := b.enlist(), b.enlist()
	b.giveBack(1, 8)
	for _, wait := range []chan struct{}{first, second} {
		select {
		case <-wait:
		default:
			t.Error("with a bound of bytes all are woken")
		}
	}
	b.init(1, 0)
	first, second = b.enlist(), b.enlist()
	b.giveBack(1, 0)
	<-first
	b.forget(first)
	select {
	case <-second:
	default:
		t.Error("a signal that is not used goes to the next one")
	}
}

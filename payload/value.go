package payload

import (
	"math"
	"strconv"
	"unsafe"
)

// A Value is anything an Xcraft payload can hold. It never changes once it is
// made, so it may be shared and read by any number of goroutines; copying it
// costs three words. The zero Value is [Undefined].
//
// Strings of a decoded Value share the memory of the text they came in: use
// [strings.Clone] on what is kept much longer than the rest.
type Value struct {
	_    [0]func() // == would compare addresses of strings: use Equal
	ptr  unsafe.Pointer
	num  uint64
	kind Kind
}

// What ptr and num hold, by kind:
//
//	KindBool            num: 0 or 1
//	KindNumber          num: bits of the float64; ptr: nil, or the *string of an
//	                    integer literal that a float64 does not hold exactly
//	KindString, Func    ptr: first byte, num: length
//	KindBytes           ptr: first byte, num: length
//	containers          ptr: *node
//	KindInvalid         ptr: *UnsupportedError
//	kindSpan            num: position in decoder.spans

var (
	// Undefined is what JavaScript finds where nothing is.
	Undefined Value
	// Null is the null of JavaScript, the nil of Go.
	Null = Value{kind: KindNull}
)

// String makes a Value of a string, without a copy.
func String(s string) Value {
	return Value{ptr: unsafe.Pointer(unsafe.StringData(s)), num: uint64(len(s)), kind: KindString}
}

// Number makes a Value of a number.
func Number(f float64) Value {
	return Value{num: math.Float64bits(f), kind: KindNumber}
}

// Bool makes a Value of a boolean.
func Bool(b bool) Value {
	if b {
		return Value{num: 1, kind: KindBool}
	}
	return Value{kind: KindBool}
}

// Bytes makes a Value of a buffer, without a copy: do not change b afterwards.
// A buffer travels as the member chunk of data and nowhere else.
func Bytes(b []byte) Value {
	return Value{ptr: unsafe.Pointer(unsafe.SliceData(b)), num: uint64(len(b)), kind: KindBytes}
}

// A Func is the source of a JavaScript function, as serialized events carry it.
type Func string

// exact makes a number of an integer literal. It keeps the literal where a
// float64 would round it: plain JSON between Go programs carries it unharmed.
func exact(f float64, literal string) Value {
	v := Number(f)
	if literal != "" {
		v.ptr = unsafe.Pointer(&literal)
	}
	return v
}

// integer makes a number of an int64.
func integer(i int64) Value {
	if i >= -maxExact && i <= maxExact {
		return Number(float64(i))
	}
	return exact(float64(i), strconv.FormatInt(i, 10))
}

// maxExact is 2^53: beyond it a float64 skips integers.
const maxExact = 1 << 53

func ofNode(n *node) Value { return Value{ptr: unsafe.Pointer(n), kind: n.kind} }

func invalid(err *UnsupportedError) Value {
	return Value{ptr: unsafe.Pointer(err), kind: KindInvalid}
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// IsNil reports whether v is null or undefined.
func (v Value) IsNil() bool { return v.kind <= KindNull }

// Err returns why a value made by a constructor cannot travel. It is nil unless
// the kind is [KindInvalid], and it does not look inside containers.
func (v Value) Err() error {
	if v.kind != KindInvalid {
		return nil
	}
	return (*UnsupportedError)(v.ptr)
}

// Bool returns the boolean; ok is false when v is none.
func (v Value) Bool() (b, ok bool) {
	return v.kind == KindBool && v.num != 0, v.kind == KindBool
}

// Float returns the number; ok is false when v is none.
func (v Value) Float() (f float64, ok bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	return v.float(), true
}

// Int returns the number when it is an integer that an int64 holds exactly.
func (v Value) Int() (i int64, ok bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	if literal := v.literal(); literal != "" {
		i, err := strconv.ParseInt(literal, 10, 64)
		return i, err == nil
	}
	f := v.float()
	if f != math.Trunc(f) || f < -(1<<63) || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Str returns the string, or the source of the function; ok is false when v is
// neither. Lone surrogates stay in it as three bytes each (WTF-8): valid UTF-8
// but for these.
func (v Value) Str() (s string, ok bool) {
	if v.kind != KindString && v.kind != KindFunc {
		return "", false
	}
	return v.str(), true
}

// Bytes returns the buffer, not to be changed; ok is false when v is none.
func (v Value) Bytes() (b []byte, ok bool) {
	if v.kind != KindBytes {
		return nil, false
	}
	return v.bytes(), true
}

func (v Value) float() float64 { return math.Float64frombits(v.num) }

func (v Value) literal() string {
	if v.ptr == nil {
		return ""
	}
	return *(*string)(v.ptr)
}

func (v Value) str() string { return unsafe.String((*byte)(v.ptr), int(v.num)) }

func (v Value) bytes() []byte {
	if v.num == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(v.ptr), int(v.num))
}

// node returns the content of a container, nil for everything else.
func (v Value) node() *node {
	if !v.kind.container() {
		return nil
	}
	return (*node)(v.ptr)
}

// inner returns the content of a container, that of its state for a Shredder.
func (v Value) inner() *node {
	for v.kind == KindShredder {
		v = v.node().slots[0]
	}
	return v.node()
}

// truthy is the condition of JavaScript, which decides what a message looks into.
func (v Value) truthy() bool {
	switch v.kind {
	case KindUndefined, KindNull, KindInvalid, kindHole:
		return false
	case KindBool:
		return v.num != 0
	case KindNumber:
		f := v.float()
		return f != 0 && f == f
	case KindString:
		return v.num != 0
	}
	return true
}

package payload

import (
	"math"
	"strconv"
	"unsafe"
)

// A Value is anything an Xcraft payload can hold. It never changes once it is
// made, so it may be shared and read by any number of goroutines; copying it
// costs two words. The zero Value is [Undefined].
//
// The strings of a decoded Value share one piece of memory: use [strings.Clone]
// on what is kept much longer than the rest.
type Value struct {
	_   [0]func() // == would compare addresses of strings: use Equal
	ptr unsafe.Pointer
	num uint64
}

// A number has the address of number as ptr and the bits of its float64 as num.
// All others have their kind in the top byte of num, and below it, with ptr:
//
//	KindBool            0 or 1
//	KindNumber          an integer that a float64 rounds: *literal
//	KindString, Func    length, first byte
//	KindBytes           length, first byte
//	containers          *node
//	KindInvalid         *UnsupportedError
var number byte

const kindShift = 56

func tag(k Kind) uint64 { return uint64(k) << kindShift }

func tagged(k Kind, content int) Value { return Value{num: tag(k) | uint64(content)} }

// content is what num holds beside the kind.
func (v Value) content() int { return int(v.num &^ (0xff << kindShift)) }

// A literal is an integer of a size at which float64 skips some.
type literal struct {
	text    string
	nearest float64
}

var (
	// Undefined is what JavaScript finds where nothing is.
	Undefined Value
	// Null is the null of JavaScript, the nil of Go.
	Null = tagged(KindNull, 0)
)

// String makes a Value of a string, without a copy.
func String(s string) Value {
	return Value{ptr: unsafe.Pointer(unsafe.StringData(s)), num: tag(KindString) | uint64(len(s))}
}

// Number makes a Value of a number.
func Number(f float64) Value {
	return Value{ptr: unsafe.Pointer(&number), num: math.Float64bits(f)}
}

// Bool makes a Value of a boolean.
func Bool(b bool) Value {
	if b {
		return tagged(KindBool, 1)
	}
	return tagged(KindBool, 0)
}

// Bytes makes a Value of a buffer, without a copy: do not change b afterwards.
// A buffer travels as the member chunk of data and nowhere else.
func Bytes(b []byte) Value {
	return Value{ptr: unsafe.Pointer(unsafe.SliceData(b)), num: tag(KindBytes) | uint64(len(b))}
}

// A Func is the source of a JavaScript function, as serialized events carry it.
type Func string

// exact makes a number that keeps its text, if there is one: plain JSON between
// Go programs carries integers unharmed that a float64 would round.
func exact(f float64, text string) Value {
	if text == "" {
		return Number(f)
	}
	return Value{ptr: unsafe.Pointer(&literal{text, f}), num: tag(KindNumber)}
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

func ofNode(n *node) Value { return Value{ptr: unsafe.Pointer(n), num: tag(n.kind)} }

func invalid(err *UnsupportedError) Value {
	return Value{ptr: unsafe.Pointer(err), num: tag(KindInvalid)}
}

// Kind returns what v is.
func (v Value) Kind() Kind {
	if v.ptr == unsafe.Pointer(&number) {
		return KindNumber
	}
	return Kind(v.num >> kindShift)
}

// IsNil reports whether v is null or undefined.
func (v Value) IsNil() bool { return v.Kind() <= KindNull }

// Err returns why a value made by a constructor cannot travel. It is nil unless
// the kind is [KindInvalid], and it does not look inside containers.
func (v Value) Err() error {
	if v.Kind() != KindInvalid {
		return nil
	}
	return (*UnsupportedError)(v.ptr)
}

// Bool returns the boolean; ok is false when v is none.
func (v Value) Bool() (b, ok bool) {
	return v.Kind() == KindBool && v.bool(), v.Kind() == KindBool
}

// Float returns the number; ok is false when v is none.
func (v Value) Float() (f float64, ok bool) {
	if v.Kind() != KindNumber {
		return 0, false
	}
	return v.float(), true
}

// Int returns the number when it is an integer that an int64 holds exactly.
func (v Value) Int() (i int64, ok bool) {
	if v.Kind() != KindNumber {
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
	if v.Kind() != KindString && v.Kind() != KindFunc {
		return "", false
	}
	return v.str(), true
}

// Bytes returns the buffer, not to be changed; ok is false when v is none.
func (v Value) Bytes() (b []byte, ok bool) {
	if v.Kind() != KindBytes {
		return nil, false
	}
	return v.bytes(), true
}

func (v Value) bool() bool { return v.content() != 0 }

func (v Value) float() float64 {
	if v.ptr != unsafe.Pointer(&number) {
		return (*literal)(v.ptr).nearest
	}
	return math.Float64frombits(v.num)
}

func (v Value) negativeZero() bool {
	return v.ptr == unsafe.Pointer(&number) && v.num == 1<<63
}

func (v Value) isLiteral() bool {
	return v.ptr != unsafe.Pointer(&number) && v.Kind() == KindNumber
}

// rounded reports whether JavaScript would make another number of v.
func (v Value) rounded() bool {
	return v.isLiteral() && v.literal() != numberText(v.float())
}

func (v Value) literal() string {
	if !v.isLiteral() {
		return ""
	}
	return (*literal)(v.ptr).text
}

// digits is the text of a number.
func (v Value) digits() string {
	if v.isLiteral() {
		return v.literal()
	}
	return numberText(v.float())
}

func (v Value) str() string { return unsafe.String((*byte)(v.ptr), v.content()) }

func (v Value) bytes() []byte {
	if v.content() == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(v.ptr), v.content())
}

// node returns the content of a container, nil for everything else.
func (v Value) node() *node {
	if !v.Kind().container() {
		return nil
	}
	return (*node)(v.ptr)
}

// inner returns the content of a container, that of its state for a Shredder.
func (v Value) inner() *node {
	for v.Kind() == KindShredder {
		v = v.node().slots[0]
	}
	return v.node()
}

// truthy is the condition of JavaScript, which decides what a message looks into.
func (v Value) truthy() bool {
	switch v.Kind() {
	case KindUndefined, KindNull, KindInvalid, kindHole:
		return false
	case KindBool:
		return v.bool()
	case KindNumber:
		f := v.float()
		return f != 0 && f == f
	case KindString:
		return v.content() != 0
	}
	return true
}

package payload

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// From converts a Go value into plain values, as encoding/json sees it: structs
// by their json tags, marshalers included. Maps (by sorted key) and structs
// become objects, slices arrays, []byte a buffer, nil null; a [Value] stays what
// it is. Integers keep all their digits.
//
// The error is an [*UnsupportedError] with the path of what cannot travel:
// functions, channels, complex numbers, structs without exported fields (most
// errors are), values that contain themselves, strings that are not UTF-8.
func From(v any) (Value, error) {
	return valid(convert(v, plain))
}

// Immutable converts a Go value all the way down into what Immutable.fromJS makes
// of it: maps and structs become Map, slices List. It refuses what the text of an
// immutable value cannot carry, in addition to what [From] refuses: times,
// buffers and integers beyond 2^53. Keys of Go maps that are numbers or booleans
// stay so.
func Immutable(v any) (Value, error) {
	return valid(convert(v, immutable))
}

// A style is how Go values are converted.
type style uint8

const (
	plain     style = iota // for plain JSON
	strict                 // for plain containers inside an immutable value
	immutable              // into immutable containers
)

func (s style) object() Kind {
	if s == immutable {
		return KindMap
	}
	return KindObject
}

func (s style) array() Kind {
	if s == immutable {
		return KindList
	}
	return KindArray
}

func valid(v Value) (Value, error) { return v, v.Err() }

// convert returns an invalid value when v cannot travel.
func convert(v any, s style) Value {
	c := converter{style: s, meter: newMeter(Limits{}), arena: new(arena)}
	value, err := c.any(v)
	if err != nil {
		return invalid(asUnsupported(err))
	}
	return value
}

func asUnsupported(err error) *UnsupportedError {
	if e, ok := err.(*UnsupportedError); ok {
		return e
	}
	return unsupported("the value", "cannot be converted", err.Error())
}

type converter struct {
	style style
	meter
	*arena
	above []address // pointers, maps and slices that are being converted
}

// An address tells a slice from the array or struct that begins where it does.
type address struct {
	at  uintptr
	typ reflect.Type
}

type fromFunc func(c *converter, v reflect.Value) (Value, error)

// any converts the usual types without reflection.
func (c *converter) any(v any) (Value, error) {
	switch v := v.(type) {
	case nil:
		return Null, nil
	case string:
		return c.string(v)
	case bool:
		return Bool(v), nil
	case float64:
		return Number(v), nil
	case int:
		return c.integer(int64(v))
	case int64:
		return c.integer(v)
	case Value:
		return v, nil
	}
	return fromOf(reflect.TypeOf(v))(c, reflect.ValueOf(v))
}

func (c *converter) string(s string) (Value, error) {
	if !writable(s) {
		return Undefined, notUTF8(c.where())
	}
	return String(s), nil
}

func (c *converter) where() string {
	if c.style == plain {
		return inJSON
	}
	return inImmutable
}

func (c *converter) integer(i int64) (Value, error) {
	v := integer(i)
	if v.isLiteral() && c.style != plain {
		return Undefined, refuse(v, inImmutable)
	}
	return v, nil
}

// enter begins a container, or whatever at points to, and finds cycles.
func (c *converter) enter(v reflect.Value, n int) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		here := address{v.Pointer(), v.Type()}
		if n > 0 && slices.Contains(c.above, here) {
			return unsupported(v.Type().String()+" that contains itself", c.where(), "break the cycle")
		}
		c.above = append(c.above, here)
	default:
		c.above = append(c.above, address{})
	}
	return c.meter.enter(n)
}

func (c *converter) leave() {
	c.above = c.above[:len(c.above)-1]
	c.meter.leave()
}

var (
	valueType = reflect.TypeFor[Value]()
	funcType  = reflect.TypeFor[Func]()
	timeType  = reflect.TypeFor[time.Time]()

	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonNumber      = reflect.TypeFor[json.Number]()
)

var froms sync.Map // reflect.Type → fromFunc

// fromOf returns the function that converts a type.
func fromOf(t reflect.Type) fromFunc {
	if known, ok := froms.Load(t); ok {
		return known.(fromFunc)
	}
	known, _ := froms.LoadOrStore(t, newFrom(t))
	return known.(fromFunc)
}

func newFrom(t reflect.Type) fromFunc {
	switch {
	case t == valueType:
		return func(_ *converter, v reflect.Value) (Value, error) { return v.Interface().(Value), nil }
	case t == funcType:
		return func(_ *converter, v reflect.Value) (Value, error) { return function(v.String()), nil }
	case t == timeType:
		return fromTime
	case t == jsonNumber:
		return fromJSONNumber
	case t.Kind() == reflect.Pointer && (t.Elem() == valueType || t.Elem() == timeType):
		return fromPointer(t)
	case t.Implements(jsonMarshaler):
		return fromMarshaler
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(jsonMarshaler):
		return ifAddressable(fromMarshaler, t)
	case t.Implements(textMarshaler):
		return fromText
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(textMarshaler):
		return ifAddressable(fromText, t)
	}
	return fromKind(t)
}

func function(s string) Value {
	v := String(s)
	v.num = tag(KindFunc) | uint64(len(s))
	return v
}

func fromTime(c *converter, v reflect.Value) (Value, error) {
	if c.style != plain {
		return Undefined, unsupported("time.Time", inImmutable, "send a string")
	}
	return fromMarshaler(c, v)
}

func fromJSONNumber(c *converter, v reflect.Value) (Value, error) {
	p := scanner{s: v.String()}
	f, literal, err := p.num()
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return Undefined, unsupported("json.Number "+strconv.Quote(v.String()), c.where(), "give a number")
	}
	value := exact(f, literal)
	if value.rounded() && c.style != plain {
		return Undefined, refuse(value, inImmutable)
	}
	return value, nil
}

// fromMarshaler takes the JSON that the value makes of itself.
func fromMarshaler(c *converter, v reflect.Value) (Value, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return Null, nil
	}
	text, err := v.Interface().(json.Marshaler).MarshalJSON()
	if err != nil {
		return Undefined, failed(v, err)
	}
	value, err := ParseJSON(text, Limits{})
	if err != nil {
		return Undefined, failed(v, err)
	}
	if c.style == plain {
		return value, nil
	}
	return c.deepen(value)
}

// deepen makes of plain JSON what the style makes of Go values.
func (c *converter) deepen(v Value) (Value, error) {
	n := v.node()
	if n == nil {
		if v.rounded() {
			return Undefined, refuse(v, inImmutable)
		}
		return v, nil
	}
	made := c.node(n.kind)
	if c.style == immutable {
		made.kind = map[Kind]Kind{KindObject: KindMap, KindArray: KindList}[n.kind]
	}
	made.slots = c.take(len(n.slots))
	for slot, v := range n.slots {
		deeper, err := c.deepen(v)
		if err != nil {
			return Undefined, within(n.step(slot), err)
		}
		made.slots = append(made.slots, deeper)
	}
	return ofNode(made), nil
}

func fromText(c *converter, v reflect.Value) (Value, error) {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return Null, nil
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return Undefined, failed(v, err)
	}
	return c.string(string(text))
}

// ifAddressable calls a marshaler that a pointer has, as encoding/json does.
func ifAddressable(f fromFunc, t reflect.Type) fromFunc {
	otherwise := sync.OnceValue(func() fromFunc { return fromKind(t) })
	return func(c *converter, v reflect.Value) (Value, error) {
		if v.CanAddr() {
			return f(c, v.Addr())
		}
		return otherwise()(c, v)
	}
}

func failed(v reflect.Value, err error) error {
	return unsupported(v.Type().String(), "cannot be converted", err.Error())
}

func refused(what string) fromFunc {
	return func(c *converter, v reflect.Value) (Value, error) {
		return Undefined, unsupported(fmt.Sprintf("%s (%s)", what, v.Type()), c.where(), "leave it out, or tag it json:\"-\"")
	}
}

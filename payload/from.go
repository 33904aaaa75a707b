package payload

import (
	"encoding"
	"encoding/json"
	"maps"
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
	case map[string]any:
		return c.anyMap(v)
	case []any:
		return c.anySlice(v)
	}
	return fromOf(reflect.TypeOf(v))(c, reflect.ValueOf(v))
}

func (c *converter) anyMap(m map[string]any) (Value, error) {
	if m == nil {
		return Null, nil
	}
	if err := c.enter(reflect.ValueOf(m), len(m)); err != nil {
		return Undefined, err
	}
	defer c.leave()
	n := c.node(c.style.object())
	n.slots = c.take(2 * len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		key, err := c.string(name)
		if err != nil {
			return Undefined, err
		}
		v, err := c.any(m[name])
		if err != nil {
			return Undefined, within(nameStep(name), err)
		}
		n.slots = append(n.slots, key, v)
	}
	return ofNode(n), nil
}

func (c *converter) anySlice(s []any) (Value, error) {
	if s == nil {
		return Null, nil
	}
	if err := c.enter(reflect.ValueOf(s), len(s)); err != nil {
		return Undefined, err
	}
	defer c.leave()
	n := c.node(c.style.array())
	n.slots = c.take(len(s))
	for i, element := range s {
		v, err := c.any(element)
		if err != nil {
			return Undefined, within("["+strconv.Itoa(i)+"]", err)
		}
		n.slots = append(n.slots, v)
	}
	return ofNode(n), nil
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

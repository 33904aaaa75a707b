package payload

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"sync"
)

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

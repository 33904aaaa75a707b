package payload

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// fromKind converts a type by what it is made of.
func fromKind(t reflect.Type) fromFunc {
	switch t.Kind() {
	case reflect.Bool:
		return func(_ *converter, v reflect.Value) (Value, error) { return Bool(v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(c *converter, v reflect.Value) (Value, error) { return c.integer(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return fromUint
	case reflect.Float32:
		return fromFloat32
	case reflect.Float64:
		return func(_ *converter, v reflect.Value) (Value, error) { return Number(v.Float()), nil }
	case reflect.String:
		return func(c *converter, v reflect.Value) (Value, error) { return c.string(v.String()) }
	case reflect.Interface:
		return fromInterface
	case reflect.Pointer:
		return fromPointer(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && fromKindOnly(t.Elem()) {
			return fromBytes
		}
		return fromSlice(t)
	case reflect.Array:
		return fromSlice(t)
	case reflect.Map:
		return fromMap(t)
	case reflect.Struct:
		return fromStruct(t)
	case reflect.Func:
		return refused("a function")
	case reflect.Chan:
		return refused("a channel")
	}
	return refused("a " + t.Kind().String())
}

// fromKindOnly reports whether the type does not marshal itself.
func fromKindOnly(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return !p.Implements(jsonMarshaler) && !p.Implements(textMarshaler)
}

func fromUint(c *converter, v reflect.Value) (Value, error) {
	u := v.Uint()
	if u <= maxExact {
		return Number(float64(u)), nil
	}
	value := exact(float64(u), strconv.FormatUint(u, 10))
	if c.style != plain {
		return Undefined, refuse(value, inImmutable)
	}
	return value, nil
}

// fromFloat32 keeps 0.1 what it is: as a float64 it would have 17 digits.
func fromFloat32(_ *converter, v reflect.Value) (Value, error) {
	f, err := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', -1, 32), 64)
	return Number(f), err
}

func fromInterface(c *converter, v reflect.Value) (Value, error) {
	if v.IsNil() {
		return Null, nil
	}
	return c.any(v.Elem().Interface())
}

func fromPointer(t reflect.Type) fromFunc {
	elem := sync.OnceValue(func() fromFunc { return fromOf(t.Elem()) })
	return func(c *converter, v reflect.Value) (Value, error) {
		if v.IsNil() {
			return Null, nil
		}
		if err := c.enter(v, 1); err != nil {
			return Undefined, err
		}
		defer c.leave()
		return elem()(c, v.Elem())
	}
}

func fromBytes(c *converter, v reflect.Value) (Value, error) {
	if v.IsNil() {
		return Null, nil
	}
	value := Bytes(v.Bytes())
	if c.style != plain {
		return Undefined, refuse(value, inImmutable)
	}
	return value, nil
}

// fromSlice is for arrays too.
func fromSlice(t reflect.Type) fromFunc {
	elem := sync.OnceValue(func() fromFunc { return fromOf(t.Elem()) })
	return func(c *converter, v reflect.Value) (Value, error) {
		if t.Kind() == reflect.Slice && v.IsNil() {
			return Null, nil
		}
		if err := c.enter(v, v.Len()); err != nil {
			return Undefined, err
		}
		defer c.leave()
		n := c.node(c.style.array())
		n.slots = c.take(v.Len())
		for i := range v.Len() {
			value, err := elem()(c, v.Index(i))
			if err != nil {
				return Undefined, within("["+strconv.Itoa(i)+"]", err)
			}
			n.slots = append(n.slots, value)
		}
		return ofNode(n), nil
	}
}

func fromStruct(t reflect.Type) fromFunc {
	fields := sync.OnceValue(func() *structFields { return fieldsOf(t) })
	return func(c *converter, v reflect.Value) (Value, error) {
		s := fields()
		if s.opaque {
			return Undefined, unsupported(t.String(), c.where(), "it has no exported fields, send what it says as a string")
		}
		if err := c.enter(v, len(s.list)); err != nil {
			return Undefined, err
		}
		defer c.leave()
		n := c.node(c.style.object())
		n.slots = c.take(2 * len(s.list))
		for _, f := range s.list {
			fv, ok := f.in(v)
			if !ok || f.left(fv) {
				continue
			}
			value, err := f.from()(c, fv)
			if err == nil && f.quoted {
				value, err = quoted(value)
			}
			if err != nil {
				return Undefined, within(nameStep(f.name), err)
			}
			n.slots = append(n.slots, String(f.name), value)
		}
		return ofNode(n), nil
	}
}

// quoted is what the option ",string" makes of a scalar: its JSON text.
func quoted(v Value) (Value, error) {
	if v.Kind() == KindNull {
		return v, nil
	}
	text, err := AppendJSON(nil, v)
	return String(string(text)), err
}

func fromMap(t reflect.Type) fromFunc {
	elem := sync.OnceValue(func() fromFunc { return fromOf(t.Elem()) })
	return func(c *converter, v reflect.Value) (Value, error) {
		if v.IsNil() {
			return Null, nil
		}
		if err := c.enter(v, v.Len()); err != nil {
			return Undefined, err
		}
		defer c.leave()
		n := c.node(c.style.object())
		entries := make([]entry, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			key, err := c.key(it.Key())
			if err != nil {
				return Undefined, err
			}
			value, err := elem()(c, it.Value())
			if err != nil {
				return Undefined, within(keyStep(key), err)
			}
			entries = append(entries, entry{key, value})
		}
		slices.SortFunc(entries, func(a, b entry) int { return compareKeys(a.key, b.key) })
		n.slots = c.take(2 * len(entries))
		for i, e := range entries {
			if i > 0 && same(e.key, entries[i-1].key) {
				return Undefined, unsupported("two keys that become "+strconv.Quote(e.key.String()), c.where(), "rename one")
			}
			n.slots = append(n.slots, e.key, e.value)
		}
		return ofNode(n), nil
	}
}

type entry struct{ key, value Value }

// key converts the key of a Go map: to a string where only strings will do.
func (c *converter) key(v reflect.Value) (Value, error) {
	if v.Kind() == reflect.String {
		return c.string(v.String())
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return Undefined, failed(v, err)
		}
		return c.string(string(text))
	}
	key, err := c.any(v.Interface())
	switch {
	case err != nil:
		return Undefined, err
	case key.Kind() == KindString, c.style == immutable:
		return key, nil
	case key.Kind() == KindNumber && v.CanInt() || v.CanUint():
		return String(key.String()), nil
	}
	return Undefined, unsupported("a key of type "+v.Type().String(), "cannot be the name of a member", "use string keys")
}

// compareKeys orders the keys of a Go map: by kind, then by value.
func compareKeys(a, b Value) int {
	switch {
	case a.Kind() != b.Kind():
		return int(a.Kind()) - int(b.Kind())
	case a.Kind() == KindString:
		return strings.Compare(a.str(), b.str())
	case a.Kind() == KindNumber && a.float() < b.float():
		return -1
	case a.Kind() == KindNumber && a.float() > b.float():
		return 1
	case a.Kind() == KindBool:
		return int(a.content()) - int(b.content())
	}
	return 0
}

package payload

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// toKind stores a value in a type by what the type is made of.
func toKind(t reflect.Type) toFunc {
	switch t.Kind() {
	case reflect.Bool:
		return toBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return toInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return toUint
	case reflect.Float32, reflect.Float64:
		return toFloat
	case reflect.String:
		return toString
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return toAny
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return toBytes(t)
		}
		return toSlice(t)
	case reflect.Array:
		return toArray(t)
	case reflect.Map:
		return toMap(t)
	case reflect.Struct:
		return toStruct(t)
	}
	return func(_ *assigner, v Value, dst reflect.Value) error {
		return misfit(v, dst, "nothing can be stored in this type")
	}
}

func toBool(_ *assigner, v Value, dst reflect.Value) error {
	b, ok := v.Bool()
	if !ok {
		return misfit(v, dst, "a boolean is needed")
	}
	dst.SetBool(b)
	return nil
}

func toInt(_ *assigner, v Value, dst reflect.Value) error {
	i, ok := v.Int()
	if !ok || dst.OverflowInt(i) {
		return misfit(v, dst, needs(v, "an integer in its range"))
	}
	dst.SetInt(i)
	return nil
}

func toUint(_ *assigner, v Value, dst reflect.Value) error {
	u, ok := v.uint()
	if !ok || dst.OverflowUint(u) {
		return misfit(v, dst, needs(v, "an integer in its range"))
	}
	dst.SetUint(u)
	return nil
}

func (v Value) uint() (uint64, bool) {
	f, ok := v.Float()
	if literal := v.literal(); ok && literal != "" {
		u, err := strconv.ParseUint(literal, 10, 64)
		return u, err == nil
	}
	return uint64(f), ok && f >= 0 && f < 1<<64 && f == math.Trunc(f)
}

func toFloat(_ *assigner, v Value, dst reflect.Value) error {
	f, ok := v.Float()
	if !ok || dst.Kind() == reflect.Float32 && math.IsInf(float64(float32(f)), 0) && !math.IsInf(f, 0) {
		return misfit(v, dst, needs(v, "a number in its range"))
	}
	dst.SetFloat(f)
	return nil
}

// needs names the number that does not fit.
func needs(v Value, what string) string {
	if v.Kind() == KindNumber {
		return v.String() + " is not " + what
	}
	return what + " is needed"
}

func toString(_ *assigner, v Value, dst reflect.Value) error {
	s, ok := v.Str()
	if !ok {
		return misfit(v, dst, "a string is needed")
	}
	dst.SetString(strings.Clone(s))
	return nil
}

func toAny(a *assigner, v Value, dst reflect.Value) error {
	stored, err := a.any(v, dst.Type())
	if err != nil {
		return err
	}
	dst.Set(reflect.ValueOf(&stored).Elem())
	return nil
}

// elements returns the content of a list, an array or a set.
func elements(v Value, dst reflect.Value) ([]Value, error) {
	n := v.node()
	switch {
	case n == nil || n.kind.keyed():
		return nil, misfit(v, dst, "a list, an array or a set is needed")
	case n.members != nil:
		return nil, misfit(v, dst, ownMembers)
	}
	return n.slots, nil
}

func toSlice(t reflect.Type) toFunc {
	elem := sync.OnceValue(func() toFunc { return toOf(t.Elem()) })
	return func(a *assigner, v Value, dst reflect.Value) error {
		all, err := elements(v, dst)
		if err != nil {
			return err
		}
		if err := a.enter(len(all)); err != nil {
			return err
		}
		defer a.leave()
		list := reflect.MakeSlice(t, len(all), len(all))
		for i, v := range all {
			if err := elem()(a, v, list.Index(i)); err != nil {
				return within("["+strconv.Itoa(i)+"]", err)
			}
		}
		dst.Set(list)
		return nil
	}
}

func toArray(t reflect.Type) toFunc {
	elem := sync.OnceValue(func() toFunc { return toOf(t.Elem()) })
	return func(a *assigner, v Value, dst reflect.Value) error {
		all, err := elements(v, dst)
		if err != nil {
			return err
		}
		if len(all) > t.Len() {
			return misfit(v, dst, "it has "+strconv.Itoa(len(all))+" elements")
		}
		if err := a.enter(len(all)); err != nil {
			return err
		}
		defer a.leave()
		dst.SetZero()
		for i, v := range all {
			if err := elem()(a, v, dst.Index(i)); err != nil {
				return within("["+strconv.Itoa(i)+"]", err)
			}
		}
		return nil
	}
}

// toBytes takes a buffer in all its forms, and base64 as encoding/json writes it.
func toBytes(t reflect.Type) toFunc {
	numbers := toSlice(t)
	return func(a *assigner, v Value, dst reflect.Value) error {
		switch {
		case v.Kind() == KindBytes:
			dst.SetBytes(append([]byte{}, v.bytes()...))
			return nil
		case v.Kind() == KindString:
			b, err := base64.StdEncoding.DecodeString(v.str())
			if err != nil {
				return misfit(v, dst, "it is not base64")
			}
			dst.SetBytes(b)
			return nil
		case v.node() != nil && v.node().kind.keyed():
			return bytesOfObject(a, v, dst, numbers)
		}
		return numbers(a, v, dst)
	}
}

// bytesOfObject reads {"type":"Buffer","data":[…]}, what a buffer is in JSON, and
// {"0":…,"1":…}, what it is inside an immutable value (protocol §7.1, §7.3).
func bytesOfObject(a *assigner, v Value, dst reflect.Value, numbers toFunc) error {
	if s, _ := v.Get("type").Str(); s == "Buffer" {
		return within(".data", numbers(a, v.Get("data"), dst))
	}
	n := v.node()
	list := make([]Value, n.len())
	for i := range list {
		b, ok := n.lookupName(strconv.Itoa(i))
		if !ok {
			return misfit(v, dst, "a buffer is needed")
		}
		list[i] = b
	}
	return numbers(a, ofNode(&node{kind: KindArray, slots: list}), dst)
}

func (n *node) lookupName(name string) (Value, bool) {
	at := n.find(String(name))
	if at < 0 {
		return Undefined, false
	}
	return n.slots[2*at+1], true
}

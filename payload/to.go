package payload

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// To stores a value in what dst points to, by the rules of encoding/json: struct
// fields by their json tags, unmarshalers included, null leaves alone what has
// no nil. Immutable and plain containers do the same, a Shredder does what its
// state does, undefined what null does. A field of type [Value] takes the value
// as it is, kinds and all.
//
// What Go cannot hold is refused: a number that is no integer in an int, members
// of arrays, values that contain themselves. The error is a [*TypeError] with
// the path, or a [*LimitError]: shared values may expand without end.
//
// A Set fills a slice, or a map from its elements to bool or struct{}; a buffer,
// in any of the forms JavaScript gives it, or a base64 string fills a []byte.
// Strings are copied.
func To(v Value, dst any) error {
	p := reflect.ValueOf(dst)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		panic("payload: To needs a pointer that is not nil: give the address of a variable")
	}
	a := assigner{newMeter(Limits{})}
	err := toOf(p.Type().Elem())(&a, v, p.Elem())
	if n := cycleBehind(v, err); n != nil {
		return &TypeError{Path: "$" + pathOf(v, n), Kind: n.kind, Type: p.Type().Elem(),
			Reason: "it contains itself: ask for a payload.Value"}
	}
	return err
}

// As returns a value as the Go type T: see [To].
func As[T any](v Value) (T, error) {
	var t T
	err := To(v, &t)
	return t, err
}

type assigner struct{ meter }

type toFunc func(a *assigner, v Value, dst reflect.Value) error

var tos sync.Map // reflect.Type → toFunc

// toOf returns the function that stores a value in a type.
func toOf(t reflect.Type) toFunc {
	if known, ok := tos.Load(t); ok {
		return known.(toFunc)
	}
	known, _ := tos.LoadOrStore(t, newTo(t))
	return known.(toFunc)
}

func newTo(t reflect.Type) toFunc {
	pointer := reflect.PointerTo(t)
	switch {
	case t == valueType:
		return toValue
	case t == jsonNumber:
		return checked(toJSONNumber)
	case t.Kind() == reflect.Pointer:
		return toPointer(t)
	case pointer.Implements(jsonUnmarshaler):
		return toUnmarshaler
	case pointer.Implements(textUnmarshaler):
		return checked(toText)
	}
	return checked(toKind(t))
}

// checked looks through a Shredder, skips what is nothing, and refuses what
// never travels. Pointers and interfaces see the nothing themselves.
func checked(store toFunc) toFunc {
	return func(a *assigner, v Value, dst reflect.Value) error {
		switch v.Kind() {
		case KindShredder:
			v = v.State()
		case KindInvalid:
			return v.Err()
		case kindHole:
			v = Undefined
		}
		if v.IsNil() {
			switch dst.Kind() {
			case reflect.Interface, reflect.Map, reflect.Slice:
				dst.SetZero()
			}
			return nil
		}
		return store(a, v, dst)
	}
}

func misfit(v Value, dst reflect.Value, reason string) error {
	return &TypeError{Path: "$", Kind: v.Kind(), Type: dst.Type(), Reason: reason}
}

func toValue(_ *assigner, v Value, dst reflect.Value) error {
	if v.Kind() == kindHole {
		v = Undefined
	}
	*dst.Addr().Interface().(*Value) = v
	return nil
}

func toPointer(t reflect.Type) toFunc {
	elem := sync.OnceValue(func() toFunc { return toOf(t.Elem()) })
	return func(a *assigner, v Value, dst reflect.Value) error {
		if v.IsNil() || v.Kind() == kindHole {
			dst.SetZero()
			return nil
		}
		if dst.IsNil() {
			dst.Set(reflect.New(t.Elem()))
		}
		return elem()(a, v, dst.Elem())
	}
}

// toUnmarshaler gives the type the JSON of the value.
func toUnmarshaler(a *assigner, v Value, dst reflect.Value) error {
	text := []byte("null")
	if !v.IsNil() && v.Kind() != kindHole {
		var err error
		if text, err = AppendJSON(nil, v.State()); err != nil {
			return err
		}
	}
	if err := dst.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text); err != nil {
		return misfit(v, dst, err.Error())
	}
	return nil
}

func toText(_ *assigner, v Value, dst reflect.Value) error {
	s, ok := v.Str()
	if !ok {
		return misfit(v, dst, "a string is needed")
	}
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		return misfit(v, dst, err.Error())
	}
	return nil
}

func toJSONNumber(_ *assigner, v Value, dst reflect.Value) error {
	f, ok := v.Float()
	if !ok || f-f != 0 {
		return misfit(v, dst, "a finite number is needed")
	}
	dst.SetString(v.String())
	return nil
}

// any stores a value in an interface: the types that encoding/json uses, and
// map[any]any for maps with other keys than strings.
func (a *assigner) any(v Value, t reflect.Type) (any, error) {
	v = v.State()
	switch v.Kind() {
	case KindUndefined, KindNull, kindHole:
		return nil, nil
	case KindBool:
		return v.bool(), nil
	case KindNumber:
		return v.float(), nil
	case KindString:
		return strings.Clone(v.str()), nil
	case KindFunc:
		return Func(strings.Clone(v.str())), nil
	case KindBytes:
		return append([]byte{}, v.bytes()...), nil
	case KindInvalid:
		return nil, v.Err()
	}
	n := v.node()
	if err := a.enter(n.len()); err != nil {
		return nil, err
	}
	defer a.leave()
	if n.members != nil {
		return nil, &TypeError{Path: "$", Kind: v.Kind(), Type: t, Reason: ownMembers}
	}
	if !n.kind.keyed() {
		return a.anys(n, t)
	}
	return a.anyMap(n, t)
}

const ownMembers = "it has members of its own beside its content: ask for a payload.Value"

func (a *assigner) anys(n *node, t reflect.Type) (any, error) {
	list := make([]any, len(n.slots))
	for i, v := range n.slots {
		var err error
		if list[i], err = a.any(v, t); err != nil {
			return nil, within(n.step(i), err)
		}
	}
	return list, nil
}

func (a *assigner) anyMap(n *node, t reflect.Type) (any, error) {
	byString := make(map[string]any, n.len())
	for i := 0; i < len(n.slots); i += 2 {
		if n.slots[i].Kind() != KindString {
			return a.anyKeys(n, t)
		}
		v, err := a.any(n.slots[i+1], t)
		if err != nil {
			return nil, within(n.step(i+1), err)
		}
		byString[strings.Clone(n.slots[i].str())] = v
	}
	return byString, nil
}

func (a *assigner) anyKeys(n *node, t reflect.Type) (any, error) {
	byAny := make(map[any]any, n.len())
	for i := 0; i < len(n.slots); i += 2 {
		if n.slots[i].Kind().container() || n.slots[i].Kind() == KindBytes {
			return nil, within(n.step(i), &TypeError{Path: "$", Kind: n.slots[i].Kind(), Type: t,
				Reason: "a container cannot be the key of a Go map: ask for a payload.Value"})
		}
		key, err := a.any(n.slots[i], t)
		if err != nil {
			return nil, within(n.step(i), err)
		}
		if byAny[key], err = a.any(n.slots[i+1], t); err != nil {
			return nil, within(n.step(i+1), err)
		}
	}
	if len(byAny) < n.len() { // null and undefined are both nil
		return nil, &TypeError{Path: "$", Kind: n.kind, Type: t, Reason: sameKeys}
	}
	return byAny, nil
}

const sameKeys = "two of its keys would become one: ask for a payload.Value"

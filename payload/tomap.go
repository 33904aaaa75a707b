package payload

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

func toStruct(t reflect.Type) toFunc {
	fields := sync.OnceValue(func() *structFields { return fieldsOf(t) })
	return func(a *assigner, v Value, dst reflect.Value) error {
		n, err := entriesOf(v, dst)
		if err != nil {
			return err
		}
		if err := a.enter(n.len()); err != nil {
			return err
		}
		defer a.leave()
		s, next := fields(), 0
		for i := 0; i < len(n.slots); i += 2 {
			if n.slots[i].Kind() != KindString {
				continue
			}
			// Members mostly come in the order of the fields.
			var f *field
			if name := n.slots[i].str(); next < len(s.list) && s.list[next].name == name {
				f = s.list[next]
				next++
			} else if f = s.named(name); f == nil {
				continue
			}
			if err := f.store(a, n.slots[i+1], dst); err != nil {
				return within(nameStep(f.name), err)
			}
		}
		return nil
	}
}

// store sets the field of a struct; ",string" finds its scalar in a string.
func (f *field) store(a *assigner, v Value, in reflect.Value) error {
	dst, ok := f.reach(in)
	if !ok {
		return misfit(v, in, "an embedded pointer to an unexported struct is nil: set it before")
	}
	if f.quoted && !v.IsNil() {
		text, ok := v.Str()
		scalar, err := ParseJSON([]byte(text), Limits{})
		if !ok || err != nil {
			return misfit(v, dst, "the text of a scalar is needed, as the option string of its tag says")
		}
		v = scalar
	}
	return f.to()(a, v, dst)
}

// entriesOf returns the content of a map or an object.
func entriesOf(v Value, dst reflect.Value) (*node, error) {
	n := v.node()
	switch {
	case n == nil || !n.kind.keyed():
		return nil, misfit(v, dst, "a map or an object is needed")
	case n.members != nil:
		return nil, misfit(v, dst, ownMembers)
	}
	return n, nil
}

func toMap(t reflect.Type) toFunc {
	elem := sync.OnceValue(func() toFunc { return toOf(t.Elem()) })
	asSet := toSet(t)
	return func(a *assigner, v Value, dst reflect.Value) error {
		if v.Kind().set() && asSet != nil {
			return asSet(a, v, dst)
		}
		n, err := entriesOf(v, dst)
		if err != nil {
			return err
		}
		if err := a.enter(n.len()); err != nil {
			return err
		}
		defer a.leave()
		m := reflect.MakeMapWithSize(t, n.len())
		for i := 0; i < len(n.slots); i += 2 {
			key := reflect.New(t.Key()).Elem()
			if err := toKey(a, n.slots[i], key); err != nil {
				return within(n.step(i), err)
			}
			value := reflect.New(t.Elem()).Elem()
			if err := elem()(a, n.slots[i+1], value); err != nil {
				return within(n.step(i+1), err)
			}
			m.SetMapIndex(key, value)
		}
		if m.Len() < n.len() {
			return misfit(v, dst, sameKeys)
		}
		return merge(dst, m)
	}
}

// merge adds to a map that is there already, as encoding/json does.
func merge(dst, m reflect.Value) error {
	if dst.IsNil() {
		dst.Set(m)
		return nil
	}
	for it := m.MapRange(); it.Next(); {
		dst.SetMapIndex(it.Key(), it.Value())
	}
	return nil
}

// toSet stores the elements of a set as the keys of a map to bool or struct{}.
func toSet(t reflect.Type) toFunc {
	present := reflect.New(t.Elem()).Elem()
	switch {
	case t.Elem().Kind() == reflect.Bool:
		present.SetBool(true)
	case t.Elem().Kind() != reflect.Struct || t.Elem().NumField() > 0:
		return nil
	}
	return func(a *assigner, v Value, dst reflect.Value) error {
		all, err := elements(v, dst)
		if err != nil {
			return err
		}
		if err := a.enter(len(all)); err != nil {
			return err
		}
		defer a.leave()
		m := reflect.MakeMapWithSize(t, len(all))
		for i, v := range all {
			key := reflect.New(t.Key()).Elem()
			if err := toKey(a, v, key); err != nil {
				return within("["+strconv.Itoa(i)+"]", err)
			}
			m.SetMapIndex(key, present)
		}
		if m.Len() < len(all) {
			return misfit(v, dst, sameKeys)
		}
		return merge(dst, m)
	}
}

// toKey stores a key in the key type of a Go map. Between strings and integers
// it converts, as encoding/json does: an object has no other keys than strings.
func toKey(a *assigner, v Value, dst reflect.Value) error {
	s, isString := v.Str()
	switch {
	case v.Kind().container():
		return misfit(v, dst, "a container cannot be the key of a Go map: ask for a payload.Value")
	case isString && reflect.PointerTo(dst.Type()).Implements(textUnmarshaler) && dst.Kind() != reflect.String:
		if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
			return misfit(v, dst, err.Error())
		}
		return nil
	case isString && (dst.CanInt() || dst.CanUint() || dst.CanFloat()):
		p := scanner{s: s}
		f, literal, err := p.num()
		if err != nil || p.end() != nil {
			return misfit(v, dst, strconv.Quote(s)+" is not a number")
		}
		v = exact(f, literal)
	case v.Kind() == KindNumber && dst.Kind() == reflect.String:
		dst.SetString(v.String())
		return nil
	case isString && dst.Kind() == reflect.String:
		dst.SetString(strings.Clone(s))
		return nil
	case v.IsNil() && dst.Kind() != reflect.Interface:
		return misfit(v, dst, "a key cannot be nothing")
	}
	return toOf(dst.Type())(a, v, dst)
}

package payload

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A field is a field of a struct as its json tag names it; the rules are those
// of encoding/json.
type field struct {
	name      string
	index     []int
	typ       reflect.Type
	tagged    bool
	omitEmpty bool
	omitZero  bool
	quoted    bool // ",string": the scalar travels as its JSON text

	from func() fromFunc
	to   func() toFunc
}

type structFields struct {
	list   []*field
	byName map[string]*field
	opaque bool // it has fields and none of them can travel
}

var structs sync.Map // reflect.Type → *structFields

func fieldsOf(t reflect.Type) *structFields {
	if known, ok := structs.Load(t); ok {
		return known.(*structFields)
	}
	var found []*field
	collectFields(t, nil, nil, &found)
	s := &structFields{list: dominant(found), byName: map[string]*field{}}
	for _, f := range s.list {
		f.from = sync.OnceValue(func() fromFunc { return fromOf(f.typ) })
		f.to = sync.OnceValue(func() toFunc { return toOf(f.typ) })
		s.byName[f.name] = f
	}
	s.opaque = len(s.list) == 0 && t.NumField() > 0
	known, _ := structs.LoadOrStore(t, s)
	return known.(*structFields)
}

// collectFields lists the fields of a struct and of the structs embedded in it.
func collectFields(t reflect.Type, index []int, above []reflect.Type, found *[]*field) {
	if slices.Contains(above, t) {
		return
	}
	above = append(above[:len(above):len(above)], t)
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		tag := sf.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		embedded := sf.Type
		if embedded.Kind() == reflect.Pointer && embedded.Name() == "" {
			embedded = embedded.Elem()
		}
		inlined := sf.Anonymous && name == "" && embedded.Kind() == reflect.Struct && embedded != valueType
		switch {
		case tag == "-", !sf.IsExported() && !inlined:
			continue
		case inlined:
			collectFields(embedded, at, above, found)
			continue
		}
		f := &field{name: cmp.Or(name, sf.Name), index: at, typ: sf.Type, tagged: name != ""}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				f.omitEmpty = true
			case "omitzero":
				f.omitZero = true
			case "string":
				f.quoted = quotable(sf.Type)
			}
		}
		*found = append(*found, f)
	}
}

func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return k >= reflect.Bool && k <= reflect.Uintptr || k == reflect.Float32 || k == reflect.Float64 || k == reflect.String
}

// dominant keeps one field of each name: the least deep one, a tagged one before
// others, none when that does not decide.
func dominant(found []*field) []*field {
	best := map[string][]*field{}
	rank := func(f *field) int {
		if f.tagged {
			return 2 * len(f.index)
		}
		return 2*len(f.index) + 1
	}
	for _, f := range found {
		rivals := best[f.name]
		switch {
		case len(rivals) == 0 || rank(f) == rank(rivals[0]):
			best[f.name] = append(rivals, f)
		case rank(f) < rank(rivals[0]):
			best[f.name] = []*field{f}
		}
	}
	return slices.DeleteFunc(found, func(f *field) bool {
		rivals := best[f.name]
		return len(rivals) != 1 || rivals[0] != f
	})
}

// in returns the field of a struct; ok is false behind a nil embedded pointer.
func (f *field) in(v reflect.Value) (_ reflect.Value, ok bool) {
	if len(f.index) == 1 {
		return v.Field(f.index[0]), true
	}
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// reach is in for those who set the field: embedded pointers get a struct. ok is
// false where reflection may not do that, behind the name of an unexported type.
func (f *field) reach(v reflect.Value) (_ reflect.Value, ok bool) {
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// left reports whether the options of the tag leave the field out.
func (f *field) left(v reflect.Value) bool {
	if f.omitZero {
		if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
			if z.IsZero() {
				return true
			}
		} else if v.IsZero() {
			return true
		}
	}
	if !f.omitEmpty {
		return false
	}
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// named returns the field that a member goes to: that of the same name, else one
// that differs in case only.
func (s *structFields) named(name string) *field {
	if f := s.byName[name]; f != nil {
		return f
	}
	for _, f := range s.list {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

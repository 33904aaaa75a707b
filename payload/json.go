package payload

import (
	"strconv"
)

// AppendJSON writes a value as plain JSON. That immutable containers become
// objects and arrays, and a Shredder its state, is the point of it; members that
// are undefined are absent, a number that is a key becomes a string, −0 stays −0.
// It refuses what JSON cannot say (an [*UnsupportedError] with the path; dst is
// returned as it was): NaN and infinities, undefined in arrays, holes, members
// of arrays, Map and Set of JavaScript, other keys, and values that contain
// themselves. Use [Plain] to have them changed as JavaScript does.
func AppendJSON(dst []byte, v Value) ([]byte, error) {
	w := jsonWriter{out: dst, meter: newMeter(Limits{})}
	if v.Kind() == KindUndefined {
		v = Null
	}
	if err := w.value(v); err != nil {
		return dst, endless(v, err)
	}
	return w.out, nil
}

// MarshalJSON is [AppendJSON], so that a Value may be part of what encoding/json
// writes.
func (v Value) MarshalJSON() ([]byte, error) { return AppendJSON(nil, v) }

type jsonWriter struct {
	out       []byte
	plainOnly bool // refuse immutable values: in a message their kind would be lost
	functions bool // write functions, as the strings of their source
	meter
}

func (w *jsonWriter) value(v Value) error {
	switch v.Kind() {
	case KindNull:
		w.out = append(w.out, "null"...)
	case KindBool:
		w.out = strconv.AppendBool(w.out, v.bool())
	case KindNumber:
		return w.number(v)
	case KindString:
		return w.string(v.str())
	case KindFunc:
		if !w.functions {
			return refuse(v, inJSON)
		}
		return w.string(v.str())
	case KindBytes:
		w.bytes(v.bytes())
	case KindShredder:
		if w.plainOnly {
			return w.tooDeep(v)
		}
		return w.value(v.State())
	default:
		if !v.Kind().container() {
			return refuse(v, inJSON)
		}
		return w.container(v)
	}
	return nil
}

func (w *jsonWriter) string(s string) error {
	out, ok := appendString(w.out, s)
	if !ok {
		return notUTF8(inJSON)
	}
	w.out = out
	return nil
}

func (w *jsonWriter) number(v Value) error {
	f := v.float()
	switch {
	case f-f != 0:
		return refuse(v, inJSON)
	case v.isLiteral():
		w.out = append(w.out, v.literal()...)
	case v.negativeZero():
		w.out = append(w.out, "-0"...)
	default:
		w.out = appendNumber(w.out, f)
	}
	return nil
}

// bytes writes a buffer as JSON.stringify does.
func (w *jsonWriter) bytes(b []byte) {
	w.out = append(w.out, `{"type":"Buffer","data":[`...)
	for i, c := range b {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = strconv.AppendUint(w.out, uint64(c), 10)
	}
	w.out = append(w.out, "]}"...)
}

func (w *jsonWriter) tooDeep(v Value) error {
	return unsupported(v.Kind().article(), "would lose its kind so deep in a message",
		"move it up to data or a direct member of data, or send its Plain form")
}

func (w *jsonWriter) container(v Value) error {
	n := v.node()
	switch {
	case w.plainOnly && v.Kind().Immutable():
		return w.tooDeep(v)
	case v.Kind() == KindJSMap, v.Kind() == KindJSSet:
		return refuse(v, inJSON)
	case n.members != nil:
		return unsupported("an array with members of its own", inJSON, "it travels inside an immutable value")
	}
	if err := w.enter(n.len()); err != nil {
		return err
	}
	defer w.leave()
	if n.kind.keyed() {
		return w.object(n)
	}
	return w.array(n)
}

func (w *jsonWriter) array(n *node) error {
	w.out = append(w.out, '[')
	for i, v := range n.slots {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.value(v); err != nil {
			return within(n.step(i), err)
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *jsonWriter) object(n *node) error {
	w.out = append(w.out, '{')
	first := true
	for i := 0; i < len(n.slots); i += 2 {
		if n.slots[i+1].Kind() == KindUndefined {
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		if err := w.member(n, i); err != nil {
			return within(n.step(i+1), err)
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *jsonWriter) member(n *node, i int) error {
	key := n.slots[i]
	if key.Kind() == KindNumber {
		key = String(key.String())
		if n.find(key) >= 0 {
			return unsupported("the number and the string "+key.str()+" as keys", inJSON, "they would become one")
		}
	}
	if key.Kind() != KindString {
		return unsupported("a key that is "+key.Kind().article(), inJSON, "it travels inside an immutable value")
	}
	if err := w.string(key.str()); err != nil {
		return err
	}
	w.out = append(w.out, ':')
	return w.value(n.slots[i+1])
}

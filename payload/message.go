package payload

import (
	"encoding/json"
	"reflect"
	"strings"
	"unsafe"
)

// Parts are the members of a message that make up its payload (protocol §7.2,
// §7.4), as raw JSON: what a proxy passes on untouched, what [Unpack] reads and
// [Pack] writes.
type Parts struct {
	Data  json.RawMessage // data; nil: the message has none
	Immu  json.RawMessage // _xImmu; nil: none
	Shred json.RawMessage // _xShred; nil: none
	Chunk []byte          // the third argument of the frame; nil: none
}

// Unpack returns the payload of a message as a value tree: what was sent as
// immutable or Shredder stands in its place again, at data, at its members, and
// so on inside data.data; the chunk is in the member chunk if that is null.
// Without data it returns [Undefined]. Use it for messages with _xcraftMessage
// only: the others have no such members.
//
// The error is a [*SyntaxError] or [*LimitError], within a [*PartError] when it
// is in the text of an immutable value.
func Unpack(p Parts, l Limits) (Value, error) {
	u := unpacker{meter: newMeter(l), arena: new(arena)}
	if err := u.limits.text(len(p.Data)); err != nil {
		return Undefined, err
	}
	return u.payload(p, string(p.Data))
}

// UnpackInto stores the payload of a message in what dst points to, as [To]
// does: whether it came as immutable, Shredder or plain value makes no
// difference, so a Go type can be asked for without knowing. A *[Value] gets the
// tree of [Unpack], a *[json.RawMessage] plain data byte for byte.
func UnpackInto(p Parts, dst any, l Limits) error {
	v, done, err := unpackFor(p, dst, l)
	defer done()
	if err != nil {
		return err
	}
	if raw, ok := dst.(*json.RawMessage); ok && len(p.Immu)+len(p.Shred) == 0 && p.Chunk == nil && !nested(v) {
		*raw = append((*raw)[:0], p.Data...)
		return nil
	}
	return To(v, dst)
}

// unpackFor is Unpack for a destination that mostly keeps nothing of the value,
// which then is over when done is called.
func unpackFor(p Parts, dst any, l Limits) (v Value, done func(), err error) {
	if t := reflect.TypeOf(dst); t == nil || keepsValues(t) {
		v, err = Unpack(p, l)
		return v, func() {}, err
	}
	s := scratches.Get().(*scratch)
	u := unpacker{meter: newMeter(l), arena: &s.arena, stack: s.stack}
	if err := u.limits.text(len(p.Data)); err != nil {
		return Undefined, s.release, err
	}
	v, err = u.payload(p, unsafe.String(unsafe.SliceData(p.Data), len(p.Data)))
	s.stack = u.stack
	return v, s.release, err
}

// nested reports whether data.data makes the payload more than its plain data.
func nested(v Value) bool { return v.Kind() == KindObject && v.Get("data").truthy() }

const immuPart, shredPart = "_xImmu", "_xShred"

// An unpacker works on containers that nobody else has yet: it changes them.
type unpacker struct {
	meter
	*arena
	stack []Value
}

func (u *unpacker) payload(p Parts, data string) (Value, error) {
	v, err := u.parse(data)
	if err != nil {
		return Undefined, err
	}
	immu, err := u.part(p.Immu, immuPart)
	if err != nil {
		return Undefined, err
	}
	shred, err := u.part(p.Shred, shredPart)
	if err != nil {
		return Undefined, err
	}
	if v, err = u.level(v, immu, shred); err != nil {
		return Undefined, err
	}
	if n := v.node(); p.Chunk != nil && v.Kind() == KindObject {
		if at := n.find(String("chunk")); at >= 0 && n.slots[2*at+1].Kind() == KindNull {
			n.slots[2*at+1] = Bytes(p.Chunk)
		}
	}
	return v, nil
}

// parse reads data, none is undefined.
func (u *unpacker) parse(text string) (Value, error) {
	if text == "" {
		return Undefined, nil
	}
	p := parser{scanner: scanner{s: text}, meter: meter{limits: u.limits}, arena: u.arena, stack: u.stack}
	v, err := p.document()
	u.stack = p.stack
	return v, err
}

// part parses one of the other parts.
func (u *unpacker) part(raw json.RawMessage, name string) (Value, error) {
	if len(raw) == 0 {
		return Undefined, nil
	}
	v, err := ParseJSON(raw, u.limits)
	if err != nil {
		return Undefined, &PartError{Part: name, Err: err}
	}
	return v, nil
}

// level puts the values of the two parts into data, then looks into data.data.
func (u *unpacker) level(data, immu, shred Value) (Value, error) {
	if err := u.enter(0); err != nil {
		return Undefined, err
	}
	defer u.leave()
	data, err := u.restore(data, immu, immuPart)
	if err != nil {
		return Undefined, err
	}
	if data, err = u.restore(data, shred, shredPart); err != nil {
		return Undefined, err
	}
	n := data.node()
	if data.Kind() != KindObject {
		return data, nil
	}
	at := n.find(String("data"))
	if at < 0 || !n.slots[2*at+1].truthy() {
		return data, nil
	}
	immu, shred = n.remove(immuPart), n.remove(shredPart)
	at = n.find(String("data"))
	n.slots[2*at+1], err = u.level(n.slots[2*at+1], immu, shred)
	return data, err
}

// remove takes one of the parts out of data, where it stands beside data.data.
func (n *node) remove(name string) Value {
	at := n.find(String(name))
	if at < 0 || !n.slots[2*at+1].truthy() {
		return Undefined
	}
	v := n.slots[2*at+1]
	n.slots = append(n.slots[:2*at], n.slots[2*at+2:]...)
	n.keys.Store(nil)
	return v
}

func (u *unpacker) restore(data, part Value, name string) (Value, error) {
	if !part.truthy() {
		return data, nil
	}
	if part.Kind() != KindObject {
		return Undefined, &PartError{Part: name, Err: &SyntaxError{Reason: "an object was expected, not " + part.Kind().article()}}
	}
	for key, text := range part.All() {
		v, err := u.decode(text, name)
		if err == nil {
			data, err = put(data, key, v)
		}
		if err != nil {
			return Undefined, &PartError{Part: name, Key: strings.Clone(key.str()), Err: err}
		}
	}
	return data, nil
}

func (u *unpacker) decode(text Value, name string) (Value, error) {
	s, ok := text.Str()
	if !ok {
		return Undefined, &SyntaxError{Reason: "a string was expected, not " + text.Kind().article()}
	}
	v, err := decode(s, u.limits)
	if err == nil && name == shredPart {
		v = ofNode(&node{kind: KindShredder, slots: []Value{v}})
	}
	return v, err
}

// put sets data itself or one of its members.
func put(data, key, v Value) (Value, error) {
	n := data.node()
	if key.str() == "." {
		return v, nil
	}
	switch data.Kind() {
	case KindObject:
		n.set(key, v)
		return data, nil
	case KindArray:
		if at, ok := arrayIndex(key.str()); ok && at < len(n.slots) {
			n.slots[at] = v
			return data, nil
		}
	}
	return data, &SyntaxError{Reason: "data is " + data.Kind().article() + " and has no such place"}
}

package payload

import (
	"strconv"
	"sync"
)

// Append writes the text of an immutable value (protocol §7.3), byte for byte as
// the reference writes it for the same entries in the same order. The text of a
// Shredder is that of its state: only the place in a message tells them apart.
//
// The error is an [*UnsupportedError] that names the path of what the text
// cannot carry; dst is then returned as it was.
func Append(dst []byte, v Value) ([]byte, error) {
	for v.Kind() == KindShredder {
		v = v.node().slots[0]
	}
	e := encoders.Get().(*encoder)
	defer e.release()
	e.keys.reset()
	e.out = dst
	if err := e.document(v); err != nil {
		return dst, e.located(v, err)
	}
	return e.out, nil
}

// An encoder writes the objects in the order of their numbers. What a container
// holds gets its numbers when the container is written, so the order is that of
// the reference: breadth first.
type encoder struct {
	out     []byte
	objects []Value // by number; containers are numbered by identity
	keys    index   // finds the number of an object
	holder  *node   // where the value is that was refused
	slot    int
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) release() {
	const worthKeeping = 1 << 18
	if cap(e.objects) > worthKeeping {
		return
	}
	clear(e.objects)
	*e = encoder{objects: e.objects[:0], keys: e.keys}
	encoders.Put(e)
}

func (e *encoder) document(root Value) error {
	e.out = append(e.out, `{"index":`...)
	number, err := e.number(root)
	if err != nil {
		return err
	}
	e.out = appendInt(e.out, number)
	e.out = append(e.out, `,"objects":[`...)
	for i := 0; i < len(e.objects); i++ {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.object(e.objects[i]); err != nil {
			return err
		}
	}
	e.out = append(e.out, "]}"...)
	return nil
}

// number returns the position of a value in the objects, or its code. Equal
// scalars share a position, and so does a container that is met again.
func (e *encoder) number(v Value) (int, error) {
	switch v.Kind() {
	case KindNull:
		return -1, nil
	case KindUndefined, kindHole:
		return -2, nil
	case KindNumber:
		if code, err := numberCode(v); code != 0 || err != nil {
			return code, err
		}
		v = Number(v.float())
	case KindBytes, KindFunc, KindShredder, KindInvalid:
		return 0, refuse(v, inImmutable)
	}
	if e.keys.full() {
		e.keys.grow(func(at int) uint64 { return e.objects[at].hash() })
	}
	hash := v.hash()
	slot, found := e.keys.seek(hash, func(at int) bool { return same(e.objects[at], v) })
	if found {
		return int(e.keys.numbers[slot]), nil
	}
	e.keys.put(slot, hash, len(e.objects))
	e.objects = append(e.objects, v)
	return len(e.objects) - 1, nil
}

// numberCode returns the code of a number that has one, else 0.
func numberCode(v Value) (int, error) {
	f := v.float()
	switch {
	case f != f:
		return -3, nil
	case v.negativeZero():
		return -4, nil
	case f == negativeInfinity:
		return -5, nil
	case f == infinity:
		return -6, nil
	case v.rounded():
		return 0, refuse(v, inImmutable)
	}
	return 0, nil
}

// object writes one object of the table.
func (e *encoder) object(v Value) error {
	switch v.Kind() {
	case KindString:
		out, ok := appendString(e.out, v.str())
		if !ok {
			return notUTF8(inImmutable)
		}
		e.out = out
	case KindNumber:
		e.out = appendNumber(e.out, v.float())
	case KindBool:
		e.out = strconv.AppendBool(e.out, v.bool())
	default:
		return e.container(v.node())
	}
	return nil
}

func (e *encoder) container(n *node) error {
	e.out = append(e.out, '[')
	var err error
	switch n.kind {
	case KindObject:
		e.out = appendInt(e.out, typeObject)
		err = e.members(n)
	case KindArray:
		e.out = appendInt(e.out, typeArray)
		err = e.array(n)
	case KindJSMap:
		if err = e.withMembers(n, typeJSMap); err == nil {
			err = e.values(n)
		}
	case KindJSSet:
		if err = e.withMembers(n, typeJSSet); err == nil {
			err = e.values(n)
		}
	case KindMap:
		e.out = appendInt(e.out, typeMap)
		err = e.values(n)
	case KindOrderedMap:
		e.out = appendInt(e.out, typeOrderedMap)
		err = e.values(n)
	case KindList:
		e.out = appendInt(e.out, typeList)
		err = e.values(n)
	case KindSet:
		e.out = appendInt(e.out, typeSet)
		err = e.values(n)
	case KindOrderedSet:
		e.out = appendInt(e.out, typeOrderedSet)
		err = e.values(n)
	}
	e.out = append(e.out, ']')
	return err
}

// values writes what a list or a set holds, and the entries of a map: a key
// gets its number before its value.
func (e *encoder) values(n *node) error {
	for i, v := range n.slots {
		number, err := e.number(v)
		if err != nil {
			return e.fail(n, i, err)
		}
		e.out = appendInt(append(e.out, ','), number)
	}
	return nil
}

// members writes the members of a plain object; the value gets its number first.
func (e *encoder) members(n *node) error {
	for i := 0; i < len(n.slots); i += 2 {
		if n.slots[i].str() == "__proto__" {
			return e.fail(n, i+1, unsupported("a member named __proto__", inImmutable,
				"a JavaScript receiver would lose it, use a Map"))
		}
		if err := e.pair(n, i+1, n.slots[i], n.slots[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) pair(n *node, slot int, key, value Value) error {
	second, err := e.number(value)
	if err != nil {
		return e.fail(n, slot, err)
	}
	first, err := e.number(key)
	if err != nil {
		return e.fail(n, slot, err)
	}
	e.out = appendInt(append(e.out, ','), first)
	e.out = appendInt(append(e.out, ','), second)
	return nil
}

// array writes elements with their position as key, then the members.
func (e *encoder) array(n *node) error {
	if last := len(n.slots) - 1; last >= 0 && n.slots[last].Kind() == kindHole {
		return e.fail(n, last, unsupported("a hole at the end of an array", inImmutable,
			"the text does not have the length of arrays, end with an element"))
	}
	for i, v := range n.slots {
		if v.Kind() == kindHole {
			continue
		}
		if err := e.pair(n, i, String(strconv.Itoa(i)), v); err != nil {
			return err
		}
	}
	if n.members == nil {
		return nil
	}
	return e.members(n.members)
}

// withMembers writes the type of a Set or Map of JavaScript, and its own members
// when it has any.
func (e *encoder) withMembers(n *node, bare int) error {
	if n.members == nil {
		e.out = appendInt(e.out, bare)
		return nil
	}
	e.out = appendInt(e.out, bare+1)
	e.out = appendInt(append(e.out, ','), n.members.len())
	return e.members(n.members)
}

// fail notes where the value is that was refused.
func (e *encoder) fail(n *node, slot int, err error) error {
	e.holder, e.slot = n, slot
	return err
}

// located gives an error its path, which nobody keeps while all goes well. A
// string that is not UTF-8 is found by what it is: it may be used many times.
func (e *encoder) located(root Value, err error) error {
	return within(pathTo(root, func(n *node, slot int) bool {
		if e.holder != nil {
			return n == e.holder && slot == e.slot
		}
		v := n.slots[slot]
		return v.Kind() == KindString && !writable(v.str())
	}), err)
}

package payload

import (
	"encoding/json"
	"slices"
)

// Pack makes the parts of a message of a Go value: of a [Value], of anything
// that contains some, or of whatever [From] converts. Immutable containers and
// Shredders that are the value itself or a direct member of it go to Immu and
// Shred, and so on inside data.data; a buffer that is the member chunk goes to
// Chunk (null there is left out: a real hall would put its own socket there);
// everything else is plain JSON. A json.RawMessage goes as it is.
//
// What the receiver would not get as it is, is refused with an
// [*UnsupportedError]: an immutable value deeper than that (JavaScript sends a
// plain object), a buffer as data (it sends an empty one), NaN (null), and what
// else [AppendJSON] refuses. [Plain] makes the change when it is wanted.
func Pack(v any) (Parts, error) {
	if raw, ok := v.(json.RawMessage); ok && json.Valid(raw) {
		return Parts{Data: raw}, nil
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	c := converter{style: plain, meter: newMeter(Limits{}), arena: &s.arena, above: s.above}
	value, err := c.any(v)
	s.above = c.above
	if err != nil {
		return Parts{}, err
	}
	if value.Kind() == KindUndefined {
		return Parts{}, nil
	}
	p := packer{jsonWriter: jsonWriter{meter: newMeter(Limits{}), plainOnly: true, out: s.out[:0]}, text: s.text[:0]}
	err = p.root(value)
	s.out, s.text = p.out, p.text
	if err != nil {
		return Parts{}, endless(value, err)
	}
	return Parts{Data: slices.Clone(p.out), Immu: p.top[0].body(), Shred: p.top[1].body(), Chunk: p.chunk}, nil
}

// A packer writes data and collects beside it what the other parts hold.
type packer struct {
	jsonWriter
	top   sides
	chunk []byte
	text  []byte // of an immutable value, to be quoted
}

// Sides are the two parts of one level, [0] immutable and [1] Shredder.
type sides [2]side

// A side is one of them: the members of a JSON object so far.
type side struct{ members []byte }

func (s *side) body() json.RawMessage {
	if s.members == nil {
		return nil
	}
	return append(s.members, '}')
}

func (p *packer) root(v Value) error {
	switch {
	case v.Kind() == KindBytes:
		return unsupported("a buffer", "cannot be data itself", "make it the member chunk of data")
	case v.Kind().Immutable(), v.Kind() == KindShredder:
		p.out = append(p.out, "null"...)
		return p.aside(&p.top, ".", v)
	case v.Kind() == KindObject, v.Kind() == KindArray:
		return p.level(v, &p.top, true)
	}
	return p.value(v)
}

// aside writes a value into one of the two parts.
func (p *packer) aside(s *sides, key string, v Value) error {
	to := &s[0]
	if v.Kind() == KindShredder {
		to = &s[1]
	}
	text, err := Append(p.text[:0], v)
	if err != nil {
		return err
	}
	p.text = text
	if to.members == nil {
		to.members = append(make([]byte, 0, len(text)+len(text)/4+32), '{')
	} else {
		to.members = append(to.members, ',')
	}
	var ok bool
	if to.members, ok = appendString(to.members, key); !ok {
		return notUTF8(inJSON)
	}
	to.members = append(to.members, ':')
	to.members, _ = appendString(to.members, string(text))
	return nil
}

// level writes data, or one of the data inside data.
func (p *packer) level(v Value, s *sides, top bool) error {
	n := v.node()
	if n.members != nil {
		return p.value(v) // refused there
	}
	if err := p.enter(n.len()); err != nil {
		return err
	}
	defer p.leave()
	if v.Kind() == KindArray {
		return p.elements(n, s)
	}
	p.out = append(p.out, '{')
	empty := true
	for i := 0; i < len(n.slots); i += 2 {
		name, member := n.slots[i].str(), n.slots[i+1]
		isChunk := top && name == "chunk"
		if member.Kind() == KindUndefined || isChunk && member.Kind() == KindNull {
			continue
		}
		if !empty {
			p.out = append(p.out, ',')
		}
		empty = false
		if err := p.write(n, name, member, s, isChunk); err != nil {
			return within(nameStep(name), err)
		}
	}
	p.out = append(p.out, '}')
	return nil
}

func (p *packer) write(n *node, name string, v Value, s *sides, isChunk bool) error {
	if (name == immuPart || name == shredPart) && ofNode(n).Get("data").truthy() {
		return unsupported("a member of this name beside data.data", "is taken", "the receiver would decode it, rename it")
	}
	if err := p.string(name); err != nil {
		return err
	}
	p.out = append(p.out, ':')
	switch {
	case isChunk && v.Kind() == KindBytes:
		p.chunk = v.bytes()
		p.out = append(p.out, "null"...)
		return nil
	case v.Kind().Immutable(), v.Kind() == KindShredder:
		if isChunk {
			return unsupported(v.Kind().article(), "cannot be the chunk", "a real hall would put its own socket there, rename the member")
		}
		p.out = append(p.out, "null"...)
		return p.aside(s, name, v)
	case name == "data" && (v.Kind() == KindObject || v.Kind() == KindArray):
		return p.inner(v)
	}
	return p.value(v)
}

// inner writes data.data, and right behind it the parts of that level, which
// stand inside data. The reference puts that first which was needed first.
func (p *packer) inner(v Value) error {
	var s sides
	if err := p.level(v, &s, false); err != nil {
		return err
	}
	order := [2]int{0, 1}
	if firstAside(v) == KindShredder {
		order = [2]int{1, 0}
	}
	for _, i := range order {
		if body := s[i].body(); body != nil {
			name := [2]string{immuPart, shredPart}[i]
			p.out = append(p.out, `,"`+name+`":`...)
			p.out = append(p.out, body...)
		}
	}
	return nil
}

// firstAside returns the kind of the first element or member that is not plain.
func firstAside(v Value) Kind {
	for _, member := range v.All() {
		if member.Kind().Immutable() || member.Kind() == KindShredder {
			return member.Kind()
		}
	}
	return KindUndefined
}

func (p *packer) elements(n *node, s *sides) error {
	p.out = append(p.out, '[')
	for i, v := range n.slots {
		if i > 0 {
			p.out = append(p.out, ',')
		}
		var err error
		if v.Kind().Immutable() || v.Kind() == KindShredder {
			p.out = append(p.out, "null"...)
			err = p.aside(s, string(appendInt(nil, i)), v)
		} else {
			err = p.value(v)
		}
		if err != nil {
			return within(n.step(i), err)
		}
	}
	p.out = append(p.out, ']')
	return nil
}

package payload

// ParseJSON reads plain JSON into plain objects and arrays. Integers keep all
// their digits, for [To] and for [AppendJSON]; of equal names the last wins.
//
// The error is a [*SyntaxError] or a [*LimitError].
func ParseJSON(text []byte, l Limits) (Value, error) {
	if err := l.filled().text(len(text)); err != nil {
		return Undefined, err
	}
	return parse(string(text), l)
}

// parse is ParseJSON of a text that the value may keep.
func parse(text string, l Limits) (Value, error) {
	p := parser{scanner: scanner{s: text}, meter: newMeter(l), arena: new(arena)}
	return p.document()
}

func (p *parser) document() (Value, error) {
	if err := p.valid(); err != nil {
		return Undefined, err
	}
	v, err := p.value()
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return Undefined, err
	}
	return v, nil
}

type parser struct {
	scanner
	meter
	*arena
	stack []Value // what the open containers hold so far
}

func (p *parser) value() (Value, error) {
	switch p.peek() {
	case '"':
		s, err := p.str()
		return String(s), err
	case '{':
		return p.container(KindObject, '}')
	case '[':
		return p.container(KindArray, ']')
	case 't':
		return Bool(true), p.word("true")
	case 'f':
		return Bool(false), p.word("false")
	case 'n':
		return Null, p.word("null")
	}
	f, literal, err := p.num()
	if literal != "" {
		return exact(f, literal), err
	}
	return Number(f), err
}

func (p *parser) container(kind Kind, closing byte) (Value, error) {
	if err := p.enter(0); err != nil {
		return Undefined, err
	}
	defer p.leave()
	n, base := p.node(kind), len(p.stack)
	for more := p.opens(closing); more; {
		if kind == KindObject {
			name, err := p.name()
			if err != nil {
				return Undefined, err
			}
			p.stack = append(p.stack, String(name))
		}
		v, err := p.value()
		if err != nil {
			return Undefined, err
		}
		p.stack = append(p.stack, v)
		if p.values++; p.values > p.limits.Values {
			return Undefined, &LimitError{Limit: "Values", Max: p.limits.Values}
		}
		if more, err = p.more(closing); err != nil {
			return Undefined, err
		}
	}
	n.slots = append(p.take(len(p.stack)-base), p.stack[base:]...)
	p.stack = p.stack[:base]
	if kind == KindObject {
		n.unify()
	}
	return ofNode(n), nil
}

// unify leaves one of equal names: the last value, where the first was.
func (n *node) unify() {
	if n.len() <= indexed {
		for i := 2; i < len(n.slots); i += 2 {
			for j := 0; j < i; j += 2 {
				if same(n.slots[i], n.slots[j]) {
					n.rebuild()
					return
				}
			}
		}
		return
	}
	if x := n.indexKeys(); x.used < n.len() {
		n.rebuild()
	} else {
		n.keys.Store(x)
	}
}

// rebuild sets all entries again, one after the other.
func (n *node) rebuild() {
	all := n.slots
	n.slots = make([]Value, 0, len(all))
	for i := 0; i < len(all); i += 2 {
		n.set(all[i], all[i+1])
	}
}

// UnmarshalJSON reads plain JSON, so that a Value may be part of what
// encoding/json reads.
func (v *Value) UnmarshalJSON(text []byte) error {
	parsed, err := ParseJSON(text, Limits{})
	if err == nil {
		*v = parsed
	}
	return err
}

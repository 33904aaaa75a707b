package payload

import "strings"

// String returns a string as it is, and anything else in the notation of
// Immutable.js: Map { "a": 1 }. It is for people, and cut short when it is long.
func (v Value) String() string {
	if s, ok := v.Str(); ok {
		return s
	}
	p := printer{}
	p.value(v)
	return p.String()
}

type printer struct {
	strings.Builder
	depth int
}

const (
	printedBytes = 64 << 10
	printedDepth = 32
)

func (p *printer) value(v Value) {
	switch v.Kind() {
	case KindBool:
		p.write(map[bool]string{false: "false", true: "true"}[v.bool()])
	case KindNumber:
		if v.negativeZero() {
			p.write("-0")
		} else {
			p.write(v.digits())
		}
	case KindString:
		quoted, _ := appendString(nil, v.str())
		p.Write(quoted)
	case KindFunc:
		p.write(v.str())
	case KindBytes:
		p.write("buffer")
	case KindInvalid:
		p.write("invalid (" + v.Err().Error() + ")")
	case kindHole:
		p.write("empty")
	default:
		if v.Kind().container() {
			p.container(v.node())
		} else {
			p.write(v.Kind().String())
		}
	}
}

func (p *printer) write(s string) { p.WriteString(s) }

func (p *printer) container(n *node) {
	if n.kind == KindShredder {
		p.write("Shredder ")
		p.value(n.slots[0])
		return
	}
	brackets := "{}"
	switch {
	case n.kind.sequence():
		brackets = "[]"
	case n.kind == KindJSMap, n.kind == KindJSSet:
		p.write("JS")
	}
	if n.kind != KindObject && n.kind != KindArray {
		p.write(n.kind.name() + " ")
	}
	p.depth++
	defer func() { p.depth-- }()
	p.write(brackets[:1])
	separator := " "
	for i := range n.len() {
		p.write(separator)
		separator = ", "
		if p.Len() > printedBytes || p.depth > printedDepth {
			p.write("…")
			break
		}
		if n.kind.keyed() {
			p.value(n.key(i))
			p.write(": ")
			p.value(n.slots[2*i+1])
		} else {
			p.value(n.slots[i])
		}
	}
	if n.members != nil {
		p.write(separator)
		p.write("+ ")
		p.container(n.members)
		separator = ", "
	}
	if separator == ", " {
		p.write(" ")
	}
	p.write(brackets[1:])
}

// name is the name of the class.
func (k Kind) name() string {
	switch k {
	case KindJSMap:
		return "Map"
	case KindJSSet:
		return "Set"
	}
	return k.String()
}

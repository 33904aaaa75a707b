package payload

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// Decode reads the text of an immutable value (protocol §7.3). It accepts what
// the reference accepts: any numbering, the type map and the dense arrays of its
// second protocol, indexes that lead nowhere (they are undefined). It needs no
// recursion and takes memory in proportion to the text, within the limits.
//
// The error is a [*SyntaxError] or a [*LimitError].
func Decode(text []byte, l Limits) (Value, error) {
	return decode(unsafe.String(unsafe.SliceData(text), len(text)), l)
}

// decode reads a text that nobody changes meanwhile; the value keeps no part of it.
func decode(text string, l Limits) (Value, error) {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.scanner = scanner{s: text}
	d.limits = l.filled()
	if err := d.limits.text(len(text)); err != nil {
		return Undefined, err
	}
	if err := d.valid(); err != nil {
		return Undefined, err
	}
	if err := d.document(); err != nil {
		return Undefined, err
	}
	return d.link()
}

// A decoder first reads the table of objects as it stands, then links what can
// be reached from the root.
type decoder struct {
	scanner
	limits Limits

	root    int32
	rooted  bool // the text names a root
	listed  bool // the text has objects
	table   []object
	chars   []byte  // what the strings consist of
	spans   []span  // the containers
	edges   []int32 // what the containers hold: indexes, codes and marks
	typeMap *[maxType + 1]int32

	linker
}

// A span is where the edges of a container are.
type span struct {
	from, to int32
	kind     int32 // as written: the type map may come later
	offset   int32 // where the text has it
}

// What an edge may be beside an index or one of the codes -1 to -6.
const (
	edgeNowhere int32 = -7       // no index at all: undefined
	edgeGap     int32 = -1 << 31 // the empty array that structures dense arrays
)

const maxType = 11

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// release gives the memory back that is only needed while decoding, unless it
// is much.
func (d *decoder) release() {
	const worthKeeping = 1 << 18
	if cap(d.table)+cap(d.edges) > worthKeeping {
		return
	}
	spare := decoder{table: d.table[:0], chars: d.chars[:0], spans: d.spans[:0], edges: d.edges[:0]}
	spare.linker.reuse(&d.linker)
	*d = spare
	decoders.Put(d)
}

// document reads {"index":N,"objects":[…],"typeMap":{…}} in any order.
func (d *decoder) document() error {
	if d.peek() != '{' {
		return d.fail("expected '{': this is not the text of an immutable value")
	}
	for more := d.opens('}'); more; {
		name, err := d.name()
		if err != nil {
			return err
		}
		d.peek()
		switch name {
		case "index":
			err = d.index()
		case "objects":
			err = d.objects()
		case "typeMap":
			err = d.types()
		default:
			err = d.skip(0)
		}
		if err != nil {
			return err
		}
		if more, err = d.more('}'); err != nil {
			return err
		}
	}
	if err := d.end(); err != nil {
		return err
	}
	if !d.rooted {
		return d.fail("no index: this is not the text of an immutable value")
	}
	return nil
}

func (d *decoder) index() (err error) {
	d.root, err = d.edge()
	d.rooted = true
	return err
}

func (d *decoder) objects() error {
	if d.peek() != '[' {
		return d.fail("objects must be an array")
	}
	d.listed = true
	d.table, d.spans, d.edges, d.chars = d.table[:0], d.spans[:0], d.edges[:0], d.chars[:0]
	for more := d.opens(']'); more; {
		d.table = append(d.table, object{})
		o, err := &d.table[len(d.table)-1], error(nil)
		switch d.peek() {
		case '"':
			err = d.collect(o)
		case '[':
			err = d.container(o)
		default:
			err = d.other(o)
		}
		if err != nil {
			return err
		}
		if len(d.table)+len(d.edges) > d.limits.Values {
			return &LimitError{Limit: "Values", Max: d.limits.Values}
		}
		if d.i < len(d.s) && d.s[d.i] == ',' { // the usual case of more
			d.i++
			continue
		}
		if more, err = d.more(']'); err != nil {
			return err
		}
	}
	return nil
}

// other reads an object of the table that is no string and no container.
func (d *decoder) other(o *object) error {
	switch d.peek() {
	case 't':
		*o = object{kind: KindBool, bits: 1}
		return d.word("true")
	case 'f':
		*o = object{kind: KindBool}
		return d.word("false")
	case 'n', '{':
		*o = object{kind: kindBroken, bits: uint64(d.i)}
		return d.skip(0)
	default:
		f, _, err := d.num()
		*o = numberObject(f)
		return err
	}
}

// collect keeps the bytes of a string: eight at a time up to the end, which is
// the first that is special; appendStr reads what is less simple.
func (d *decoder) collect(o *object) (err error) {
	text, chars, offset := d.s, d.chars, len(d.chars)
	o.kind = KindString
	for i := d.i + 1; i+8 <= len(text); i += 8 {
		eight := load8(text[i:])
		chars = binary.LittleEndian.AppendUint64(chars, eight)
		if at := firstSpecial(eight); at < 8 {
			if byte(eight>>(8*at)) != '"' {
				break
			}
			length := len(chars) - 8 + at
			d.i, d.chars = i+at+1, chars[:length]
			o.bits = uint64(offset)<<32 | uint64(length-offset)
			return nil
		}
	}
	d.chars, err = d.appendStr(chars[:offset])
	o.bits = uint64(offset)<<32 | uint64(len(d.chars)-offset)
	return err
}

// container notes where the edges of a container are.
func (d *decoder) container(o *object) error {
	s := span{offset: int32(d.i), kind: -1, from: int32(len(d.edges))}
	more := d.opens(']')
	if i := d.i; more && i+1 < len(d.s) && d.s[i]-'0' <= 9 && d.s[i+1] == ',' { // the usual case
		s.kind, d.i = int32(d.s[i]-'0'), i+2
	} else if more {
		kind, err := d.edge()
		if err != nil {
			return err
		}
		s.kind = kind
		if more, err = d.more(']'); err != nil {
			return err
		}
	}
	if more {
		if err := d.allEdges(); err != nil {
			return err
		}
	}
	s.to = int32(len(d.edges))
	d.spans = append(d.spans, s)
	o.kind, o.bits = kindSpan, uint64(len(d.spans)-1)
	return nil
}

// allEdges reads what a container holds, up to its end. Nearly all edges are
// short integers, which is all that the inner loop knows, and well predicted.
func (d *decoder) allEdges() error {
	for {
		text, i, edges, next := d.s, d.i, d.edges, byte(',')
		for next == ',' && i+8 <= len(text) {
			n, end := int32(text[i]-'0'), i+1
			if n > 9 {
				break
			}
			for ; text[end]-'0' <= 9 && end < i+7; end++ {
				n = n*10 + int32(text[end]-'0')
			}
			if text[i] == '0' && end > i+1 {
				break
			}
			if next = text[end]; next != ',' && next != ']' {
				break
			}
			edges = append(edges, n)
			i = end + 1
		}
		d.i, d.edges = i, edges

		more := next != ']'
		if more {
			e, err := d.edge()
			if err != nil {
				return err
			}
			d.edges = append(d.edges, e)
			if more, err = d.more(']'); err != nil {
				return err
			}
		}
		if len(d.edges) > d.limits.Values {
			return &LimitError{Limit: "Values", Max: d.limits.Values}
		}
		if !more {
			return nil
		}
	}
}

// edge reads an index, a code, or the mark that structures dense arrays.
func (d *decoder) edge() (int32, error) {
	if d.peek() == '[' {
		if d.opens(']') {
			return 0, d.fail("expected an index, not an array")
		}
		return edgeGap, nil
	}
	f, _, err := d.num()
	switch {
	case err != nil:
		return 0, d.fail("expected an index")
	case f >= -6 && f <= 1<<31-1 && f == float64(int32(f)):
		return int32(f), nil
	}
	return edgeNowhere, nil
}

// types reads the type map, which says what the types of this text stand for.
func (d *decoder) types() error {
	if d.peek() != '{' {
		return d.fail("typeMap must be an object")
	}
	d.typeMap = new([maxType + 1]int32)
	for i := range d.typeMap {
		d.typeMap[i] = -1
	}
	for more := d.opens('}'); more; {
		written, err := d.name()
		if err != nil {
			return err
		}
		d.peek()
		kind, err := d.edge()
		if err != nil {
			return err
		}
		if i, ok := arrayIndex(written); ok && i <= maxType {
			d.typeMap[i] = kind
		}
		if more, err = d.more('}'); err != nil {
			return err
		}
	}
	return nil
}

// arrayIndex is the position that a member name of an array stands for.
func arrayIndex(name string) (int, bool) {
	if len(name) == 0 || len(name) > 10 || name[0] == '0' && len(name) > 1 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(name) {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n < 1<<32-1
}

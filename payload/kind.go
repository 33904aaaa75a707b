package payload

// Kind says what a [Value] is, in the words of JavaScript and Immutable.js.
type Kind uint8

// The kinds of values. From KindObject to KindJSSet they are the plain
// containers of JavaScript, from KindMap to KindOrderedSet those of Immutable.js.
const (
	KindUndefined  Kind = iota // what a missing member is; the zero Value
	KindNull                   // null
	KindBool                   // true or false
	KindNumber                 // a number, with NaN, ±Infinity and −0
	KindString                 // a string, lone surrogates included
	KindFunc                   // the source of a function of a serialized event: text, never run
	KindBytes                  // a buffer; it travels as data.chunk
	KindObject                 // plain object
	KindArray                  // plain array, with holes and members of its own
	KindJSMap                  // Map of JavaScript, with members of its own
	KindJSSet                  // Set of JavaScript, with members of its own
	KindMap                    // Map of Immutable.js
	KindOrderedMap             // OrderedMap of Immutable.js
	KindList                   // List of Immutable.js
	KindSet                    // Set of Immutable.js
	KindOrderedSet             // OrderedSet of Immutable.js
	KindShredder               // Shredder around another value
	KindInvalid                // what a constructor was given cannot travel: see [Value.Err]

	kindHole // a missing element of an array
)

var kindNames = [...]string{
	"undefined", "null", "boolean", "number", "string", "function", "buffer",
	"object", "array", "Map of JavaScript", "Set of JavaScript",
	"Map", "OrderedMap", "List", "Set", "OrderedSet", "Shredder", "invalid",
	"hole",
}

// String names the kind as error messages do.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// article is the name with its article.
func (k Kind) article() string {
	switch name := k.String(); name[0] {
	case 'a', 'i', 'o', 'O', 'u':
		return "an " + name
	default:
		return "a " + name
	}
}

// Immutable reports whether the kind is a container of Immutable.js.
func (k Kind) Immutable() bool { return k >= KindMap && k <= KindOrderedSet }

// Plain reports whether the kind is a container of JavaScript itself.
func (k Kind) Plain() bool { return k >= KindObject && k <= KindJSSet }

// container reports whether values of the kind have a node.
func (k Kind) container() bool { return k >= KindObject && k <= KindShredder }

// keyed kinds hold keys and values, in turn.
func (k Kind) keyed() bool {
	return k == KindObject || k == KindJSMap || k == KindMap || k == KindOrderedMap
}

// set kinds hold each value once.
func (k Kind) set() bool {
	return k == KindJSSet || k == KindSet || k == KindOrderedSet
}

// sequence kinds are addressed by position.
func (k Kind) sequence() bool { return k == KindArray || k == KindList }

// members reports whether the kind may have members beside its content.
func (k Kind) members() bool {
	return k == KindArray || k == KindJSMap || k == KindJSSet
}

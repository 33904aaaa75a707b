package payload

import "strings"

// Serialized returns the payload of a serialized event (protocol §6.6): a string
// is the text of JSON, in which functions stand as their source; they become
// values of [KindFunc], text that nothing runs. An object, which is what the
// reference really sends, is taken as it is.
//
// Where the reference makes a function of every string that begins with
// "function", only what looks like one is taken for it: "functional" stays a
// string.
func Serialized(data []byte, l Limits) (Value, error) {
	v, err := ParseJSON(data, l)
	if err != nil || v.Kind() != KindString {
		return v, err
	}
	if v, err = parse(v.str(), l); err != nil {
		return Undefined, err
	}
	return functions(v), nil
}

// AppendSerialized writes a value as the data of a serialized event: a JSON
// string with the text of the value, functions as their source.
func AppendSerialized(dst []byte, v any) ([]byte, error) {
	value, err := From(v)
	if err != nil {
		return dst, err
	}
	w := jsonWriter{meter: newMeter(Limits{}), plainOnly: true, functions: true}
	if err := w.value(value); err != nil {
		return dst, endless(value, err)
	}
	dst, _ = appendString(dst, string(w.out))
	return dst, nil
}

// functions turns the strings of a value that nobody else has yet into functions
// where they look like one.
func functions(v Value) Value {
	if v.Kind() == KindString && isFunction(v.str()) {
		return function(v.str())
	}
	if n := v.node(); n != nil {
		step, first := n.stride(), n.stride()-1
		for i := first; i < len(n.slots); i += step {
			n.slots[i] = functions(n.slots[i])
		}
	}
	return v
}

// isFunction reports whether a string is the source of a function: the word, a
// name or none, parameters and a body.
func isFunction(s string) bool {
	rest, ok := strings.CutPrefix(s, "function")
	if !ok {
		return false
	}
	name, behind, ok := strings.Cut(rest, "(")
	if !ok || strings.ContainsAny(name, "{}).,;'\"`") {
		return false
	}
	name = strings.TrimLeft(name, " \t\n\r*")
	if len(name) == len(rest)-len(behind)-1 && name != "" {
		return false // one word with what follows: functional(…)
	}
	_, body, ok := strings.Cut(behind, ")")
	return ok && strings.Contains(body, "{") && strings.HasSuffix(strings.TrimSpace(s), "}")
}

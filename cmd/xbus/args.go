package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/xcraft-go/xbus/rpc"
)

const argsHelp = `Arguments of the command:
  name=value     a member of its data; value is read as JSON where it is JSON (1, true, null, [1,2], "text"),
                 else it is a text; a value that takes several may be given several times
  name:=value    the same, always as a text
  value          the next parameter that the registry names
  {…} or […]     the whole data as JSON
  @file, -       the whole data as JSON, from a file or from stdin; members may follow`

// An object is JSON under construction: members keep their order.
type object struct {
	names  []string
	values map[string][]json.RawMessage
}

func (o *object) add(name string, v json.RawMessage) {
	if o.values == nil {
		o.values = map[string][]json.RawMessage{}
	}
	if !slices.Contains(o.names, name) {
		o.names = append(o.names, name)
	}
	o.values[name] = append(o.values[name], v)
}

// beneath puts the members of an object before those that are there, which
// count more.
func (o *object) beneath(raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return usage("leave the members out, or give an object", "members can be added to a JSON object only")
	}
	var base object
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(o.names, name) {
			base.add(name, members[name])
		}
	}
	for _, name := range o.names {
		for _, v := range o.values[name] {
			base.add(name, v)
		}
	}
	*o = base
	return nil
}

// encode writes the object; a variadic parameter is a list.
func (o *object) encode(variadic string) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, _ := json.Marshal(name)
		b.Write(quoted)
		b.WriteByte(':')
		values := o.values[name]
		if len(values) == 1 && (name != variadic || values[0][0] == '[') {
			b.Write(values[0])
			continue
		}
		list, _ := json.Marshal(values)
		b.Write(list)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// data makes the data of a command out of arguments, nil for none. params is
// what the registry says, nil for what has no entry.
func (a *app) data(args []string, params *rpc.Params) (json.RawMessage, error) {
	var base json.RawMessage
	if len(args) > 0 && isWhole(args[0]) {
		raw, err := a.whole(args[0])
		if err != nil {
			return nil, err
		}
		base, args = raw, args[1:]
		if len(args) == 0 {
			return base, nil
		}
	}
	if params == nil {
		params = &rpc.Params{}
	}
	var o object
	rest := slices.Concat(params.Required, params.Optional)
	variadic := ""
	if params.Variadic {
		variadic = rest[len(rest)-1]
	}
	next := 0
	for _, arg := range args {
		name, value, err := member(arg)
		switch {
		case err != nil:
			return nil, err
		case name != "":
		case next < len(rest):
			name = rest[next]
			if name != variadic {
				next++
			}
		default:
			return nil, usage("write name="+arg, "there is no parameter for %q", arg)
		}
		if name != variadic && len(o.values[name]) > 0 {
			return nil, usage("give it once; a list is "+name+"=[1,2]", "%s is given twice", name)
		}
		o.add(name, value)
	}
	if base != nil {
		if err := o.beneath(base); err != nil {
			return nil, err
		}
	}
	if len(o.names) == 0 {
		return nil, nil
	}
	return o.encode(variadic), nil
}

// check compares data with the parameters of a command: what is missing is an
// error, what is not known a warning.
func (a *app) check(data json.RawMessage, c rpc.Command) error {
	var members map[string]json.RawMessage
	if data != nil && json.Unmarshal(data, &members) != nil {
		return nil // no object: the command knows what it does
	}
	var missing []string
	for _, name := range c.Params.Required {
		if _, ok := members[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return usage("usage: xbus call "+synopsis(c)+"   see: xbus man "+c.Name, "call %q: %s missing", c.Name, strings.Join(missing, ", "))
	}
	known := slices.Concat(c.Params.Required, c.Params.Optional)
	for name := range members {
		if len(known) > 0 && !slices.Contains(known, name) {
			a.note("warning: %s has no parameter %q; known are %s", c.Name, name, strings.Join(known, ", "))
		}
	}
	return nil
}

// synopsis is a command and its parameters.
func synopsis(c rpc.Command) string {
	parts := []string{c.Name}
	all := slices.Concat(c.Params.Required, c.Params.Optional)
	for i, name := range all {
		text := name + "=…"
		if i >= len(c.Params.Required) {
			text = "[" + text + "]"
		}
		if c.Params.Variadic && i == len(all)-1 {
			text += "…"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func isWhole(arg string) bool {
	return arg == "-" || strings.HasPrefix(arg, "@") || strings.HasPrefix(arg, "{") || strings.HasPrefix(arg, "[")
}

func (a *app) whole(arg string) (json.RawMessage, error) {
	from, text := "the argument", []byte(arg)
	var err error
	switch {
	case arg == "-":
		from = "stdin"
		text, err = io.ReadAll(a.in)
	case arg[0] == '@':
		from = arg[1:]
		text, err = os.ReadFile(from)
	}
	if err != nil {
		return nil, usage("", "%v", err)
	}
	text = bytes.TrimSpace(text)
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, usage(`write e.g. {"x": 1}`, "%s is no JSON: %v", from, err)
	}
	return text, nil
}

// member reads name=value and name:=value; the name is "" for a bare value.
func member(arg string) (name string, value json.RawMessage, err error) {
	name, text, ok := strings.Cut(arg, "=")
	if !ok {
		return "", typed(arg), nil
	}
	if verbatim, ok := strings.CutSuffix(name, ":"); ok {
		value, _ = json.Marshal(text)
		return verbatim, value, nil
	}
	if name == "" {
		return "", nil, usage("write name=value", "%q has no name", arg)
	}
	return name, typed(text), nil
}

// typed is a value as JSON: as it is where it is JSON, else as a text.
func typed(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(strings.TrimSpace(text))
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(fmt.Sprintf("a text has no JSON: %v", err)) // cannot be
	}
	return quoted
}

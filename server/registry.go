package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A registryEntry is a command as clients see it (protocol §4.5). The location
// of its code is nobody's business and is left out.
type registryEntry struct {
	Name      string         `json:"name"`
	Info      *moduleInfo    `json:"info,omitempty"`
	Desc      *string        `json:"desc"`
	Options   *entryOptions  `json:"options,omitempty"`
	Activity  bool           `json:"activity"`
	Parallel  bool           `json:"parallel"`
	Registrar string         `json:"registrar"`
	Questions map[string]any `json:"questOptions,omitempty"`
}

type moduleInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Hot     bool   `json:"hot"`
}

type entryOptions struct {
	Params entryParams `json:"params"`
}

type entryParams struct {
	Required any `json:"required,omitempty"` // a string or a list
	Optional any `json:"optional,omitempty"`
}

func (o handlerOptions) entry(name string) (json.RawMessage, error) {
	module := o.module
	if module == "" {
		module = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	e := registryEntry{
		Name: name, Info: &moduleInfo{Name: module, Version: o.version}, Activity: true, Parallel: !o.serial,
		Registrar: "xbus", Questions: o.questions,
	}
	if o.desc != "" {
		e.Desc = &o.desc
	}
	if len(o.required)+len(o.optional) > 0 {
		e.Options = &entryOptions{o.params()}
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("server: command %q: its questOptions cannot be written as JSON: %w", name, err)
	}
	return raw, nil
}

func (o handlerOptions) params() (p entryParams) {
	required, optional := slices.Clone(o.required), slices.Clone(o.optional)
	if o.variadic {
		last := &required
		if len(optional) > 0 {
			last = &optional
		}
		(*last)[len(*last)-1] = strings.TrimSuffix((*last)[len(*last)-1], "...") + "..."
	}
	p.Required, p.Optional = oneOrMore(required), oneOrMore(optional)
	return p
}

// oneOrMore writes a single name as a string, as the reference does.
func oneOrMore(names []string) any {
	switch len(names) {
	case 0:
		return nil
	case 1:
		return names[0]
	}
	return names
}

// builtinEntry is an entry of which only the name is known.
func builtinEntry(name, desc string) json.RawMessage {
	raw, _ := json.Marshal(struct {
		Name string `json:"name"`
		Desc string `json:"desc,omitempty"`
	}{name, desc})
	return raw
}

package rpc

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const full = `{
	"warehouse.get": {
		"name": "warehouse.get",
		"location": "/srv/secret/warehouse.js",
		"info": {"name": "goblin-warehouse", "version": "4.2.9", "hot": true},
		"desc": "get a value",
		"options": {"params": {"required": "path", "optional": ["view", "more..."]}},
		"activity": true, "parallel": true, "registrar": "xcraft-core-bus",
		"questOptions": {"rankingPredictions": [{"a": 1}]},
		"noForwarding": {"zog": true}
	},
	"demo.run": {"name": "demo.run", "desc": null, "options": {"params": {"required": ["a", "b..."]}}, "questOptions": {"rankingPredictions": null}},
	"shutdown": {"name": "shutdown", "desc": "shutdown the server"},
	"motd": {"name": "motd"}
}`

func TestRegistry(t *testing.T) {
	r := NewRegistry([]byte(full), anyTime)
	if r.Len() != 4 || !r.Has("motd") || r.Has("warehouse") || fmt.Sprint(r.Names()) != "[demo.run motd shutdown warehouse.get]" || r.Time != anyTime {
		t.Errorf("%d %v", r.Len(), r.Names())
	}
	c, err := r.Lookup("warehouse.get")
	if err != nil {
		t.Fatal(err)
	}
	raw := string(c.Raw)
	c.Raw = nil
	want := Command{
		Name: "warehouse.get", Desc: "get a value", Module: Module{"goblin-warehouse", "4.2.9", true},
		Params:   Params{Required: []string{"path"}, Optional: []string{"view", "more"}, Variadic: true},
		Parallel: true, Activity: true, Registrar: "xcraft-core-bus", Ranking: []byte(`[{"a": 1}]`),
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if strings.Contains(raw, "location") || strings.Contains(raw, "secret") || !strings.Contains(raw, `"noForwarding"`) {
		t.Errorf("raw %s", raw)
	}
	run, _ := r.Lookup("demo.run")
	if !reflect.DeepEqual(run.Params, Params{Required: []string{"a", "b"}, Variadic: true}) || run.Desc != "" || run.Ranking != nil {
		t.Errorf("%+v", run)
	}
	motd, _ := r.Lookup("motd")
	motd.Raw = nil
	if !reflect.DeepEqual(motd, Command{Name: "motd"}) {
		t.Errorf("%+v", motd)
	}
	var names []string
	for _, c := range r.All() {
		names = append(names, c.Name)
	}
	if !reflect.DeepEqual(names, r.Names()) || string(r.Raw()) != full {
		t.Error("All or Raw")
	}
}

// What is missing or of another type counts as absent, and takes nothing else
// along.
func TestRegistryEntriesOfAnyForm(t *testing.T) {
	for _, c := range []struct {
		entry string
		want  Command
	}{
		{`{}`, Command{}},
		{`null`, Command{}},
		{`"text"`, Command{}},
		{`[1]`, Command{}},
		{`7`, Command{}},
		{`{"name":5,"desc":6,"info":7,"options":8,"activity":9,"parallel":10,"registrar":11,"questOptions":12}`, Command{}},
		{`{"desc":[1],"registrar":"r"}`, Command{Registrar: "r"}},
		{`{"parallel":"true","activity":1}`, Command{}},
		{`{"info":{"name":5,"version":"1","hot":"no"}}`, Command{Module: Module{Version: "1"}}},
		{`{"options":{}}`, Command{}},
		{`{"options":{"params":"a"}}`, Command{}},
		{`{"options":{"params":{"required":5,"optional":"b"}}}`, Command{Params: Params{Optional: []string{"b"}}}},
		{`{"options":{"params":{"required":["a",5],"optional":["b"]}}}`, Command{Params: Params{Optional: []string{"b"}}}},
		{`{"options":{"params":{"required":{"a":1},"optional":null}}}`, Command{}},
		{`{"options":{"params":{"required":"","optional":[]}}}`, Command{Params: Params{Optional: []string{}}}},
		{`{"options":{"params":{"required":"a...","optional":"b..."}}}`, Command{Params: Params{Required: []string{"a"}, Optional: []string{"b"}, Variadic: true}}},
		{`{"options":{"params":{"required":["a...","b"]}}}`, Command{Params: Params{Required: []string{"a...", "b"}}}},
		{`{"questOptions":{"rankingPredictions":false}}`, Command{}},
		{`{"questOptions":{"rankingPredictions":true}}`, Command{Ranking: []byte("true")}},
	} {
		for _, others := range []string{"", `,"other":{"name":"other"}`, `,"other":5`} {
			r := NewRegistry([]byte(`{"x.y":`+c.entry+others+`}`), anyTime)
			got, err := r.Lookup("x.y")
			if err != nil {
				t.Errorf("%s: %v", c.entry, err)
				continue
			}
			got.Raw, c.want.Name = nil, "x.y"
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: got %+v, want %+v", c.entry, got, c.want)
			}
			if others != "" && !r.Has("other") {
				t.Errorf("%s: the other command is lost", c.entry)
			}
		}
	}
	for _, text := range []string{``, `{`, `null`, `[]`, `5`} {
		if r := NewRegistry([]byte(text), anyTime); r.Len() != 0 || r.Names() != nil {
			t.Errorf("%q has commands", text)
		}
	}
}

func TestNoRegistry(t *testing.T) {
	for _, r := range []*Registry{nil, {}} {
		if r.Len() != 0 || r.Has("a") || r.Names() != nil || len(r.All()) != 0 || r.Raw() != nil || r.Suggest("a") != "" {
			t.Error("it has something")
		}
		if _, err := r.Lookup("a.b"); !errors.Is(err, ErrCommandNotAvailable) || strings.Contains(err.Error(), "mean") {
			t.Errorf("%v", err)
		}
		if !r.Compare(nil).Empty() {
			t.Error("something has changed")
		}
	}
}

func TestSuggest(t *testing.T) {
	r := NewRegistry([]byte(full), anyTime)
	for name, want := range map[string]string{
		"warehouse.gett": "warehouse.get", "warehose.get": "warehouse.get", "Warehouse.Get": "warehouse.get", "get": "",
		"warehouse.get": "warehouse.get", "demo.rnu": "demo.run", "mott": "motd", "m": "", "": "", "completely.different": "",
		strings.Repeat("x", 1<<20): "",
	} {
		if got := r.Suggest(name); got != want {
			t.Errorf("%.30q: %q, want %q", name, got, want)
		}
	}
	_, err := r.Lookup("demo.rnu")
	if want := `command not available: "demo.rnu" is none of the 4 commands of the hall; did you mean "demo.run"?`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestCompare(t *testing.T) {
	r := func(text string) *Registry { return NewRegistry([]byte(text), anyTime) }
	old := r(`{"a":{"desc":"1"},"b":{"desc":"1","location":"/x"},"c":{},"d":{"x":1,"y":2}}`)
	now := r(`{"a":{"desc":"1"},"b":{"location":"/y","desc":"1"},"d":{"y":2,"x":3},"e":{},"f":{}}`)
	want := Diff{Added: []string{"e", "f"}, Removed: []string{"c"}, Changed: []string{"d"}}
	if got := now.Compare(old); !reflect.DeepEqual(got, want) || got.Empty() {
		t.Errorf("%+v", got)
	}
	if got := old.Compare(nil); fmt.Sprint(got.Added) != "[a b c d]" || got.Removed != nil || got.Changed != nil {
		t.Errorf("%+v", got)
	}
	var none *Registry
	if got := none.Compare(old); fmt.Sprint(got.Removed) != "[a b c d]" || got.Added != nil {
		t.Errorf("%+v", got)
	}
	if !old.Compare(old).Empty() {
		t.Error("it differs from itself")
	}
}

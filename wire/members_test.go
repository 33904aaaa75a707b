package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/wire"
)

func TestMembers(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"a":1,"b":"x"}`, `a=1 b="x"`},
		{" {\"a\" :\t[1, 2] , \"b\\u00e9\":{\"c\":null}}\n", `a=[1, 2] bé={"c":null}`},
		{`{"a":1,"a":2}`, `a=1 a=2`},
		{`{"a":1} behind`, `a=1`},
		{`{}`, ``}, {``, ``}, {`[1]`, ``}, {`null`, ``}, {`"a"`, ``}, {` `, ``},
		{`{"a":1,`, `a=1`}, {`{"a":1,"b":`, `a=1`}, {`{"a"`, ``}, {`{"a":nul}`, ``}, {`{1:2}`, ``},
	} {
		var got []string
		for name, value := range wire.Members([]byte(test.text)) {
			got = append(got, fmt.Sprintf("%s=%s", name, value))
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%q has %q, want %q", test.text, s, test.want)
		}
	}
	for name := range wire.Members([]byte(`{"a":1,"b":2}`)) {
		if name == "b" {
			t.Error("it goes on after the end")
		}
		break
	}
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{`"a"`: "a", `""`: "", `"\u00e9\n"`: "é\n", `"` + "\xff" + `"`: "\ufffd"} {
		if got, ok := wire.Text(json.RawMessage(value)); !ok || got != want {
			t.Errorf("Text(%s) is %q, %v", value, got, ok)
		}
	}
	for _, value := range []string{``, `1`, `null`, `{}`, `["a"]`, `"`} {
		if got, ok := wire.Text(json.RawMessage(value)); ok {
			t.Errorf("Text(%s) is %q", value, got)
		}
	}
	bytes := []byte(`"abc"`)
	got, _ := wire.Text(bytes)
	if bytes[1] = 'X'; got != "abc" {
		t.Error("the string shares the memory of the value")
	}
}

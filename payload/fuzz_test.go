package payload_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/xcraft-go/xbus/payload"
)

// small are limits that a fuzzer can reach.
var small = payload.Limits{Text: 1 << 16, Depth: 50, Values: 5000}

func seeds(f *testing.F) {
	for _, name := range []string{"payloads.json", "payloads-decode-only.json"} {
		for _, vector := range load[payloadVector](f, name) {
			f.Add([]byte(vector.Encoded))
		}
	}
	for _, text := range []string{
		`{"index":0,"objects":[[7,1,0],"a"]}`,
		`{"index":0,"objects":[[8,1,2],[8,3],[8,3],[0]]}`,
		`{"index":0,"objects":[[10,-4,1,2,3],"a",0,"\ud800"]}`,
		`{"index":0,"objects":[[1,1,2,3,2],"20","v","tag"]}`,
		`{"index":0,"objects":[[6,1,1,1,0,0],1e400]}`,
		`{"index":0,"objects":[[2,1,[],3,2,1,1,[],0,0],"a"],"typeMap":{"2":2,"0":9}}`,
	} {
		f.Add([]byte(text))
	}
}

// FuzzDecode: no text makes the decoder panic; what it reads can be compared,
// printed, converted, and written again, which then is read as the same.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := payload.Decode(text, small)
		if err != nil {
			_, syntax := errors.AsType[*payload.SyntaxError](err)
			_, limit := errors.AsType[*payload.LimitError](err)
			if !syntax && !limit {
				t.Fatalf("an error of type %T: %v", err, err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatal("read a text that is not JSON")
		}
		_ = v.String()
		var into any
		_ = payload.To(v, &into)
		_, _ = payload.AppendJSON(nil, v)
		_, _ = payload.Plain(v)
		written, err := payload.Append(nil, v)
		if err != nil {
			if _, ok := errors.AsType[*payload.UnsupportedError](err); !ok {
				t.Fatalf("an error of type %T: %v", err, err)
			}
			return
		}
		again, err := payload.Decode(written, payload.Limits{})
		if err != nil || !again.Equal(v) || !v.Equal(again) {
			t.Fatalf("%s: read as %v, %v, was %v", written, again, err, v)
		}
		twice, err := payload.Append(nil, again)
		if err != nil || string(twice) != string(written) {
			t.Fatalf("written\n%s, then\n%s, %v", written, twice, err)
		}
	})
}

// FuzzParseJSON: what is JSON to encoding/json is so to this package, and the
// other way around.
func FuzzParseJSON(f *testing.F) {
	for _, vector := range load[messageVector](f, "messages.json") {
		f.Add([]byte(vector.Wire[0]))
	}
	f.Add([]byte(` [1e5, -0.10, "\u00e9\ud83d\ude00\ud800", {"a":1,"a":{}}, 12345678901234567890] `))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := payload.ParseJSON(text, small)
		if _, limit := errors.AsType[*payload.LimitError](err); limit || !utf8.Valid(text) {
			return
		}
		if json.Valid(text) != (err == nil) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil {
			return
		}
		written, err := payload.AppendJSON(nil, v)
		if err != nil {
			return // a number that is infinite
		}
		again, err := payload.ParseJSON(written, payload.Limits{})
		if err != nil || !again.Equal(v) {
			t.Fatalf("%q written as %s, read as %v, %v", text, written, again, err)
		}
	})
}

// FuzzUnpack: no parts make it panic, and what was unpacked packs again.
func FuzzUnpack(f *testing.F) {
	for _, vector := range load[messageVector](f, "messages.json") {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(vector.Wire[0], &m); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(m["data"]), []byte(m["_xImmu"]), []byte(m["_xShred"]))
	}
	f.Add([]byte(`{"data":{"data":{"x":null},"_xImmu":{"x":"{\"index\":0,\"objects\":[[9]]}"}}}`), []byte(`{"a":"{\"index\":-1}"}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, data, immu, shred []byte) {
		v, err := payload.Unpack(payload.Parts{Data: data, Immu: immu, Shred: shred, Chunk: []byte{7}}, small)
		if err != nil {
			return
		}
		parts, err := payload.Pack(v)
		if err != nil {
			return
		}
		again, err := payload.Unpack(parts, payload.Limits{})
		if err != nil {
			t.Fatalf("%v packed as %s %s %s: %v", v, parts.Data, parts.Immu, parts.Shred, err)
		}
		// not Equal: members that are undefined are left out
		if twice, err := payload.Pack(again); err != nil || !reflect.DeepEqual(twice, parts) {
			t.Fatalf("%v packed as %s %s %s, then as %s %s %s, %v", v, parts.Data, parts.Immu, parts.Shred, twice.Data, twice.Immu, twice.Shred, err)
		}
	})
}

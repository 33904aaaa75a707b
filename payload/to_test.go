package payload_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/payload"
)

func TestTo(t *testing.T) {
	type named string
	type inner struct{ A int }
	type holder struct {
		V payload.Value
		P *inner
		S []inner
		I any
	}
	for _, c := range []struct {
		in   payload.Value
		want any
	}{
		{payload.NewMap("a", 1), map[string]int{"a": 1}},
		{payload.NewOrderedMap(1, "a", 2, "b"), map[int]string{1: "a", 2: "b"}},
		{payload.NewObject("1", "a"), map[int]string{1: "a"}},
		{payload.NewMap(1, "a"), map[string]string{"1": "a"}},
		{payload.NewJSMap(true, 1, "x", nil), map[any]any{true: 1.0, "x": nil}},
		{payload.NewMap("a", payload.NewSet(1, 2)), map[string][]int{"a": {1, 2}}},
		{payload.NewSet("a", "b"), map[string]bool{"a": true, "b": true}},
		{payload.NewOrderedSet(1), map[int]struct{}{1: {}}},
		{payload.NewShredder(payload.NewMap("A", 1)), inner{1}},
		{payload.NewShredder(payload.NewMap("A", 1)), &inner{1}},
		{payload.NewMap("a", 1), inner{1}}, // differs in case only
		{payload.NewList(1, nil, 3), [4]int8{1, 0, 3, 0}},
		{payload.NewList("x", payload.Undefined), []named{"x", ""}},
		{payload.Build(payload.KindArray).Set(1, "x").Value(), []any{nil, "x"}},
		{payload.NewList(payload.Func("function a(){}")), []payload.Func{"function a(){}"}},
		{payload.NewList(payload.Func("function a(){}")), []any{payload.Func("function a(){}")}},
		{payload.Bytes([]byte{1, 2}), []byte{1, 2}},
		{payload.String("AQI="), []byte{1, 2}},
		{payload.NewList(1, 2), []byte{1, 2}},
		{payload.NewObject("type", "Buffer", "data", payload.NewArray(1, 2)), []byte{1, 2}},
		{payload.NewObject("0", 1, "1", 2), []byte{1, 2}},
		{payload.String("2024-01-02T03:04:05Z"), time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)},
		{payload.Number(math.Inf(1)), math.Inf(1)},
		{payload.Number(1e20), json.Number("100000000000000000000")},
		{payload.Null, (*inner)(nil)},
		{payload.Undefined, 0},
		{payload.NewMap("a", payload.NewList(1)), json.RawMessage(`{"a":[1]}`)},
		{payload.NewObject("V", payload.NewList(1), "P", payload.NewMap("A", 1), "S", payload.NewSet(payload.NewMap("A", 2)), "I", payload.NewMap("k", 1)),
			holder{payload.NewList(1), &inner{1}, []inner{{2}}, map[string]any{"k": 1.0}}},
	} {
		p := reflect.New(reflect.TypeOf(c.want))
		if err := payload.To(c.in, p.Interface()); err != nil {
			t.Errorf("%v into %T: %v", c.in, c.want, err)
			continue
		}
		got := p.Elem().Interface()
		if h, ok := got.(holder); ok {
			want := c.want.(holder)
			if !h.V.Equal(want.V) {
				t.Errorf("%v, want %v", h.V, want.V)
			}
			h.V, want.V = payload.Undefined, payload.Undefined
			got, c.want = h, want
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %#v, want %#v", c.in, got, c.want)
		}
	}
}

func TestToRefuses(t *testing.T) {
	type inner struct {
		A int8 `json:"a"`
	}
	tagged := payload.Build(payload.KindArray).Add(1).Member("m", 1).Value()
	for _, c := range []struct {
		in   payload.Value
		into any
		want string
	}{
		{payload.NewMap("a", 1.5), new(inner), "$.a: number into int8: 1.5 is not an integer in its range"},
		{payload.NewMap("a", 300), new(inner), "$.a: number into int8: 300 is not an integer in its range"},
		{payload.NewMap("a", "x"), new(inner), "$.a: string into int8: an integer in its range is needed"},
		{payload.NewList(1), new(inner), "$: List into payload_test.inner: a map or an object is needed"},
		{payload.NewList(payload.NewMap("a", nan())), new([]inner), "$[0].a: number into int8: NaN is not an integer in its range"},
		{payload.NewList(-1), new([]uint), "$[0]: number into uint: -1 is not an integer in its range"},
		{payload.NewList(1e300), new([]float32), "$[0]: number into float32: 1e+300 is not a number in its range"},
		{payload.NewList(1), new(string), "$: List into string: a string is needed"},
		{payload.NewList(1), new([]string), "$[0]: number into string: a string is needed"},
		{payload.NewMap("x y", 1), new(map[string]bool), `$["x y"]: number into bool: a boolean is needed`},
		{payload.NewMap(1, 1, "1", 2), new(map[string]int), "$: Map into map[string]int: two of its keys would become one: ask for a payload.Value"},
		{payload.NewMap(nil, 1, payload.Undefined, 2), new(any), "$: Map into interface {}: two of its keys would become one: ask for a payload.Value"},
		{payload.NewMap(payload.NewList(), 1), new(any), "$[key 0]: List into interface {}: a container cannot be the key of a Go map: ask for a payload.Value"},
		{payload.NewMap(payload.NewList(), 1), new(map[string]int), "$[key 0]: List into string: a container cannot be the key of a Go map: ask for a payload.Value"},
		{payload.NewMap("x", 1), new(map[int]int), `$[key 0]: string into int: "x" is not a number`},
		{payload.NewMap(nil, 1), new(map[int]int), `$[key 0]: null into int: a key cannot be nothing`},
		{tagged, new([]int), "$: array into []int: it has members of its own beside its content: ask for a payload.Value"},
		{payload.NewList(tagged), new(any), "$[0]: array into interface {}: it has members of its own beside its content: ask for a payload.Value"},
		{payload.NewList(1, 2, 3), new([2]int), "$: List into [2]int: it has 3 elements"},
		{payload.String("!"), new([]byte), "$: string into []uint8: it is not base64"},
		{payload.NewObject("a", 1), new([]byte), "$: object into []uint8: a buffer is needed"},
		{payload.NewList(256), new([]byte), "$[0]: number into uint8: 256 is not an integer in its range"},
		{payload.NewList(1), new([]error), "$[0]: number into error: nothing can be stored in this type"},
		{payload.NewMap("t", "x"), new(map[string]time.Time), `$.t: string into time.Time: parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"`},
	} {
		err := payload.To(c.in, c.into)
		if _, typed := errors.AsType[*payload.TypeError](err); !typed || err.Error() != "payload: "+c.want {
			t.Errorf("%v into %T: %v, want %s", c.in, c.into, err, c.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("To a value that is no pointer does not panic")
		}
	}()
	payload.To(payload.Null, 1)
}

package payload_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcraft-go/xbus/payload"
)

// The data of an event, in which one member travels as an immutable Map.
func ExampleUnpackInto() {
	event := payload.Parts{
		Data: []byte(`{"room":null,"at":"noon"}`),
		Immu: []byte(`{"room":"{\"index\":0,\"objects\":[[7,1,2,3,4],\"name\",\"kitchen\",\"temperature\",21.5]}"}`),
	}
	var changed struct {
		Room struct {
			Name        string  `json:"name"`
			Temperature float64 `json:"temperature"`
		} `json:"room"`
		At string `json:"at"`
	}
	if err := payload.UnpackInto(event, &changed, payload.Limits{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", changed)
	// Output: {Room:{Name:kitchen Temperature:21.5} At:noon}
}

func ExampleUnpack() {
	v, err := payload.Unpack(payload.Parts{
		Data:  []byte(`{"rooms":null}`),
		Shred: []byte(`{"rooms":"{\"index\":0,\"objects\":[[10,1,2,3,4],\"kitchen\",21.5,\"cellar\",12]}"}`),
	}, payload.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Get("rooms"))
	for room, temperature := range v.Get("rooms").All() {
		fmt.Println(room, temperature)
	}
	// Output:
	// Shredder OrderedMap { "kitchen": 21.5, "cellar": 12 }
	// kitchen 21.5
	// cellar 12
}

func ExamplePack() {
	type answer struct {
		State payload.Value `json:"state"`
		OK    bool          `json:"ok"`
	}
	parts, err := payload.Pack(answer{State: payload.NewMap("tags", payload.NewSet("warm", "dry")), OK: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(parts.Data))
	fmt.Println(string(parts.Immu))
	// Output:
	// {"state":null,"ok":true}
	// {"state":"{\"index\":0,\"objects\":[[7,1,2],\"tags\",[8,3,4],\"warm\",\"dry\"]}"}
}

// What cannot travel is refused, with its path.
func ExampleUnsupportedError() {
	type user struct {
		Name    string    `json:"name"`
		Created time.Time `json:"created"`
	}
	_, err := payload.Immutable(map[string]any{"user": user{Name: "ann"}})
	fmt.Println(err)
	if e, ok := errors.AsType[*payload.UnsupportedError](err); ok {
		fmt.Println(e.Path, "–", e.Advice)
	}
	// Output:
	// payload: $.user.created: time.Time cannot travel inside an Immutable payload: send a string
	// $.user.created – send a string
}

func ExampleAppend() {
	state := payload.NewMap("a", payload.NewMap("s", 1))
	state = state.With("b", state.Get("a")) // shared: written once
	text, err := payload.Append(nil, state)
	fmt.Println(string(text), err)
	// Output: {"index":0,"objects":[[7,1,2,3,2],"a",[7,4,5],"b","s",1]} <nil>
}

func ExampleDecode() {
	text := `{"index":0,"objects":[[7,1,2,3,4],"name",[9,-3,-4,-2],"by id",[10,5,6],7,"seven"]}`
	v, err := payload.Decode([]byte(text), payload.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v)
	fmt.Println(v.Path("by id", 7), v.Get("nowhere").Get("to be found"))
	// Output:
	// Map { "name": List [ NaN, -0, undefined ], "by id": OrderedMap { 7: "seven" } }
	// seven undefined
}

func ExampleImmutable() {
	type room struct {
		Name string   `json:"name"`
		Tags []string `json:"tags,omitempty"`
	}
	v, err := payload.Immutable([]room{{Name: "kitchen", Tags: []string{"warm"}}, {Name: "cellar"}})
	fmt.Println(v, err)
	// Output: List [ Map { "name": "kitchen", "tags": List [ "warm" ] }, Map { "name": "cellar" } ] <nil>
}

func ExampleAs() {
	state := payload.NewShredder(payload.NewMap("kitchen", 21.5, "cellar", 12))
	rooms, err := payload.As[map[string]float64](state)
	fmt.Println(rooms, err)

	_, err = payload.As[map[string]int](state)
	fmt.Println(err)
	// Output:
	// map[cellar:12 kitchen:21.5] <nil>
	// payload: $.kitchen: number into int: 21.5 is not an integer in its range
}

// A plain object that contains itself, inside a List.
func ExampleBuilder() {
	b := payload.Build(payload.KindObject)
	b.Set("name", "cycle").Set("self", b.Self())
	text, err := payload.Append(nil, payload.NewList(b.Value()))
	fmt.Println(string(text), err)
	// Output: {"index":0,"objects":[[9,1],[0,3,2,4,1],"cycle","name","self"]} <nil>
}

func ExamplePlain() {
	deep := map[string]any{"a": map[string]any{"b": payload.NewMap("x", 1)}}
	_, err := payload.Pack(deep)
	fmt.Println(err)

	v, _ := payload.From(deep)
	v, _ = payload.Plain(v)
	parts, err := payload.Pack(v)
	fmt.Println(string(parts.Data), err)
	// Output:
	// payload: $.a.b: a Map would lose its kind so deep in a message: move it up to data or a direct member of data, or send its Plain form
	// {"a":{"b":{"x":1}}} <nil>
}

func ExampleSerialized() {
	v, err := payload.Serialized([]byte(`"{\"name\":\"double\",\"run\":\"function (x) { return 2 * x; }\"}"`), payload.Limits{})
	fmt.Println(v.Get("run").Kind(), "–", v.Get("run"), err)
	// Output: function – function (x) { return 2 * x; } <nil>
}

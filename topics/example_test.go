package topics_test

import (
	"errors"
	"fmt"

	"github.com/xcraft-go/xbus/topics"
)

func ExampleCompile() {
	p, err := topics.Compile("thermo::*.(changed|removed)")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Match("thermo::kitchen.changed"))
	fmt.Println(p.Match("thermo::kitchen.added"))

	_, err = topics.Compile("kitchen.changed")
	fmt.Println(errors.Is(err, topics.ErrNoNamespace))
	fmt.Println(err)
	// Output:
	// true
	// false
	// true
	// topics: pattern "kitchen.changed": the namespace is missing; write "<namespace>::kitchen.changed", or "*::kitchen.changed" for any namespace
}

func ExamplePattern_Captures() {
	p := topics.MustCompile("*::desk@*.(opened|closed)")
	parts, ok := p.Captures("Grom@0123::desk@7.closed")
	fmt.Printf("%q %v\n", parts, ok)
	// Output:
	// ["Grom@0123" "7" "closed"] true
}

func ExampleRouter() {
	r := topics.NewRouter[string]()
	r.Add(topics.MustCompile("*::*"), "log")
	display := r.Add(topics.MustCompile("thermo::*"), "display")
	r.Add(topics.MustCompile("thermo::kitchen.changed"), "kitchen")

	fmt.Println(r.AppendMatches(nil, "thermo::kitchen.changed"))
	r.Remove(display)
	r.Each("thermo::kitchen.changed", func(s string) { fmt.Println("tell", s) })
	// Output:
	// [log display kitchen]
	// tell log
	// tell kitchen
}

func ExampleCompat() {
	p := topics.MustCompile("demo::(a@b|c@d)")
	lenient, strict := topics.NewRouter[string](), topics.NewRouter[string](topics.Compat())
	lenient.Add(p, "me")
	strict.Add(p, "me")
	fmt.Println(lenient.AppendMatches(nil, "demo::a@b"), strict.AppendMatches(nil, "demo::a@b"))
	// Output:
	// [me] []
}

func ExampleTemplate() {
	t, err := topics.ParseTemplate("thermo::{room}.changed")
	if err != nil {
		fmt.Println(err)
		return
	}
	topic, err := t.Build(map[string]string{"room": "kitchen"})
	fmt.Println(topic, err)
	values, ok := t.Parse("thermo::cellar.changed")
	fmt.Println(values["room"], ok)
	fmt.Println("subscribe to", t.Pattern())
	// Output:
	// thermo::kitchen.changed <nil>
	// cellar true
	// subscribe to thermo::*.changed
}

func ExampleExpand() {
	fmt.Println(topics.Expand("job.done", "Grom@0123"))
	fmt.Println(topics.Expand("thermo::*", "Grom@0123"))
	// Output:
	// Grom@0123::job.done
	// thermo::*
}

func ExampleIDs() {
	fmt.Println(topics.IDs("Grom@0123::demo.echo.01234567-89ab-cdef-0123-456789abcdef.finished"))
	line, ok := topics.LineID("demo::news.<sports>")
	fmt.Println(line, ok)
	// Output:
	// [_ Grom@0123 .01234567-89ab-cdef-0123-456789abcdef.]
	// sports true
}

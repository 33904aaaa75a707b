package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/rpc"
)

func TestData(t *testing.T) {
	params := &rpc.Params{Required: []string{"name", "size"}, Optional: []string{"tags"}, Variadic: true}
	for _, c := range []struct {
		args, want, fault string
	}{
		{"", "", ""},
		{"a=1", `{"a":1}`, ""},
		{"a=1e3 b=null c=true d=[1, e=-0.5", `{"a":1e3,"b":null,"c":true,"d":"[1,","e":-0.5}`, ""},
		{"big=12345678901234567890123", `{"big":12345678901234567890123}`, ""},
		{"a=007 b=x=y c=", `{"a":"007","b":"x=y","c":""}`, ""},
		{"a:=1 b:=null", `{"a":"1","b":"null"}`, ""},
		{`a="1"`, `{"a":"1"}`, ""},
		{"bob 3", `{"name":"bob","size":3}`, ""},
		{"bob 3 x y z", `{"name":"bob","size":3,"tags":["x","y","z"]}`, ""},
		{"size=3 tags=x", `{"size":3,"tags":["x"]}`, ""},
		{`tags=["x","y"]`, `{"tags":["x","y"]}`, ""},
		{"tags=x tags=y", `{"tags":["x","y"]}`, ""},
		{`{"z":1,"a":2} a=3 q=4`, `{"z":1,"a":3,"q":4}`, ""},
		{`[1,2]`, `[1,2]`, ""},
		{`[1,2] a=1`, "", "JSON object only"},
		{"a=1 a=2", "", "a is given twice"},
		{"=1", "", "has no name"},
		{"{", "", "no JSON"},
		{"@/no/such/file", "", "/no/such/file"},
	} {
		got, err := new(app).data(strings.Fields(c.args), params)
		switch {
		case c.fault != "":
			if err == nil || !strings.Contains(err.Error(), c.fault) || codeOf(t.Context(), err) != codeUsage {
				t.Errorf("%s: %s %v, want an error with %q", c.args, got, err, c.fault)
			}
		case err != nil || string(got) != c.want:
			t.Errorf("%s: %s %v, want %s", c.args, got, err, c.want)
		}
	}
}

// Quantiles are exact to 1.6 %, whatever was measured.
func TestHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var whole, left, right histogram
	var all []time.Duration
	for i := range 20000 {
		d := time.Duration(math.Exp(rng.Float64() * 25))
		all = append(all, d)
		whole.add(d)
		if i%3 == 0 {
			left.add(d)
		} else {
			right.add(d)
		}
	}
	left.merge(&right)
	if left != whole {
		t.Error("two histograms together are not the whole")
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := all[max(int(math.Ceil(q*float64(len(all))))-1, 0)]
		got := whole.quantile(q)
		if got < exact || float64(got-exact) > float64(exact)*0.016+1 {
			t.Errorf("quantile %v: %v, exactly %v", q, got, exact)
		}
	}
	if whole.min != all[0] || whole.max != all[len(all)-1] {
		t.Errorf("%v to %v", whole.min, whole.max)
	}
	for _, d := range []time.Duration{0, 1, 63, 64, 65, 127, 128, 1 << 40, math.MaxInt64} {
		if i := bucketOf(d); upper(i) < d || i > 0 && upper(i-1) >= d {
			t.Errorf("%d is in bucket %d, which ends at %d", d, i, upper(i))
		}
	}
	if s := new(histogram).String(); s != "nothing measured" || new(histogram).bars() != nil {
		t.Error(s)
	}
}

// A pace makes up for late steps, and never waits without a rate.
func TestPace(t *testing.T) {
	p := newPace(200)
	began := time.Now()
	for range 21 {
		if err := p.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 95*time.Millisecond || took > patience {
		t.Errorf("21 steps at 200 a second took %v", took)
	}
}

// Whatever is written on the command line, the data is JSON or the use is wrong.
func FuzzData(f *testing.F) {
	for _, seed := range []string{"a=1\x00b=x", "x\x00y\x00z", "{\"a\":1}\x00b=2", "a:=1", "=", "[1]", "a=\xff\x00\xff=1", "-", "tags=[1]\x00tags=2"} {
		f.Add(seed)
	}
	params := &rpc.Params{Required: []string{"name"}, Optional: []string{"tags"}, Variadic: true}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		if strings.HasPrefix(args[0], "@") {
			return // a file
		}
		a := &app{in: strings.NewReader("{}")}
		data, err := a.data(args, params)
		switch {
		case err != nil && codeOf(t.Context(), err) != codeUsage:
			t.Errorf("%q: %v is no wrong use", args, err)
		case err == nil && data != nil && !json.Valid(data):
			t.Errorf("%q: %s is no JSON", args, data)
		}
	})
}

package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/server"
	"github.com/xcraft-go/xbus/wire"
)

// A trace notes when handlers begin and end, as protocol §5.3 writes it.
type trace struct {
	mu    sync.Mutex
	steps []string
}

func (tr *trace) add(step string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.steps = append(tr.steps, step)
}

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return strings.Join(tr.steps, " ")
}

// offer registers work.parallel, work.other and work.serial, which take 100 ms,
// 50 with the tag "short".
func (tr *trace) offer(t *testing.T, hall *server.Hall) {
	t.Helper()
	work := func(_ context.Context, tag string) (any, error) {
		tr.add(">" + tag)
		if tag == "short" {
			time.Sleep(50 * time.Millisecond)
		} else {
			time.Sleep(100 * time.Millisecond)
		}
		tr.add("<" + tag)
		return nil, nil
	}
	for name, kind := range map[string]server.HandlerOption{"work.parallel": server.Parallel(), "work.other": server.Parallel(), "work.serial": server.Serial()} {
		if err := server.Handle(hall, name, work, kind); err != nil {
			t.Fatal(err)
		}
	}
}

// bubble runs a test in virtual time with a hall of this process.
func bubble(t *testing.T, cfg server.Config, test func(t *testing.T, hall *server.Hall, join func() *raw)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Listen = []string{"mem://bubble"}
		hall, err := server.Listen(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer hall.Close()
		test(t, hall, func() *raw {
			link, err := transportT(t, hall.URL()).Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := &raw{t: t, link: link}
			c.autoconnect("")
			return c
		})
	})
}

// Every row of the table of protocol §5.3.
func TestActivities(t *testing.T) {
	type step struct {
		who, command, tag string
		nested            bool
	}
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"one orc, same parallel command": {
			[]step{{"a", "parallel", "1", false}, {"a", "parallel", "2", false}, {"a", "parallel", "3", false}}, ">1 <1 >2 <2 >3 <3"},
		"the same, nested": {
			[]step{{"a", "parallel", "1", true}, {"a", "parallel", "2", true}, {"a", "parallel", "3", true}}, ">1 >2 >3 <1 <2 <3"},
		"one orc, different parallel commands": {
			[]step{{"a", "parallel", "1", false}, {"a", "other", "2", false}}, ">1 >2 <1 <2"},
		"two orcs, same parallel command": {
			[]step{{"a", "parallel", "a", false}, {"b", "parallel", "b", false}}, ">a >b <a <b"},
		"two orcs, same exclusive command": {
			[]step{{"a", "serial", "a", false}, {"b", "serial", "b", false}}, ">a <a >b <b"},
		"exclusive, then parallel ones": {
			[]step{{"a", "serial", "1", false}, {"a", "parallel", "p", false}}, ">1 >p <1 <p"},
		"a parallel one overtakes": {
			[]step{{"a", "serial", "1", false}, {"b", "serial", "2", false}, {"a", "parallel", "short", false}, {"b", "serial", "4", false}},
			">1 >short <short <1 >2 <2 >4 <4"},
		"exclusive, then the same nested": {
			[]step{{"a", "serial", "1", false}, {"a", "serial", "2", true}}, ">1 >2 <1 <2"},
		"turns between connections": {
			[]step{{"a", "serial", "a1", false}, {"a", "serial", "a2", false}, {"a", "serial", "a3", false}, {"b", "serial", "b1", false}},
			">a1 <a1 >a2 <a2 >b1 <b1 >a3 <a3"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, join func() *raw) {
				var tr trace
				tr.offer(t, hall)
				clients := map[string]*raw{"a": join(), "b": join()}
				waits := map[*raw][]string{}
				for _, s := range c.steps {
					client := clients[s.who]
					send := client.command
					if s.nested {
						send = client.nested
					}
					id := send("work."+s.command, fmt.Sprintf("%q", s.tag))
					waits[client] = append(waits[client], "work."+s.command+"."+id+".finished")
					time.Sleep(time.Millisecond) // so that the order is that of the steps
				}
				for client, topics := range waits {
					left := map[string]bool{}
					for _, topic := range topics {
						left[client.orc+"::"+topic] = true
					}
					for len(left) > 0 {
						delete(left, client.next().Topic)
					}
					client.link.Close()
				}
				for _, client := range clients {
					client.link.Close()
				}
				if got := tr.String(); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// A handler that hangs blocks nobody for longer than its limit, and the answer
// that comes in its place is the only one.
func TestActivityDeadline(t *testing.T) {
	bubble(t, server.Config{Timeout: 3 * time.Second}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		var tr trace
		tr.offer(t, hall)
		release := make(chan struct{})
		server.Handle(hall, "work.hang", func(ctx context.Context, _ any) (int, error) {
			<-release // deaf to its context
			return 1, nil
		}, server.Serial())
		a, b := join(), join()
		defer a.link.Close()
		defer b.link.Close()
		began := time.Now()
		id := a.command("work.hang", "")
		time.Sleep(time.Millisecond)
		other := b.command("work.serial", `"b"`)
		if e := errorOf(t, a.answer("work.hang", id)); e.Code != server.CodeTimeout {
			t.Errorf("answered %+v", e)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("after %v", took)
		}
		b.answer("work.serial", other)
		synctest.Wait() // an answer comes before the end is counted
		if s := hall.Stats(); s.Timeouts != 1 || s.Running != 1 {
			t.Errorf("stats: %+v", s)
		}
		close(release)
		synctest.Wait()
		if s := hall.Stats(); s.Late != 1 || s.Running != 0 || s.InFlight != 0 {
			t.Errorf("stats: %+v", s)
		}
		a.quiet()
	})
}

// What a client has waiting goes with it, and what runs learns of it.
func TestActivitiesOfAClientThatLeaves(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, hall *server.Hall, join func() *raw) {
		var tr trace
		tr.offer(t, hall)
		cause := make(chan error, 1)
		server.Handle(hall, "work.wait", func(ctx context.Context, _ any) (any, error) {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil, ctx.Err()
		}, server.Serial())
		a, b := join(), join()
		defer b.link.Close()
		a.command("work.wait", "")
		for i := range 5 {
			a.command("work.serial", fmt.Sprintf(`"a%d"`, i))
			a.command("work.parallel", fmt.Sprintf(`"p%d"`, i))
		}
		time.Sleep(time.Millisecond)
		id := b.command("work.serial", `"b"`)
		time.Sleep(time.Millisecond)
		a.link.Close()
		b.answer("work.serial", id)
		if err := <-cause; err != server.ErrCallerGone {
			t.Errorf("the context ended with %v", err)
		}
		synctest.Wait()
		if got := tr.String(); got != ">p0 >b <p0 <b" && got != ">p0 >b <b <p0" {
			t.Errorf("ran %s", got)
		}
		if s := hall.Stats(); s.InFlight != 0 || s.Running != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestNestedCallsAndProgress(t *testing.T) {
	hall := openT(t, server.Config{})
	server.Handle(hall, "math.double", func(ctx context.Context, in int) (int, error) {
		return 2 * in, nil
	}, server.Serial())
	server.Handle(hall, "math.quadruple", func(ctx context.Context, in int) (int, error) {
		r := server.RequestOf(ctx)
		if err := r.Progress(map[string]int{"step": 1}); err != nil {
			return 0, err
		}
		if err := r.Send("math.thinking", "hard"); err != nil {
			return 0, err
		}
		var twice, out int
		if err := r.Call(ctx, "math.double", in, &twice); err != nil {
			return 0, err
		}
		if err := r.Call(ctx, "math.none", twice, nil); err == nil {
			return 0, fmt.Errorf("an unknown command was called")
		}
		return out, r.Call(ctx, "math.double", twice, &out)
	}, server.Serial())
	server.Handle(hall, "math.four", func(ctx context.Context, in int) (out int, err error) {
		err = server.RequestOf(ctx).Call(ctx, "math.quadruple", in, &out)
		return out, err
	})
	a, b := joinRaw(t, hall.URL()), joinRaw(t, hall.URL())
	m := a.message("math.four", "5")
	m.SetContext([]byte(`{"_goblinUser":"me"}`))
	a.send(m)
	for _, want := range []string{"math.quadruple.", "math.thinking"} {
		got := a.next()
		if !strings.HasPrefix(got.Topic, a.orc+"::"+want) || string(got.Context()) != `{"_goblinUser":"me"}` {
			t.Errorf("got %s %s, want %s", wire.Redact(got.Topic), got.Context(), want)
		}
	}
	if got := a.answer("math.four", m.ID); string(got.Context()) != `{"_goblinUser":"me"}` || got.IsError {
		t.Errorf("answer %s %s", got.Data, got.Context())
	}
	b.quiet()
	var out int
	if err := hall.Call(within(t), "math.double", 4, &out); err != nil || out != 8 {
		t.Errorf("the hall itself: %d, %v", out, err)
	}
}

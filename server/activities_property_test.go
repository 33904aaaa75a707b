package server

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever arrives, ends and leaves in whatever order: the rules of protocol
// §5.3 hold at each moment, nothing that could start waits, nothing is lost, and
// each connection has its serial commands run in their order.
func TestActivitiesKeepTheRules(t *testing.T) {
	commands := []*command{{name: "p1", parallel: true}, {name: "p2", parallel: true}, {name: "s1"}, {name: "s2"}}
	rapid.Check(t, func(t *rapid.T) {
		var a activities
		var running, waiting []*Request
		begin := func(r *Request) {
			waiting = slices.DeleteFunc(waiting, func(o *Request) bool { return o == r })
			running = append(running, r)
		}
		a.init(begin)
		peers := []*peer{{}, {}, {}}
		order := map[*peer][]*Request{} // serial ones that have not begun
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"arrive": func(t *rapid.T) {
				p := rapid.IntRange(0, 2).Draw(t, "peer")
				orc := fmt.Sprint(p, rapid.IntRange(0, 1).Draw(t, "orc"))
				n++
				r := &Request{OrcName: orc, peer: peers[p], command: rapid.SampledFrom(commands).Draw(t, "command")}
				waiting = append(waiting, r)
				if !r.command.parallel {
					order[r.peer] = append(order[r.peer], r)
				}
				a.enter(r)
			},
			"end": func(t *rapid.T) {
				if len(running) == 0 {
					t.Skip("nothing runs")
				}
				i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
				r := running[i]
				running = slices.Delete(running, i, i+1)
				a.leave(r)
			},
			"go": func(t *rapid.T) {
				p := peers[rapid.IntRange(0, 2).Draw(t, "peer")]
				gone := 0
				a.abandon(p, func(r *Request) {
					if r.peer != p || !slices.Contains(waiting, r) {
						t.Fatal("it has taken what is not waiting, or another's")
					}
					gone++
					waiting = slices.DeleteFunc(waiting, func(o *Request) bool { return o == r })
				})
				if slices.ContainsFunc(waiting, func(r *Request) bool { return r.peer == p }) {
					t.Fatal("something still waits for a connection that has gone")
				}
				delete(order, p)
			},
			"": func(t *rapid.T) {
				serial := 0
				lanes := map[laneKey]int{}
				for _, r := range running {
					if r.command.parallel {
						lanes[laneKey{r.OrcName, r.command.name}]++
						continue
					}
					serial++
					if list := order[r.peer]; slices.Contains(list, r) {
						if list[0] != r {
							t.Fatal("a serial command has overtaken another of its connection")
						}
						order[r.peer] = list[1:]
					}
				}
				if serial > 1 {
					t.Fatalf("%d serial commands run", serial)
				}
				for key, count := range lanes {
					if count > 1 {
						t.Fatalf("%v runs %d times", key, count)
					}
				}
				for _, r := range waiting {
					key := laneKey{r.OrcName, r.command.name}
					if r.command.parallel && lanes[key] == 0 || !r.command.parallel && serial == 0 {
						t.Fatalf("%v waits for nothing", key)
					}
				}
			},
		})
	})
}

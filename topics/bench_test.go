package topics

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// population is n patterns as services use them, spread over namespaces and
// ids, and the topics that they want.
func population(n int) (patterns []*Pattern, wanted []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	hex := func(digits int) string {
		s := ""
		for len(s) < digits {
			s += fmt.Sprintf("%016x", rng.Uint64())
		}
		return s[:digits]
	}
	uuid := func() string {
		return strings.Join([]string{hex(8), hex(4), hex(4), hex(4), hex(12)}, "-")
	}
	token := hex(32)
	for i := range n {
		var pattern, topic string
		switch i % 5 {
		case 0:
			topic = fmt.Sprintf("module-%d::device.changed", i)
			pattern = topic
		case 1:
			topic = fmt.Sprintf("Grom@%s::warehouse.get.%s.", token, uuid())
			pattern, topic = topic+"(finished|error)", topic+"finished"
		case 2:
			id := uuid()
			pattern = fmt.Sprintf("*::desk@*.%s.changed", id)
			topic = fmt.Sprintf("Grom@%s::desk@%d.%s.changed", token, i, id)
		case 3:
			pattern = fmt.Sprintf("service-%d::*", i)
			topic = fmt.Sprintf("service-%d::thermo.room.changed", i)
		case 4:
			pattern = fmt.Sprintf("*::*.<entity@%d>", i)
			topic = fmt.Sprintf("goblin@%s::entity.changed.<entity@%d>", token, i)
		}
		patterns, wanted = append(patterns, MustCompile(pattern)), append(wanted, topic)
	}
	rng.Shuffle(n, func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
	for i, topic := range wanted {
		wanted[i] = strings.Clone(topic) // side by side in memory, as a reader has them
	}
	return patterns, wanted
}

var sizes = []int{1, 100, 1_000, 10_000, 100_000}

// BenchmarkDispatch finds the listeners of a topic among n patterns: always the
// same topic (hit), topics in turn (spread), a topic nobody wants (miss).
func BenchmarkDispatch(b *testing.B) {
	for _, n := range sizes {
		patterns, wanted := population(n)
		r := NewRouter[int]()
		for i, p := range patterns {
			r.Add(p, i)
		}
		run := func(name string, hits int, topic func(i int) string) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				dst, i := make([]int, 0, 8), 0
				for b.Loop() {
					dst = r.AppendMatches(dst[:0], topic(i))
					if len(dst) != hits {
						b.Fatalf("%d listeners to %q", len(dst), topic(i))
					}
					i++
				}
			})
		}
		hit := MustCompile("Grom@0123456789abcdef0123456789abcdef::warehouse.get.01234567-89ab-cdef-0123-456789abcdef.(finished|error)")
		sub := r.Add(hit, -1)
		answer := strings.Replace(hit.String(), "(finished|error)", "finished", 1)
		run("hit", 1, func(int) string { return answer })
		r.Remove(sub)
		run("spread", 1, func(i int) string { return wanted[i%n] })
		miss := "Grom@0123456789abcdef0123456789abcdef::warehouse.get.fedcba98-7654-3210-fedc-ba9876543210.finished"
		run("miss", 0, func(int) string { return miss })
	}
}

func BenchmarkAddRemove(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			patterns, _ := population(n + 1)
			r := NewRouter[int]()
			for i, p := range patterns[:n] {
				r.Add(p, i)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Remove(r.Add(patterns[n], n))
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, bm := range []struct{ name, pattern, topic string }{
		{"literal", "demo::device.changed", "demo::device.changed"},
		{"prefix", "greathall::*", "greathall::heartbeat"},
		{"suffix", "*::warehouse.changed", "Grom@0123456789abcdef0123456789abcdef::warehouse.changed"},
		{"answer", "Grom@0123456789abcdef0123456789abcdef::demo.echo.01234567-89ab-cdef-0123-456789abcdef.(finished|error)",
			"Grom@0123456789abcdef0123456789abcdef::demo.echo.01234567-89ab-cdef-0123-456789abcdef.finished"},
		{"inside", "*::name@*.id.suffix", "Grom@0123456789abcdef0123456789abcdef::name@12.id.suffix"},
		{"alternatives", "*::*.(submit|rollback|publish|restore|archive|trash)-<line>", "Grom@0123456789abcdef0123456789abcdef::entity.archive-<line>"},
		{"expression", "(a|b)::x.(c|d)", "a::x.d"},
		{"expression-unicode", "(é|b)::x.(c|d)", "é::x.d"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			p := MustCompile(bm.pattern)
			b.ReportAllocs()
			for b.Loop() {
				if !p.Match(bm.topic) {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkLongTopic(b *testing.B) {
	for _, bm := range []struct{ name, pattern, fill string }{
		{"stars", "*::" + strings.Repeat("*a", 240) + "*b*a", "a"},
		{"forms", "*::*(" + strings.Repeat("aaaaaaaaaab|aaaaaaaaaac|", 30) + "d)*a", "a"},
		{"expression", "*::" + strings.Repeat("(.*a)", 100) + "b*a", "a"},
	} {
		for _, size := range []int{512, 1024, 2048, 4096} {
			b.Run(fmt.Sprintf("%s/%d", bm.name, size), func(b *testing.B) {
				p, topic := MustCompile(bm.pattern), "ns::"+strings.Repeat(bm.fill, size-4)
				b.SetBytes(int64(size))
				for b.Loop() {
					p.Match(topic)
				}
			})
		}
	}
}

package operators_test

import (
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/observable"
	"github.com/xcraft-go/xbus/observable/obstest"
	op "github.com/xcraft-go/xbus/operators"
)

// Diagrams in virtual time; a sign is a frame, see package obstest. Durations
// are in tenths of a frame, so that no two things happen at the same moment.
const tenth = obstest.Frame / 10

type text = observable.Observable[string]

type marbleTest struct {
	name string
	in   text
	want string
}

// runMarbles runs the tests that build makes of diagrams, each in a bubble of its own.
func runMarbles(t *testing.T, build func(m func(diagram string) text) []marbleTest) {
	in := func(t *testing.T) []marbleTest {
		return build(func(diagram string) text { return obstest.Cold(t, diagram) })
	}
	var tests []marbleTest
	obstest.Run(t, func(t *testing.T) { tests = in(t) })
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			obstest.Run(t, func(t *testing.T) { obstest.Expect(t, in(t)[i].in, tt.want) })
		})
	}
}

func join(items []string) string { return strings.Join(items, "") }

// chunks draws the chunks of a diagram.
func chunks(in text, n int, d time.Duration) text { return op.Map(op.Chunk(in, n, d), join) }

func pair(a, b string) string { return a + b }

func TestTimeMarbles(t *testing.T) {
	runMarbles(t, func(m func(string) text) []marbleTest {
		return []marbleTest{
			{"debounce: after a pause; what waits comes with the end", op.Debounce(m("-a-b---c-|"), 24*tenth), "-----b---(c|)"},
			{"debounce: what waits is dropped at an error", op.Debounce(m("-a-b---c-#"), 24*tenth), "-----b---#"},
			{"debounce: an item begins the wait anew", op.Debounce(m("ababab-----|"), 24*tenth), "-------b---|"},
			{"debounce: nothing, nothing", op.Debounce(m("---|"), 24*tenth), "---|"},

			{"throttle: leading", op.Throttle(m("abcdefg|"), 25*tenth, op.Leading), "a--d--g|"},
			{"throttle: trailing", op.Throttle(m("abcdefg|"), 24*tenth, op.Trailing), "--c-e--(g|)"},
			{"throttle: both", op.Throttle(m("abcdefg|"), 24*tenth, op.Leading|op.Trailing), "a-c-e--(g|)"},
			{"throttle: both, a single item comes once", op.Throttle(m("a-------b---|"), 24*tenth, op.Leading|op.Trailing), "a-------b---|"},
			{"throttle: both, dropped at an error", op.Throttle(m("ab#"), 24*tenth, op.Leading|op.Trailing), "a-#"},
			{"throttle: trailing begins a period", op.Throttle(m("ab-c-----|"), 24*tenth, op.Trailing), "--b-c----|"},

			{"audit: the next item begins the next period", op.Audit(m("abcdefg|"), 24*tenth), "--c--f-(g|)"},
			{"audit: nothing while idle", op.Audit(m("a------b----|"), 24*tenth), "--a------b--|"},
			{"audit: dropped at an error", op.Audit(m("abcd#"), 24*tenth), "--c-#"},

			{"sample: by the clock", op.Sample(m("abcdefg|"), 24*tenth), "--c-e--(g|)"},
			{"sample: nothing new, nothing emitted", op.Sample(m("a------b-|"), 24*tenth), "--a----b-|"},
			{"sample: the clock does not begin with an item", op.Sample(m("----a---|"), 24*tenth), "----a---|"},
			{"sample: dropped at an error", op.Sample(m("abcd#"), 24*tenth), "--c-#"},

			{"chunk: by count or by time", chunks(m("ab-cdef|"), 3, 24*tenth), "--{ab}--{cde}-(f|)"},
			{"chunk: the time counts from the first item", chunks(m("---a--b----|"), 3, 24*tenth), "-----a--b--|"},
			{"chunk: a full one stops the clock", chunks(m("ab-c---|"), 2, 24*tenth), "-{ab}---c-|"},
			{"chunk: dropped at an error", chunks(m("abcd#"), 3, time.Second), "--{abc}-#"},
			{"chunk: by count alone", chunks(m("abcde|"), 2, 0), "-{ab}-{cd}-(e|)"},
			{"chunk: by count alone, dropped at an error", chunks(m("abcde#"), 2, 0), "-{ab}-{cd}-#"},
			{"chunk: no empty one", chunks(m("---|"), 2, 5*tenth), "---|"},

			{"delay: distances are kept", op.Delay(m("ab--c|"), 24*tenth), "--ab--(c|)"},
			{"delay: the end waits only for items", op.Delay(m("a----|"), 24*tenth), "--a--|"},
			{"delay: an error does not wait", op.Delay(m("ab-c#"), 24*tenth), "--ab#"},
			{"delay each: the source waits", op.DelayEach(m("ab---c|"), 24*tenth), "--a-b--(c|)"},

			{"timeout: in time", op.Timeout(m("-a-b-c-|"), 15*tenth, 25*tenth), "-a-b-c-|"},
			{"timeout: the first one is late", op.Timeout(m("--a|"), 15*tenth, 0), "-#"},
			{"timeout: a later one is late", op.Timeout(m("-a-b---c|"), 0, 25*tenth), "-a-b-#"},
			{"timeout: the end is late", op.Timeout(m("a----|"), 0, 25*tenth), "a-#"},
			{"timeout: no limit after the first", op.Timeout(m("a------b|"), 5*tenth, 0), "a------b|"},
			{"timeout: no limit for the first", op.Timeout(m("-------ab|"), 0, 15*tenth), "-------ab|"},
		}
	})
}

func TestCombineMarbles(t *testing.T) {
	runMarbles(t, func(m func(string) text) []marbleTest {
		return []marbleTest{
			{"merge", op.Merge(m("a-b-|"), m("-c-d---|")), "acbd---|"},
			{"merge: the first error stops the others", op.Merge(m("a-b#"), m("-c---d|")), "acb#"},
			{"merge: of none", op.Merge[string](), "|"},
			{"concat: the second starts after the first", op.Concat(m("-a|"), m("-b|"), m("|")), "-a-b|"},
			{"concat: an error ends it", op.Concat(m("-a#"), m("-b|")), "-a#"},
			{"start with", op.StartWith(m("-a|"), "x", "y"), "(xy)a|"},
			{"end with", op.EndWith(m("-a|"), "x", "y"), "-a(xy|)"},
			{"end with: not after an error", op.EndWith(m("-a#"), "x"), "-a#"},

			{"combine: from when all are there", op.CombineLatest(m("a---b-|"), m("--1--2--|"), pair), "--{a1}-{b1}{b2}--|"},
			{"combine: the last value of a complete source stays", op.CombineLatest(m("a|"), m("-1-2|"), pair), "-{a1}-{a2}|"},
			{"combine: complete when all are, even without a combination", op.CombineLatest(m("a|"), m("----|"), pair), "----|"},
			{"combine: an error of one", op.CombineLatest(m("a--b"), m("-1#"), pair), "-{a1}#"},
			{"combine 3", op.CombineLatest3(m("a----|"), m("-1--2|"), m("--x|"),
				func(a, b, c string) string { return a + b + c }), "--{a1x}-{a2x}|"},
			{"combine 4", op.CombineLatest4(m("a|"), m("b|"), m("-c|"), m("--d-e|"),
				func(a, b, c, d string) string { return a + b + c + d }), "--{abcd}-{abce}|"},
			{"combine all", op.Map(op.CombineLatestAll([]text{m("a--b|"), m("-c|")}), join), "-{ac}-{bc}|"},
			{"combine all: of none", op.Map(op.CombineLatestAll([]text{}), join), "|"},

			{"with latest from: dropped until there is one", op.WithLatestFrom(m("ab-c-d-|"), m("--1-2|"), pair), "---{c1}-{d2}-|"},
			{"with latest from: an error of the other", op.WithLatestFrom(m("-----a|"), m("1--#"), pair), "---#"},
			{"zip: in pairs", op.Zip(m("abc---|"), m("-1--2--|"), pair), "-{a1}--{b2}--|"},
			{"zip: the end of one is the end", op.Zip(m("a|"), m("1----2|"), pair), "{a1}|"},
			{"zip: while an item waits for its partner", op.Zip(m("ab--------|"), m("1--|"), pair), "{a1}--|"},
			{"race: the first to emit", op.Race(m("--a-b|"), m("-c-d--|")), "-c-d--|"},
			{"race: the first to complete", op.Race(m("--a|"), m("-|")), "-|"},
			{"race: the first to fail", op.Race(m("--a|"), m("-#")), "-#"},
			{"race: who lost cannot fail it", op.Race(m("-a---b|"), m("--#")), "-a---b|"},
			{"race: of none", op.Race[string](), "|"},

			{"take until", op.TakeUntil(m("a-b-c-d|"), m("---x")), "a-b|"},
			{"take until: completion of the other does nothing", op.TakeUntil(m("a-b-c|"), m("-|")), "a-b-c|"},
			{"take until: an error of the other", op.TakeUntil(m("a-b-c|"), m("---#")), "a-b#"},
			{"take until: while the source is silent", op.TakeUntil(m("--------a"), m("---x")), "---|"},
		}
	})
}

func TestFlattenMarbles(t *testing.T) {
	dropped := ""
	drop := func(n int) { dropped += string(rune('0' + n)) }
	runMarbles(t, func(m func(string) text) []marbleTest {
		// After a, the items 1a in frame 1.5, 2a in frame 3.5; the end in frame 6.
		inner := func(v string) text {
			return op.Map(op.Concat(op.Delay(m("-1-2|"), 5*tenth), m("--|")), func(n string) string { return n + v })
		}
		return []marbleTest{
			{"concat map: one after the other", op.ConcatMap(m("ab|"), inner), "-{1a}-{2a}---{1b}-{2b}--|"},
			{"switch map: the latest", op.SwitchMap(m("a---b------|"), inner), "-{1a}-{2a}-{1b}-{2b}---|"},
			{"switch map: complete after the last inner stream", op.SwitchMap(m("ab|"), inner), "--{1b}-{2b}--|"},
			{"switch map: an inner error", op.SwitchMap(m("a-----b"), func(string) text { return m("-x#") }), "-x#"},
			{"switch map: an outer error", op.SwitchMap(m("a--#"), inner), "-{1a}-#"},
			{"exhaust map: what comes meanwhile is dropped", op.ExhaustMap(m("ab---c---d|"), inner, drop), "-{1a}-{2a}------{1d}-{2d}--|"},
			{"merge map: at most two", op.MergeMap(m("abc|"), 2, inner), "-{1a}{1b}{2a}{2b}--{1c}-{2c}--|"},
			{"merge map: one at a time", op.MergeMap(m("ab|"), 1, inner), "-{1a}-{2a}---{1b}-{2b}--|"},
			{"merge map: an inner error", op.MergeMap(m("ab-c|"), 9, func(v string) text {
				if v == "b" {
					return m("-#")
				}
				return m("x--x--x|")
			}), "x-#"},
		}
	})
	if dropped != "2" {
		t.Errorf("drops reported: %q, want one report of 2", dropped)
	}
}

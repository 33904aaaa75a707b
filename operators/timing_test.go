package operators_test

import (
	"strings"
	"testing"
	"time"

	"github.com/xcraft-go/xbus/observable"
	op "github.com/xcraft-go/xbus/operators"
)

type text = observable.Observable[string]

func join(items []string) string { return strings.Join(items, "") }

// chunks draws the chunks of a diagram.
func chunks(in string, n int, d time.Duration) text { return op.Map(op.Chunk(marbles(in), n, d), join) }

func pair(a, b string) string { return a + b }

func TestTimeMarbles(t *testing.T) {
	m := marbles
	runMarbles(t, []marbleTest{
		{"debounce: after a pause; what waits comes with the end", op.Debounce(m("-a-b---c-|"), 24*ms), "-----b---(c|)"},
		{"debounce: what waits is dropped at an error", op.Debounce(m("-a-b---c-#"), 24*ms), "-----b---#"},
		{"debounce: an item begins the wait anew", op.Debounce(m("ababab-----|"), 24*ms), "-------b---|"},
		{"debounce: nothing, nothing", op.Debounce(m("---|"), 24*ms), "---|"},

		{"throttle: leading", op.Throttle(m("abcdefg|"), 25*ms, op.Leading), "a--d--g|"},
		{"throttle: trailing", op.Throttle(m("abcdefg|"), 24*ms, op.Trailing), "--c-e--(g|)"},
		{"throttle: both", op.Throttle(m("abcdefg|"), 24*ms, op.Leading|op.Trailing), "a-c-e--(g|)"},
		{"throttle: both, a single item comes once", op.Throttle(m("a-------b---|"), 24*ms, op.Leading|op.Trailing), "a-------b---|"},
		{"throttle: both, dropped at an error", op.Throttle(m("ab#"), 24*ms, op.Leading|op.Trailing), "a-#"},
		{"throttle: trailing begins a period", op.Throttle(m("ab-c-----|"), 24*ms, op.Trailing), "--b-c----|"},

		{"audit: the next item begins the next period", op.Audit(m("abcdefg|"), 24*ms), "--c--f-(g|)"},
		{"audit: nothing while idle", op.Audit(m("a------b----|"), 24*ms), "--a------b--|"},
		{"audit: dropped at an error", op.Audit(m("abcd#"), 24*ms), "--c-#"},

		{"sample: by the clock", op.Sample(m("abcdefg|"), 24*ms), "--c-e--(g|)"},
		{"sample: nothing new, nothing emitted", op.Sample(m("a------b-|"), 24*ms), "--a----b-|"},
		{"sample: the clock does not begin with an item", op.Sample(m("----a---|"), 24*ms), "----a---|"},
		{"sample: dropped at an error", op.Sample(m("abcd#"), 24*ms), "--c-#"},

		{"chunk: by count or by time", chunks("ab-cdef|", 3, 24*ms), "--(ab)--(cde)-(f|)"},
		{"chunk: the time counts from the first item", chunks("---a--b----|", 3, 24*ms), "-----a--b--|"},
		{"chunk: a full one stops the clock", chunks("ab-c---|", 2, 24*ms), "-(ab)---c-|"},
		{"chunk: dropped at an error", chunks("abcd#", 3, time.Second), "--(abc)-#"},
		{"chunk: by count alone", chunks("abcde|", 2, 0), "-(ab)-(cd)-(e|)"},
		{"chunk: by count alone, dropped at an error", chunks("abcde#", 2, 0), "-(ab)-(cd)-#"},
		{"chunk: no empty one", chunks("---|", 2, 5*ms), "---|"},

		{"delay: distances are kept", op.Delay(m("ab--c|"), 24*ms), "--ab--(c|)"},
		{"delay: the end waits only for items", op.Delay(m("a----|"), 24*ms), "--a--|"},
		{"delay: an error does not wait", op.Delay(m("ab-c#"), 24*ms), "--ab#"},
		{"delay each: the source waits", op.DelayEach(m("ab---c|"), 24*ms), "--a--b------c|"},

		{"timeout: in time", op.Timeout(m("-a-b-c-|"), 15*ms, 25*ms), "-a-b-c-|"},
		{"timeout: the first one is late", op.Timeout(m("--a|"), 15*ms, 0), "-((operators: time-out: no item for 15ms))"},
		{"timeout: a later one is late", op.Timeout(m("-a-b---c|"), 0, 25*ms), "-a-b-((operators: time-out: no item for 25ms))"},
		{"timeout: the end is late", op.Timeout(m("a----|"), 0, 25*ms), "a-((operators: time-out: no item for 25ms))"},
		{"timeout: no limit after the first", op.Timeout(m("a------b|"), 5*ms, 0), "a------b|"},
		{"timeout: no limit for the first", op.Timeout(m("-------ab|"), 0, 15*ms), "-------ab|"},
	})
}

func TestCombineMarbles(t *testing.T) {
	m := marbles
	runMarbles(t, []marbleTest{
		{"merge", op.Merge(m("a-b-|"), m("-c-d---|")), "acbd---|"},
		{"merge: the first error stops the others", op.Merge(m("a-b#"), m("-c---d|")), "acb#"},
		{"merge: of none", op.Merge[string](), "|"},
		{"concat: the second starts after the first", op.Concat(m("-a|"), m("-b|"), m("|")), "-a-b|"},
		{"concat: an error ends it", op.Concat(m("-a#"), m("-b|")), "-a#"},
		{"start with", op.StartWith(m("-a|"), "x", "y"), "(xy)a|"},
		{"end with", op.EndWith(m("-a|"), "x", "y"), "-a(xy|)"},
		{"end with: not after an error", op.EndWith(m("-a#"), "x"), "-a#"},

		{"combine: from when all are there", op.CombineLatest(m("a---b-|"), m("--1--2--|"), pair), "--(a1)-(b1)(b2)--|"},
		{"combine: the last value of a complete source stays", op.CombineLatest(m("a|"), m("-1-2|"), pair), "-(a1)-(a2)|"},
		{"combine: complete when all are, even without a combination", op.CombineLatest(m("a|"), m("----|"), pair), "----|"},
		{"combine: an error of one", op.CombineLatest(m("a--b"), m("-1#"), pair), "-(a1)#"},
		{"combine 3", op.CombineLatest3(m("a----|"), m("-1--2|"), m("--x|"),
			func(a, b, c string) string { return a + b + c }), "--(a1x)-(a2x)|"},
		{"combine 4", op.CombineLatest4(m("a|"), m("b|"), m("-c|"), m("--d-e|"),
			func(a, b, c, d string) string { return a + b + c + d }), "--(abcd)-(abce)|"},
		{"combine all", op.Map(op.CombineLatestAll([]text{m("a--b|"), m("-c|")}), join), "-(ac)-(bc)|"},
		{"combine all: of none", op.Map(op.CombineLatestAll([]text{}), join), "|"},

		{"with latest from: dropped until there is one", op.WithLatestFrom(m("ab-c-d-|"), m("--1-2|"), pair), "---(c1)-(d2)-|"},
		{"with latest from: an error of the other", op.WithLatestFrom(m("-----a|"), m("1--#"), pair), "---#"},
		{"zip: in pairs", op.Zip(m("abc---|"), m("-1--2--|"), pair), "-(a1)--(b2)--|"},
		{"zip: the end of one is the end", op.Zip(m("a|"), m("1----2|"), pair), "(a1)|"},
		{"zip: while an item waits for its partner", op.Zip(m("ab--------|"), m("1--|"), pair), "(a1)--|"},
		{"race: the first to emit", op.Race(m("--a-b|"), m("-c-d--|")), "-c-d--|"},
		{"race: the first to complete", op.Race(m("--a|"), m("-|")), "-|"},
		{"race: the first to fail", op.Race(m("--a|"), m("-#")), "-#"},
		{"race: who lost cannot fail it", op.Race(m("-a---b|"), m("--#")), "-a---b|"},
		{"race: of none", op.Race[string](), "|"},

		{"take until", op.TakeUntil(m("a-b-c-d|"), m("---x")), "a-b|"},
		{"take until: completion of the other does nothing", op.TakeUntil(m("a-b-c|"), m("-|")), "a-b-c|"},
		{"take until: an error of the other", op.TakeUntil(m("a-b-c|"), m("---#")), "a-b#"},
		{"take until: while the source is silent", op.TakeUntil(m("--------a"), m("---x")), "---|"},
	})
}

func TestFlattenMarbles(t *testing.T) {
	// After a, the items 1a at 15 ms, 2a at 35 ms; the end at 60 ms.
	inner := func(v string) text {
		return op.Map(op.Concat(op.Delay(m15(), 5*ms), marbles("--|")), func(n string) string { return n + v })
	}
	dropped := ""
	drop := func(n int) { dropped += string(rune('0' + n)) }
	runMarbles(t, []marbleTest{
		{"concat map: one after the other", op.ConcatMap(marbles("ab|"), inner), "-(1a)-(2a)----(1b)-(2b)---|"},
		{"switch map: the latest", op.SwitchMap(marbles("a---b------|"), inner), "-(1a)-(2a)-(1b)-(2b)---|"},
		{"switch map: complete after the last inner stream", op.SwitchMap(marbles("ab|"), inner), "--(1b)-(2b)--|"},
		{"switch map: an inner error", op.SwitchMap(marbles("a-----b"), func(string) text { return marbles("-x#") }), "-x#"},
		{"switch map: an outer error", op.SwitchMap(marbles("a--#"), inner), "-(1a)-#"},
		{"exhaust map: what comes meanwhile is dropped", op.ExhaustMap(marbles("ab---c---d|"), inner, drop), "-(1a)-(2a)------(1d)-(2d)--|"},
		{"merge map: at most two", op.MergeMap(marbles("abc|"), 2, inner), "-(1a)(1b)(2a)(2b)--(1c)-(2c)--|"},
		{"merge map: one at a time", op.MergeMap(marbles("ab|"), 1, inner), "-(1a)-(2a)---(1b)-(2b)--|"},
		{"merge map: an inner error", op.MergeMap(marbles("ab-c|"), 9, func(v string) text {
			if v == "b" {
				return marbles("-#")
			}
			return marbles("x--x--x|")
		}), "x-#"},
	})
	if dropped != "2" {
		t.Errorf("drops reported: %q, want one report of 2", dropped)
	}
}

// m15 emits 1 at 10 ms and 2 at 30 ms and is complete then.
func m15() text { return marbles("-1-2|") }

package xbus

import (
	"testing"

	"pgregory.net/rapid"
)

// A position against what a hall does: it numbers events, keeps some, and sends
// those again that the client has not seen. Each gap counts what was published
// since the last one and did not come, and what was promised and did not come.
func TestPositionCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p position
		var published, unseen, promised uint64
		var kept []uint64
		for range rapid.IntRange(1, 8).Draw(t, "sessions") {
			var replay []uint64
			for _, n := range kept {
				if n > p.last() {
					replay = append(replay, n)
				}
			}
			missed := p.resume(resume{Session: "s", Known: true, Seq: published, Replayed: uint64(len(replay))})
			if want := unseen + promised; missed != want {
				t.Fatalf("missed %d, want %d unseen and %d promised", missed, unseen, promised)
			}
			if uint64(len(replay)) < promised {
				t.Fatalf("%d are sent again, %d were promised before", len(replay), promised)
			}
			came := rapid.IntRange(0, len(replay)).Draw(t, "came")
			for _, n := range replay[:came] {
				p.came(n)
			}
			promised, unseen = uint64(len(replay)-came), 0
			if promised == 0 { // the live ones come behind the replay
				for range rapid.IntRange(0, 5).Draw(t, "live") {
					published++
					p.came(published)
				}
			}
			for range rapid.IntRange(0, 5).Draw(t, "lost") {
				published++
				unseen++
				if rapid.Bool().Draw(t, "kept") {
					kept = append(kept, published)
				}
			}
		}
	})
}

func TestPosition(t *testing.T) {
	var p position
	p.came(0)
	if missed := p.resume(resume{Session: "s", Seq: 0}); missed != 0 || p.last() != 0 {
		t.Errorf("the first session: %d, %+v", missed, p)
	}
	p.came(1)
	p.came(2)
	// 3 to 10 are missed, 5 and 7 come again, of which one is lost.
	if missed := p.resume(resume{Session: "s", Known: true, Seq: 10, Replayed: 2}); missed != 8 || p.last() != 2 {
		t.Errorf("missed %d, %+v", missed, p)
	}
	p.came(5)
	if p.last() != 5 {
		t.Errorf("the hall would send the wrong ones again: %+v", p)
	}
	// 7, which was promised, and 11 were missed; 7 comes now.
	if missed := p.resume(resume{Session: "s", Known: true, Seq: 11, Replayed: 1}); missed != 2 || p.last() != 5 {
		t.Errorf("missed %d, %+v", missed, p)
	}
	p.came(7)
	if p.last() != 11 {
		t.Errorf("%+v", p)
	}
	p.came(12)
	if missed := p.resume(resume{Session: "s", Known: true, Seq: 12}); missed != 0 || p.last() != 12 {
		t.Errorf("missed %d, %+v", missed, p)
	}
	// Another hall begins anew.
	if missed := p.resume(resume{Session: "t", Seq: 3}); missed != 0 || p.last() != 3 {
		t.Errorf("missed %d, %+v", missed, p)
	}
	p.came(4)
	if missed := p.resume(resume{}); missed != 0 || p.last() != 0 {
		t.Errorf("a foreign hall: %d, %+v", missed, p)
	}
}

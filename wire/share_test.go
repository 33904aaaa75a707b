package wire

import (
	"bytes"
	"sync"
	"testing"
)

// TestShare writes one message to several receivers at once: each gets what it
// would have got alone.
func TestShare(t *testing.T) {
	for _, m := range []*Message{
		benchEvent(300), benchCommand(), {Topic: "a::b", Rare: &Rare{Extra: []byte(`"x":1`), Horde: "h"}},
		{Topic: "a::b", Chunk: []byte("chunk"), Data: []byte(`{"chunk":null}`)}, {Topic: "gameover", Bare: true},
		mustRead(t, mustAppend(t, benchEvent(300))),
	} {
		common := *m
		common.Share()
		var receivers sync.WaitGroup
		for seq := range uint64(8) {
			alone, shared := *m, common
			alone.Seq, shared.Seq = seq, seq
			want := mustAppend(t, &alone)
			receivers.Go(func() {
				if got, err := Append(nil, &shared); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%q for number %d, %v; want %q", got, seq, err, want)
				}
			})
		}
		receivers.Wait()
		for name, other := range map[string]*Message{"Edit": common.Edit(), "Clone": common.Clone()} {
			if other.raw = nil; other.Bare {
				continue
			}
			other.OrcName = "changed"
			if got := AppendEnvelope(nil, other); !bytes.Contains(got, []byte(`"changed"`)) {
				t.Errorf("%s still writes %q", name, got)
			}
		}
	}
}

// TestIDsOfASlab come from memory that is given out once.
func TestIDsOfASlab(t *testing.T) {
	seen := make(map[string]bool)
	var ids []string
	for range 3 * idsTogether {
		ids = append(ids, NewID())
	}
	for _, id := range ids {
		if len(id) != IDLen || seen[id] {
			t.Fatalf("%q is no id, or comes twice", id)
		}
		seen[id] = true
	}
	if n := testing.AllocsPerRun(1000, func() { NewID() }); n > 0.5 {
		t.Errorf("an id takes %v allocations", n)
	}
}

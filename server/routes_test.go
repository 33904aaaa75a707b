package server

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Who reads the list of sessions sees those that were there, whoever joins and
// leaves meanwhile, and each of them once.
func TestRoutesReadersKeepTheirList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r routes
		r.init()
		sessions := make([]*session, 8)
		for i := range sessions {
			sessions[i] = &session{id: string(rune('a' + i))}
		}
		one := rapid.SampledFrom(sessions)
		var want []*session
		var seen, kept [][]*session
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				s := one.Draw(t, "session")
				r.join(s)
				if !slices.Contains(want, s) {
					want = append(slices.Clone(want), s)
				}
			},
			"forget": func(t *rapid.T) {
				gone := rapid.SliceOfNDistinct(one, 0, 3, func(s *session) string { return s.id }).Draw(t, "sessions")
				r.forget(gone...)
				want = slices.DeleteFunc(slices.Clone(want), func(s *session) bool { return slices.Contains(gone, s) })
			},
			"read": func(*rapid.T) {
				list := *r.all.Load()
				seen, kept = append(seen, list), append(kept, slices.Clone(list))
			},
			"": func(t *rapid.T) {
				if list := *r.all.Load(); !slices.Equal(list, want) {
					t.Fatalf("the list has %d sessions, want %d", len(list), len(want))
				}
				for i, list := range seen {
					if !slices.Equal(list, kept[i]) {
						t.Fatal("a list that is read has changed")
					}
				}
			},
		})
	})
}

package topics

import "strings"

// spaces counts the patterns by the namespace that their topics have, so that
// there is an answer to whether any of them is about one. Namespaces share
// counters, which takes no more memory for many of them.
type spaces struct {
	byHash *[64]uint32 // nil before the first one
	any    uint32      // patterns that leave the namespace open
}

// of returns the counter of a pattern.
func (s *spaces) of(p *Pattern, known *filter) *uint32 {
	space, ok := p.namespace()
	if !ok {
		return &s.any
	}
	if s.byHash == nil {
		s.byHash = new([64]uint32)
	}
	return &s.byHash[known.hash(space)&63]
}

// namespace returns the namespace of all topics that the pattern matches, if it
// is certain that they have one and the same.
func (p *Pattern) namespace() (space string, ok bool) {
	switch {
	case p.form == literal:
		space, _, ok = strings.Cut(p.text, "::")
	case p.form == cut && p.parts[0].more == nil:
		space, _, ok = strings.Cut(p.parts[0].text, "::")
	}
	return space, ok
}

// Reaches reports whether patterns may match topics of a namespace, which is
// what stands before the first "::" of a topic. A no is certain, as long as
// Changes is what it was before.
func (r *Router[S]) Reaches(namespace string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := &r.spaces
	return s.any > 0 || s.byHash != nil && s.byHash[r.known.hash(namespace)&63] > 0
}

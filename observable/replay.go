package observable

// replay keeps the last values of a Subject; the zero replay keeps none.
type replay[T any] struct {
	limit int
	kept  []T // grows up to limit, then goes round
	next  int // where the oldest is, once it goes round
}

func newReplaySubject[T any](n int, defaults []SubscribeOption) *Subject[T] {
	return &Subject[T]{defaults: defaults, past: replay[T]{limit: n}}
}

func (r *replay[T]) add(v T) {
	switch {
	case r.limit == 0:
	case len(r.kept) < r.limit:
		r.kept = append(r.kept, v)
	default:
		r.kept[r.next] = v
		r.next = (r.next + 1) % r.limit
	}
}

// values returns what is kept, oldest first.
func (r *replay[T]) values() []T {
	if len(r.kept) == 0 {
		return nil
	}
	return append(append(make([]T, 0, len(r.kept)), r.kept[r.next:]...), r.kept[:r.next]...)
}

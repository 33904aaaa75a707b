package payload

// Limits bound what a text may cost. A field that is 0 or less stands for its
// default, so the zero Limits are those to use in front of a network.
type Limits struct {
	// Text is the longest text in bytes; 64 MiB by default.
	Text int
	// Depth is how many containers may stand inside one another; 1000 by
	// default. It is what keeps the stack of everybody who walks the value.
	Depth int
	// Values is how many values a text may hold, each use of a shared one
	// counted; 4 Mi by default. Decoding takes at most about 200 bytes a value.
	Values int
}

const (
	defaultText   = 64 << 20
	defaultDepth  = 1000
	defaultValues = 4 << 20
)

// filled returns the limits with the defaults in place.
func (l Limits) filled() Limits {
	if l.Text <= 0 {
		l.Text = defaultText
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Values <= 0 {
		l.Values = defaultValues
	}
	l.Text = min(l.Text, 1<<31-1)
	l.Values = min(l.Values, 1<<30)
	return l
}

func (l Limits) text(n int) error {
	if n > l.Text {
		return &LimitError{Limit: "Text", Max: l.Text}
	}
	return nil
}

// A meter counts what a walk visits: shared values make a small text expand
// without end.
type meter struct {
	limits Limits
	depth  int
	values int
}

func newMeter(l Limits) meter { return meter{limits: l.filled()} }

// enter counts one container of n values that stands inside the others; leave
// undoes the depth.
func (m *meter) enter(n int) error {
	m.depth++
	m.values += n + 1
	if m.depth > m.limits.Depth {
		return &LimitError{Limit: "Depth", Max: m.limits.Depth}
	}
	if m.values > m.limits.Values {
		return &LimitError{Limit: "Values", Max: m.limits.Values}
	}
	return nil
}

func (m *meter) leave() { m.depth-- }

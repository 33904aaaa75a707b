package observable

// A Policy says what a subscription does with a value for which it has no
// room. The zero Policy is DropOldest.
type Policy struct {
	kind  policyKind
	keyed *keyedPolicy // ConflateBy only
}

type policyKind uint8

const (
	dropOldest policyKind = iota
	dropNewest
	block
	conflate
	conflateBy
	failOnOverflow
)

// keyedPolicy makes, for each subscription, the queue that knows the key's type.
type keyedPolicy struct {
	make func() any // a keyedQueue[T]
	of   string     // T, for messages
}

var (
	// DropOldest makes room by dropping the value that has waited longest. The
	// default: a reader that lags sees the newest values, and how many it missed.
	DropOldest = Policy{kind: dropOldest}

	// DropNewest drops the value that finds no room.
	DropNewest = Policy{kind: dropNewest}

	// Block makes the publisher wait for room, until its context is done: then
	// the value is dropped and counted. Only for publishers that may wait.
	Block = Policy{kind: block}

	// Conflate keeps the latest value only, whatever the limit: a reader that
	// lags finds the present and never the past.
	Conflate = Policy{kind: conflate}

	// FailOnOverflow ends the subscription with an *OverflowError after what it
	// has buffered: for streams in which a gap is an error, not a statistic.
	FailOnOverflow = Policy{kind: failOnOverflow}
)

// ConflateBy keeps the latest value of each key. A newer value takes the place
// of the one that waits, so that each key is heard in its turn however often it
// changes; beyond the limit, the key that has waited longest is dropped. The
// value that was replaced counts as dropped.
//
// key runs on the publisher, outside of locks: it must be quick.
func ConflateBy[T any, K comparable](key func(T) K) Policy {
	if key == nil {
		return Policy{kind: conflateBy}
	}
	return Policy{kind: conflateBy, keyed: &keyedPolicy{
		make: func() any { return newKeyedQueue(key) },
		of:   typeName[T](),
	}}
}

// String names the policy, as in "DropOldest".
func (p Policy) String() string {
	switch p.kind {
	case dropOldest:
		return "DropOldest"
	case dropNewest:
		return "DropNewest"
	case block:
		return "Block"
	case conflate:
		return "Conflate"
	case conflateBy:
		return "ConflateBy"
	default:
		return "FailOnOverflow"
	}
}

package observable

// A Loss is what WithOnLoss reports: the subscription has begun to lose values.
//
// The hook runs on a goroutine of its own, which exists only while there is
// something to report, so a hook that is slow delays its next report and
// nothing else: not the publisher, not the consumer. It is never called twice
// at a time. The end of All, Observable and the wait of Chan return after it has
// returned; so the hook may close the subscription, and must not wait for its
// consumer.
type Loss struct {
	Lost     uint64 // in this episode, until the hook was called
	Dropped  uint64 // in the whole life of the subscription
	Buffered int    // values that wait
	Policy   Policy
}

// losses is the state of the hook, guarded by the subscription's lock.
type losses struct {
	until   uint64 // the consumer has caught up when it comes to this number: the next loss begins an episode
	lost    uint64 // in the present episode; 0 when there was none yet
	pending bool   // an episode that was not reported
	running bool   // the goroutine of the hook exists
}

// lost counts n lost values, of which some were displaced just now, and reports
// them if they begin an episode. The episode lasts until the consumer comes to
// number until.
func (s *Subscription[T]) lost(n, displaced, until uint64) {
	if s.onLoss == nil {
		return
	}
	e := &s.episode
	if e.lost == 0 || s.look() >= e.until+displaced {
		e.lost, e.pending = 0, true
	}
	e.lost += n
	e.until = until
	if e.pending && !e.running {
		e.running = true
		s.helpers.Go(s.report)
	}
}

func (s *Subscription[T]) report() {
	for {
		loss, ok := s.nextReport()
		if !ok {
			return
		}
		s.onLoss(loss)
	}
}

func (s *Subscription[T]) nextReport() (Loss, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.episode
	if !e.pending {
		e.running = false
		return Loss{}, false
	}
	e.pending = false
	return Loss{
		Lost:     e.lost,
		Dropped:  s.displaced + s.unplaced,
		Buffered: int(s.tail - s.look()),
		Policy:   s.policy,
	}, true
}

package peer

import (
	"errors"
	"slices"
	"sync"
)

// A closing collects what is to be undone, and undoes it from the last one on.
type closing []func() error

func (c *closing) then(f func() error) { *c = append(*c, f) }

func (c *closing) thenQuietly(f func()) { c.then(func() error { f(); return nil }) }

// thenWait waits for goroutines.
func (c *closing) thenWait(wg *sync.WaitGroup) { c.thenQuietly(wg.Wait) }

// Close undoes all of it, once.
func (c *closing) Close() error {
	list := slices.Backward(*c)
	*c = nil
	var errs []error
	for _, f := range list {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// begin runs the start of a peer and undoes what it has begun when it fails.
func begin[T Running](peer T, start func() error) (T, error) {
	if err := start(); err != nil {
		var none T
		return none, errors.Join(err, peer.Close())
	}
	return peer, nil
}

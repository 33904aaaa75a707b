package measure

import (
	"context"
	"time"
)

// Time is how long one sample takes, about.
func (b *Bench) Time() time.Duration {
	if b.Quick {
		return 120 * time.Millisecond
	}
	return 250 * time.Millisecond
}

// Calibrate returns how many messages fill the time of a sample, at least least.
// It runs f with few and then with more, which warms up what f measures.
func (b *Bench) Calibrate(ctx context.Context, least int, f func(ctx context.Context, n int) error) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for n := least; ; {
		began := time.Now()
		if err := f(ctx, n); err != nil {
			return 0, err
		}
		took := max(time.Since(began), time.Microsecond)
		want := max(int(float64(n)*b.Time().Seconds()/took.Seconds()), least)
		if took >= b.Time()/4 || want <= n {
			return want, nil
		}
		n = min(want, 20*n)
	}
}

package operators_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcraft-go/xbus/observable"
)

// Marbles: one character is 10 ms. A letter or digit is an item, '|' the end,
// '#' a failure, '-' nothing; what comes in one frame stands in parentheses.

const frame = 10 * time.Millisecond

type failure struct{}

func (failure) Error() string { return "#" }

// marbles is the stream of a diagram.
func marbles(diagram string) observable.Observable[string] {
	return observable.New(func(ctx context.Context, yield func(string) bool) error {
		for _, c := range diagram {
			switch c {
			case '-':
			case '|':
				return nil
			case '#':
				return failure{}
			default:
				if !yield(string(c)) {
					return nil
				}
			}
			if !sleep(ctx, frame) {
				return context.Cause(ctx)
			}
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// diagram runs s, for a minute at most, and draws what came of it.
func diagram(ctx context.Context, s observable.Observable[string]) string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	var frames []string
	draw := func(sign string) {
		for at := int(time.Since(began) / frame); len(frames) <= at; {
			frames = append(frames, "")
		}
		frames[len(frames)-1] += sign
	}
	err := s.Run(ctx, func(v string) bool {
		draw(v)
		return true
	})
	switch err {
	case nil:
		draw("|")
	case failure{}:
		draw("#")
	default:
		draw("(" + err.Error() + ")")
	}
	var all strings.Builder
	for _, signs := range frames {
		switch len(signs) {
		case 0:
			all.WriteString("-")
		case 1:
			all.WriteString(signs)
		default:
			all.WriteString("(" + signs + ")")
		}
	}
	return all.String()
}

type marbleTest struct {
	name string
	in   observable.Observable[string]
	want string
}

func runMarbles(t *testing.T, tests []marbleTest) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := diagram(t.Context(), tt.in); got != tt.want {
					t.Errorf("\n got %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

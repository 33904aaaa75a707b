package payload_test

import (
	"math"
	"time"

	"github.com/xcraft-go/xbus/payload"
)

func negativeZero() payload.Value { return payload.Number(math.Copysign(0, -1)) }
func nan() payload.Value          { return payload.Number(math.NaN()) }
func inf() float64                { return math.Inf(1) }

func second[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func timeValue() payload.Value { return payload.Of(time.Time{}) }

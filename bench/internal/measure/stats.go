package measure

import (
	"math"
	"slices"
)

// Quantile returns the value below which the part q of the values lies, between
// two of them where it falls there; NaN without values. It leaves values as it is.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	at := q * float64(len(s)-1)
	i := min(int(at), len(s)-1)
	j := min(i+1, len(s)-1)
	return s[i] + (at-float64(i))*(s[j]-s[i])
}

// Median is the middle of the values, NaN without values.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Spread is half the distance between the quartiles, as a part of the median.
func Spread(values []float64) float64 {
	m := Median(values)
	if m == 0 {
		return 0
	}
	return (Quantile(values, 0.75) - Quantile(values, 0.25)) / 2 / math.Abs(m)
}

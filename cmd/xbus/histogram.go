package main

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// A histogram counts durations in buckets that are at most 1.6 % wide: 64 for
// each doubling. The zero value is ready; it takes the same memory whatever is
// counted.
type histogram struct {
	n        uint64
	sum      time.Duration
	min, max time.Duration
	buckets  [(64 - 5) * 64]uint64
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	if h.n == 0 || d < h.min {
		h.min = d
	}
	h.max = max(h.max, d)
	h.n++
	h.sum += d
	h.buckets[bucketOf(d)]++
}

// merge adds what another has counted.
func (h *histogram) merge(other *histogram) {
	if other.n == 0 {
		return
	}
	if h.n == 0 || other.min < h.min {
		h.min = other.min
	}
	h.max = max(h.max, other.max)
	h.n += other.n
	h.sum += other.sum
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

func bucketOf(d time.Duration) int {
	v := uint64(d)
	if v < 64 {
		return int(v)
	}
	shift := bits.Len64(v) - 7
	return (shift+1)*64 + int(v>>shift) - 64
}

// upper is the largest duration of a bucket.
func upper(i int) time.Duration {
	if i < 64 {
		return time.Duration(i)
	}
	shift := i/64 - 1
	return time.Duration((uint64(i%64)+65)<<shift - 1)
}

// quantile is the duration that the part q of all does not exceed, 0 for none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.n))
	if float64(rank) < q*float64(h.n) {
		rank++
	}
	var seen uint64
	for i, n := range h.buckets {
		seen += n
		if n > 0 && seen >= max(rank, 1) {
			return min(upper(i), h.max)
		}
	}
	return 0
}

func (h *histogram) mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}

// quantiles are those that are shown.
var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"p999", 0.999}}

// String is the distribution in a line.
func (h *histogram) String() string {
	if h.n == 0 {
		return "nothing measured"
	}
	parts := []string{fmt.Sprintf("%d measured: min %s", h.n, human(h.min))}
	for _, p := range quantiles {
		parts = append(parts, p.name+" "+human(h.quantile(p.q)))
	}
	return strings.Join(append(parts, "max "+human(h.max)), ", ")
}

// summary is the distribution for JSON, in milliseconds.
func (h *histogram) summary() map[string]any {
	line := map[string]any{"count": h.n, "minMs": milliseconds(h.min), "meanMs": milliseconds(h.mean()), "maxMs": milliseconds(h.max)}
	for _, p := range quantiles {
		line[p.name+"Ms"] = milliseconds(h.quantile(p.q))
	}
	return line
}

// bars draws the distribution, one line for each doubling.
func (h *histogram) bars() []string {
	var rows [64]uint64
	first, last, most := len(rows), 0, uint64(0)
	for i, n := range h.buckets {
		if n == 0 {
			continue
		}
		row := bits.Len64(uint64(upper(i)))
		rows[row] += n
		first, last, most = min(first, row), max(last, row), max(most, rows[row])
	}
	var lines []string
	for row := first; row <= last && h.n > 0; row++ {
		n := rows[row]
		lines = append(lines, fmt.Sprintf("  < %8s %8d %s", human(time.Duration(1)<<row), n, strings.Repeat("#", int((n*40+most-1)/most))))
	}
	return lines
}

// Package near finds what somebody may have meant who wrote a name that does not
// exist.
package near

import "strings"

// Name returns the one of names that is nearest to name, "" when none is near:
// up to two letters, or a third of the name, may be changed, added or left out.
// Upper and lower case are the same; of equally near ones it is the first.
func Name(name string, names []string) string {
	name = strings.ToLower(name)
	best, limit := "", max(2, len(name)/3)+1
	for _, candidate := range names {
		if d := distance(name, strings.ToLower(candidate), limit); d < limit {
			best, limit = candidate, d
		}
	}
	return best
}

// distance is the number of bytes to change, add or leave out between a and b;
// limit or more when it is not less than that. Names whose lengths differ by
// limit cost nothing.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

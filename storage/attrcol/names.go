package attrcol

import (
	"slices"

	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// Names is a bounded list of names or values, sorted, without repeats.
type Names struct {
	Values    []string
	Truncated bool // there are more, or not all rows were looked at
	Stats     conn.Stats
}

// DefaultNames is the bound where a caller gives 0.
const DefaultNames = 1000

// Bound is the number of names wanted where a caller gives limit.
func Bound(limit int) int {
	if limit <= 0 {
		return DefaultNames
	}
	return limit
}

// Merge joins two lists into one of at most limit names.
func Merge(a, b Names, limit int) Names {
	a.Values = slices.Concat(a.Values, b.Values)
	slices.Sort(a.Values)
	a.Values = slices.Compact(a.Values)
	a.Truncated = a.Truncated || b.Truncated || len(a.Values) > limit
	a.Values = a.Values[:min(len(a.Values), limit)]
	a.Stats.Add(b.Stats)
	return a
}

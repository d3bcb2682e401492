package metricsqlvec

import (
	"math"
	"slices"

	"github.com/VictoriaMetrics/metricsql"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// setOperators combine series by where they have values.
var setOperators = map[string]func(b *metricsql.BinaryOpExpr, left, right []column.Series) []column.Series{
	"and": func(b *metricsql.BinaryOpExpr, l, r []column.Series) []column.Series {
		return keepWhere(b, l, r, false, true, false)
	},
	"if": func(b *metricsql.BinaryOpExpr, l, r []column.Series) []column.Series {
		return keepWhere(b, l, r, true, true, false)
	},
	"unless": func(b *metricsql.BinaryOpExpr, l, r []column.Series) []column.Series {
		return keepWhere(b, l, r, false, false, true)
	},
	"ifnot": func(b *metricsql.BinaryOpExpr, l, r []column.Series) []column.Series {
		return keepWhere(b, l, r, true, false, true)
	},
	"or":      or,
	"default": defaults,
}

// HasAt is whether one of the series has a value at a point.
func HasAt(all []column.Series, p int) bool {
	return slices.ContainsFunc(all, func(s column.Series) bool { return !math.IsNaN(s.Values[p]) })
}

// partner is the right side of a match; with scalars, a right side that is one
// series without labels goes with everything.
func partner(m *matched, right []column.Series, scalars bool) []column.Series {
	if m.right == nil && scalars && IsScalar(right) {
		return right
	}
	return m.right
}

// keepWhere keeps the values of the left side at points where the right one
// has (or, keep being false, has not) a value; alone says whether series
// without a partner stay.
func keepWhere(b *metricsql.BinaryOpExpr, left, right []column.Series, scalars, keep, alone bool) []column.Series {
	var out []column.Series
	for _, m := range match(b, left, right) {
		partners := partner(m, right, scalars)
		if partners == nil {
			if alone {
				out = append(out, m.left...)
			}
			continue
		}
		for _, l := range m.left {
			for p := range l.Values {
				if HasAt(partners, p) != keep {
					l.Values[p] = math.NaN()
				}
			}
			if !Absent(l.Values) {
				out = append(out, l)
			}
		}
	}
	return out
}

// defaults fills the gaps of the left side from the right one.
func defaults(b *metricsql.BinaryOpExpr, left, right []column.Series) []column.Series {
	if len(left) == 0 {
		return right
	}
	var out []column.Series
	for _, m := range match(b, left, right) {
		partners := partner(m, right, true)
		for _, l := range m.left {
			for p, v := range l.Values {
				if i := slices.IndexFunc(partners, func(r column.Series) bool { return !math.IsNaN(r.Values[p]) }); i >= 0 && math.IsNaN(v) {
					l.Values[p] = partners[i].Values[p]
				}
			}
			out = append(out, l)
		}
	}
	return out
}

// or is the left side and what the right one has where no partner on the left
// has a value. A right series with the labels of a left one goes into it.
func or(b *metricsql.BinaryOpExpr, left, right []column.Series) []column.Series {
	left = Present(left)
	var fromLeft, fromRight []column.Series
	for _, m := range match(b, left, right) {
		fromLeft = append(fromLeft, m.left...)
		for _, r := range m.right {
			for _, l := range m.left {
				same := Key(l.Labels) == Key(r.Labels)
				for p, v := range l.Values {
					if same && math.IsNaN(v) {
						l.Values[p] = r.Values[p]
					}
					if same || !math.IsNaN(v) {
						r.Values[p] = math.NaN()
					}
				}
			}
			if m.left == nil || !Absent(r.Values) {
				fromRight = append(fromRight, r)
			}
		}
	}
	slices.SortStableFunc(fromLeft, ByLabels)
	slices.SortStableFunc(fromRight, ByLabels)
	return append(fromLeft, fromRight...)
}

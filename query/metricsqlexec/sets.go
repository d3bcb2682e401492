package metricsqlexec

import (
	"math"
	"slices"

	"github.com/VictoriaMetrics/metricsql"
)

// setOperators combine series by where they have values.
var setOperators = map[string]func(b *metricsql.BinaryOpExpr, left, right []series) []series{
	"and":     func(b *metricsql.BinaryOpExpr, l, r []series) []series { return keepWhere(b, l, r, false, true, false) },
	"if":      func(b *metricsql.BinaryOpExpr, l, r []series) []series { return keepWhere(b, l, r, true, true, false) },
	"unless":  func(b *metricsql.BinaryOpExpr, l, r []series) []series { return keepWhere(b, l, r, false, false, true) },
	"ifnot":   func(b *metricsql.BinaryOpExpr, l, r []series) []series { return keepWhere(b, l, r, true, false, true) },
	"or":      or,
	"default": defaults,
}

// hasAt is whether one of the series has a value at a point.
func hasAt(all []series, p int) bool {
	return slices.ContainsFunc(all, func(s series) bool { return !math.IsNaN(s.values[p]) })
}

// partner is the right side of a match; with scalars, a right side that is one
// series without labels goes with everything.
func partner(m *matched, right []series, scalars bool) []series {
	if m.right == nil && scalars && isScalar(right) {
		return right
	}
	return m.right
}

// keepWhere keeps the values of the left side at points where the right one
// has (or, keep being false, has not) a value; alone says whether series
// without a partner stay.
func keepWhere(b *metricsql.BinaryOpExpr, left, right []series, scalars, keep, alone bool) []series {
	var out []series
	for _, m := range match(b, left, right) {
		partners := partner(m, right, scalars)
		if partners == nil {
			if alone {
				out = append(out, m.left...)
			}
			continue
		}
		for _, l := range m.left {
			for p := range l.values {
				if hasAt(partners, p) != keep {
					l.values[p] = math.NaN()
				}
			}
			if !absent(l.values) {
				out = append(out, l)
			}
		}
	}
	return out
}

// defaults fills the gaps of the left side from the right one.
func defaults(b *metricsql.BinaryOpExpr, left, right []series) []series {
	if len(left) == 0 {
		return right
	}
	var out []series
	for _, m := range match(b, left, right) {
		partners := partner(m, right, true)
		for _, l := range m.left {
			for p, v := range l.values {
				if i := slices.IndexFunc(partners, func(r series) bool { return !math.IsNaN(r.values[p]) }); i >= 0 && math.IsNaN(v) {
					l.values[p] = partners[i].values[p]
				}
			}
			out = append(out, l)
		}
	}
	return out
}

// or is the left side and what the right one has where no partner on the left
// has a value. A right series with the labels of a left one goes into it.
func or(b *metricsql.BinaryOpExpr, left, right []series) []series {
	left = present(left)
	var fromLeft, fromRight []series
	for _, m := range match(b, left, right) {
		fromLeft = append(fromLeft, m.left...)
		for _, r := range m.right {
			for _, l := range m.left {
				same := key(l.labels) == key(r.labels)
				for p, v := range l.values {
					if same && math.IsNaN(v) {
						l.values[p] = r.values[p]
					}
					if same || !math.IsNaN(v) {
						r.values[p] = math.NaN()
					}
				}
			}
			if m.left == nil || !absent(r.values) {
				fromRight = append(fromRight, r)
			}
		}
	}
	slices.SortStableFunc(fromLeft, byLabels)
	slices.SortStableFunc(fromRight, byLabels)
	return append(fromLeft, fromRight...)
}

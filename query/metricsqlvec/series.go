package metricsqlvec

import (
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// NameLabel is the label that is the name of a metric.
const NameLabel = model.MetricNameLabel

// Key identifies labels.
func Key(l labels.Labels) string { return string(l.Bytes(nil)) }

// Without is labels but for some.
func Without(l labels.Labels, names ...string) labels.Labels {
	return labels.NewBuilder(l).Del(names...).Labels()
}

// Only is some of the labels.
func Only(l labels.Labels, names ...string) labels.Labels {
	return labels.NewBuilder(l).Keep(names...).Labels()
}

// With sets a label, or removes it if the value is empty.
func With(l labels.Labels, name, value string) labels.Labels {
	return labels.NewBuilder(l).Set(name, value).Labels()
}

// DropName removes the name.
func DropName(s *column.Series) { s.Labels = Without(s.Labels, NameLabel) }

// IsScalar is whether series are one without labels.
func IsScalar(all []column.Series) bool { return len(all) == 1 && all[0].Labels.IsEmpty() }

// Absent is whether a column has no value.
func Absent(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) })
}

// Present removes the series that have no value.
func Present(all []column.Series) []column.Series {
	return slices.DeleteFunc(all, func(s column.Series) bool { return Absent(s.Values) })
}

// ByLabels compares series by their labels.
func ByLabels(a, b column.Series) int { return labels.Compare(a.Labels, b.Labels) }

// Constant is a series without labels that has one value everywhere.
func Constant(points int, v float64) []column.Series {
	return []column.Series{column.Constant(v, points)}
}

// ColumnsOf is the values of series.
func ColumnsOf(group []column.Series) [][]float64 {
	out := make([][]float64, len(group))
	for i := range group {
		out[i] = group[i].Values
	}
	return out
}

// Clone is series that may be rewritten without the others.
func Clone(all []column.Series) []column.Series {
	out := make([]column.Series, len(all))
	for i, s := range all {
		out[i] = column.Series{Labels: s.Labels, Values: slices.Clone(s.Values)}
	}
	return out
}

// Group is series that have labels in common.
type Group struct {
	Labels  labels.Labels // the common ones
	Members []column.Series
}

// Groups sorts series by some of their labels, in the order of first sight.
func Groups(all []column.Series, by func(labels.Labels) labels.Labels) []*Group {
	var out []*Group
	known := map[string]*Group{}
	for _, s := range all {
		common := by(s.Labels)
		k := Key(common)
		g := known[k]
		if g == nil {
			g = &Group{Labels: common}
			known[k] = g
			out = append(out, g)
		}
		g.Members = append(g.Members, s)
	}
	return out
}

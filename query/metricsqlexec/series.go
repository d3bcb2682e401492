package metricsqlexec

import (
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// series is a column with labels; the metric's name is one of them. Columns are
// owned: whoever gets a series may rewrite it.
type series struct {
	labels labels.Labels
	values []float64
}

const nameLabel = model.MetricNameLabel

// key identifies labels.
func key(l labels.Labels) string { return string(l.Bytes(nil)) }

func without(l labels.Labels, names ...string) labels.Labels {
	return labels.NewBuilder(l).Del(names...).Labels()
}

func only(l labels.Labels, names ...string) labels.Labels {
	return labels.NewBuilder(l).Keep(names...).Labels()
}

// with sets a label, or removes it if the value is empty.
func with(l labels.Labels, name, value string) labels.Labels {
	return labels.NewBuilder(l).Set(name, value).Labels()
}

func (s *series) dropName() { s.labels = without(s.labels, nameLabel) }

// isScalar is whether series are one without labels.
func isScalar(all []series) bool { return len(all) == 1 && all[0].labels.IsEmpty() }

func absent(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) })
}

// present removes the series that have no value.
func present(all []series) []series {
	return slices.DeleteFunc(all, func(s series) bool { return absent(s.values) })
}

func byLabels(a, b series) int { return labels.Compare(a.labels, b.labels) }

// constant is a series without labels that has one value everywhere.
func constant(points int, v float64) []series {
	values := make([]float64, points)
	for i := range values {
		values[i] = v
	}
	return []series{{labels.EmptyLabels(), values}}
}

func columnsOf(group []series) [][]float64 {
	out := make([][]float64, len(group))
	for i := range group {
		out[i] = group[i].values
	}
	return out
}

func clone(all []series) []series {
	out := make([]series, len(all))
	for i, s := range all {
		out[i] = series{s.labels, slices.Clone(s.values)}
	}
	return out
}

// group is series that have labels in common.
type group struct {
	labels  labels.Labels // the common ones
	members []series
}

// groups sorts series by some of their labels, in the order of first sight.
func groups(all []series, by func(labels.Labels) labels.Labels) []*group {
	var out []*group
	known := map[string]*group{}
	for _, s := range all {
		common := by(s.labels)
		k := key(common)
		g := known[k]
		if g == nil {
			g = &group{labels: common}
			known[k] = g
			out = append(out, g)
		}
		g.members = append(g.members, s)
	}
	return out
}

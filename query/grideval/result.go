package grideval

import (
	"fmt"
	"sort"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

// Vector is the result of a grid of one step, in the order of the series.
func Vector(all []column.Series, g column.Grid) promql.Vector {
	out := make(promql.Vector, 0, len(all))
	for i := range all {
		s := &all[i]
		if s.Has(0) {
			out = append(out, promql.Sample{T: g.Start, F: s.Float(0), H: s.Histogram(0), Metric: s.Labels, DropName: s.DropName})
		}
	}
	return out
}

// Matrix is a result as Prometheus's API has it, sorted by labels.
func Matrix(all []column.Series, g column.Grid) promql.Matrix {
	out := make(promql.Matrix, 0, len(all))
	for i := range all {
		s := &all[i]
		m := promql.Series{Metric: s.Labels, DropName: s.DropName}
		n := 0
		for _, v := range s.Values {
			if !column.IsAbsent(v) {
				n++
			}
		}
		if n > 0 {
			m.Floats = make([]promql.FPoint, 0, n)
		}
		for k, v := range s.Values {
			if h := s.Histogram(k); h != nil {
				m.Histograms = append(m.Histograms, promql.HPoint{T: g.Time(k), H: h})
			} else if !column.IsAbsent(v) {
				m.Floats = append(m.Floats, promql.FPoint{T: g.Time(k), F: v})
			}
		}
		if len(m.Floats)+len(m.Histograms) > 0 {
			out = append(out, m)
		}
	}
	sort.Sort(out)
	return out
}

// FromMatrix puts the points of a matrix into columns of a grid.
func FromMatrix(m promql.Matrix, g column.Grid) []column.Series {
	out := make([]column.Series, 0, len(m))
	for _, in := range m {
		s := column.New(in.Metric, g.N)
		s.DropName = in.DropName
		for _, p := range in.Floats {
			s.Set(int((p.T-g.Start)/g.Step), p.F, nil)
		}
		for _, p := range in.Histograms {
			s.Set(int((p.T-g.Start)/g.Step), 0, p.H)
		}
		out = append(out, s)
	}
	return out
}

// Explain prints a plan with what each of its nodes did.
func Explain(plan metricplan.Node, notes map[metricplan.Node]Note) string {
	return metricplan.Annotated(plan, func(n metricplan.Node) string {
		note, ok := notes[n]
		if !ok {
			return ""
		}
		text := fmt.Sprintf("%d series, %s", note.Series, note.Took.Round(time.Microsecond))
		if note.Rollup != "" {
			text += "; " + note.Rollup
		}
		return text
	})
}

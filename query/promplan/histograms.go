package promplan

import (
	"math"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"
	"github.com/prometheus/prometheus/schema"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

// ofHistogram applies f to every native histogram; floats are left out.
func ofHistogram(f func(*histogram.FloatHistogram) float64) metricplan.Function {
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		all := args[0].Series
		for k := range all {
			s := &all[k]
			for i := range s.Values {
				if h := s.Histogram(i); h != nil {
					s.Values[i] = f(h)
				} else {
					s.Values[i] = column.Absent()
				}
			}
			s.Histograms = nil
			dropName(env, s)
		}
		return all, nil
	}
}

// classic is the bucket series that differ in le alone.
type classic struct {
	labels  labels.Labels // without le
	members []int
	bounds  []float64
}

// quantileOf is histogram_quantile: of native histograms cell by cell, of
// classic ones over the buckets of a step.
func quantileOf(e *parser.Call) metricplan.Function {
	at := e.Args[1].PositionRange()
	return func(env *metricplan.Env, args []metricplan.Operand) ([]column.Series, error) {
		q, all := args[0].Scalar(), args[1].Series
		for _, v := range q {
			if math.IsNaN(v) || v < 0 || v > 1 {
				env.Warn(annotations.NewInvalidQuantileWarning(v, e.Args[0].PositionRange()))
			}
		}
		groups, conflicts := classics(env, e.Args[1], all)
		out := natives(env, q, all, at)
		for g := range groups {
			out = append(out, groups[g].quantiles(env, q, all, conflicts[g], at))
		}
		return out, nil
	}
}

// classics groups the float series by their labels without le, and finds at
// which steps a native histogram has the same labels.
func classics(env *metricplan.Env, arg parser.Expr, all []column.Series) (groups []classic, conflicts [][]bool) {
	index := map[string]int{}
	var buf []byte
	for k := range all {
		s := &all[k]
		if !hasFloats(s) {
			continue
		}
		text := s.Labels.Get(model.BucketLabel)
		bound, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(bound) {
			name := ""
			if env.Delayed {
				name = s.Labels.Get(model.MetricNameLabel)
			}
			env.Warn(annotations.NewBadBucketLabelWarning(name, text, arg.PositionRange()))
			continue
		}
		buf = s.Labels.BytesWithoutLabels(buf, model.BucketLabel)
		g, ok := index[string(buf)]
		if !ok {
			g = len(groups)
			index[string(buf)] = g
			l := labels.NewBuilder(s.Labels).Del(model.BucketLabel)
			if !env.Delayed {
				schema.Metadata{}.SetToLabels(l)
			}
			groups = append(groups, classic{labels: l.Labels()})
		}
		groups[g].members = append(groups[g].members, k)
		groups[g].bounds = append(groups[g].bounds, bound)
	}
	conflicts = make([][]bool, len(groups))
	for k := range all {
		s := &all[k]
		if s.Histograms == nil {
			continue
		}
		buf = s.Labels.Bytes(buf)
		g, ok := index[string(buf)]
		if !ok {
			continue
		}
		for i := range s.Values {
			if s.Histogram(i) == nil || !groups[g].any(all, i) {
				continue
			}
			if conflicts[g] == nil {
				conflicts[g] = make([]bool, len(s.Values))
			}
			conflicts[g][i] = true
			name := ""
			if env.Delayed {
				name = s.Labels.Get(model.MetricNameLabel)
			}
			env.Warn(annotations.NewMixedClassicNativeHistogramsWarning(name, arg.PositionRange()))
			s.Histograms[i] = nil
		}
	}
	return groups, conflicts
}

func hasFloats(s *column.Series) bool {
	for _, v := range s.Values {
		if !column.IsAbsent(v) {
			return true
		}
	}
	return false
}

func (c *classic) any(all []column.Series, i int) bool {
	for _, m := range c.members {
		if !column.IsAbsent(all[m].Values[i]) {
			return true
		}
	}
	return false
}

func natives(env *metricplan.Env, q []float64, all []column.Series, at posrange.PositionRange) []column.Series {
	var out []column.Series
	for k := range all {
		s := &all[k]
		if s.Histograms == nil {
			continue
		}
		r := column.New(s.Labels, len(s.Values))
		dropName(env, &r)
		for i := range s.Values {
			if h := s.Histogram(i); h != nil {
				v, annos := promql.HistogramQuantile(q[i], h, r.Labels.Get(model.MetricNameLabel), at)
				for _, a := range annos {
					env.Warn(a)
				}
				r.Values[i] = v
			}
		}
		out = append(out, r)
	}
	return out
}

// quantiles computes the quantile of a classic histogram at every step.
func (c *classic) quantiles(env *metricplan.Env, q []float64, all []column.Series, conflict []bool, at posrange.PositionRange) column.Series {
	s := column.New(c.labels, env.Grid.N)
	s.DropName = true
	buckets := make(promql.Buckets, 0, len(c.members))
	for i := range s.Values {
		if conflict != nil && conflict[i] {
			continue
		}
		buckets = buckets[:0]
		for k, m := range c.members {
			if v := all[m].Values[i]; !column.IsAbsent(v) {
				buckets = append(buckets, promql.Bucket{UpperBound: c.bounds[k], Count: v})
			}
		}
		if len(buckets) == 0 {
			continue
		}
		v, forced, _, lowest, highest, diff := promql.BucketQuantile(q[i], buckets)
		if forced {
			name := ""
			if env.Delayed {
				name = c.labels.Get(model.MetricNameLabel)
			}
			env.Warn(annotations.NewHistogramQuantileForcedMonotonicityInfo(name, at, env.Grid.Time(i), lowest, highest, diff))
		}
		s.Values[i] = v
	}
	return s
}

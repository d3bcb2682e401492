package logexec

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
)

// eval is the value of an expression at all steps.
func (r *run) eval(ctx context.Context, e logql.Metric, at steps) (*vector, error) {
	switch e := e.(type) {
	case *logql.Number:
		return constant(e.Value, at.n, true), nil
	case *logql.Vector:
		return constant(e.Value, at.n, false), nil
	case *logql.Range:
		return r.rangeAggregation(ctx, e, at, nil)
	case *logql.Aggregation:
		return r.aggregation(ctx, e, at)
	case *logql.LabelReplace:
		v, err := r.eval(ctx, e.Inner, at)
		if err != nil {
			return nil, err
		}
		return labelReplace(e, v)
	case *logql.Binary:
		left, err := r.eval(ctx, e.Left, at)
		if err != nil {
			return nil, err
		}
		right, err := r.eval(ctx, e.Right, at)
		if err != nil {
			return nil, err
		}
		v, err := binary(e, left, right, at.n)
		if err == nil && len(v.series) > r.Limits.MaxSeries {
			err = limited("max_series", fmt.Sprintf("query has more than %d series, the limit max_series", r.Limits.MaxSeries))
		}
		return v, err
	}
	return nil, fmt.Errorf("unknown expression %T", e)
}

func constant(f float64, n int, scalar bool) *vector {
	s := newSeries([]logpipe.Label{}, n)
	for i := range n {
		s.set(i, f)
	}
	return &vector{series: []*Series{s}, scalar: scalar}
}

func (r *run) aggregation(ctx context.Context, a *logql.Aggregation, at steps) (*vector, error) {
	inner, err := r.operand(ctx, a, at)
	if err != nil {
		return nil, err
	}
	switch a.Op {
	case "sort", "sort_desc":
		sortByValue(inner, a.Op == "sort_desc")
		return inner, nil
	case "topk", "approx_topk", "bottomk":
		return topk(a, inner, at.n), nil
	}
	groups := map[string]*group{}
	for _, s := range inner.series {
		labels := grouped(s.Labels, a.Grouping)
		id := key(labels)
		g := groups[id]
		if g == nil {
			g = &group{out: newSeries(labels, at.n)}
			groups[id] = g
		}
		g.in = append(g.in, s)
	}
	v := &vector{}
	for _, g := range groups {
		g.aggregate(a.Op)
		v.series = append(v.series, g.out)
	}
	return v, nil
}

// operand evaluates what is aggregated. The sum of counts can be counted by the
// labels of the sum at once.
func (r *run) operand(ctx context.Context, a *logql.Aggregation, at steps) (*vector, error) {
	e, ok := a.Inner.(*logql.Range)
	if !ok || a.Op != "sum" || e.Grouping != nil || a.Grouping != nil && a.Grouping.Without {
		return r.eval(ctx, a.Inner, at)
	}
	switch e.Op {
	case "count_over_time", "rate", "bytes_over_time", "bytes_rate", "sum_over_time":
		by := a.Grouping
		if by == nil {
			by = &logql.Grouping{}
		}
		return r.rangeAggregation(ctx, e, at, by)
	}
	return r.eval(ctx, e, at)
}

func grouped(labels []logpipe.Label, g *logql.Grouping) []logpipe.Label {
	if g == nil {
		return []logpipe.Label{}
	}
	return pick(labels, g.Labels, g.Without)
}

type group struct {
	in  []*Series
	out *Series
}

func (g *group) aggregate(op string) {
	for i := range g.out.Values {
		var n, sum, mean, m2 float64
		low, high := math.NaN(), math.NaN()
		for _, s := range g.in {
			if !s.Has[i] {
				continue
			}
			v := s.Values[i]
			n++
			sum += v
			distance := v - mean
			mean += distance / n
			m2 += distance * (v - mean)
			if v < low || math.IsNaN(low) {
				low = v
			}
			if v > high || math.IsNaN(high) {
				high = v
			}
		}
		if n == 0 {
			continue
		}
		switch op {
		case "sum":
			g.out.set(i, sum)
		case "avg":
			g.out.set(i, sum/n)
		case "count":
			g.out.set(i, n)
		case "min":
			g.out.set(i, low)
		case "max":
			g.out.set(i, high)
		case "stdvar":
			g.out.set(i, m2/n)
		case "stddev":
			g.out.set(i, math.Sqrt(m2/n))
		}
	}
}

// sortByValue orders an instant vector; samples that are no number go last.
func sortByValue(v *vector, down bool) {
	v.sort()
	v.sorted = true
	slices.SortStableFunc(v.series, func(a, b *Series) int {
		x, y := a.Values[0], b.Values[0]
		switch {
		case math.IsNaN(x) || math.IsNaN(y):
			if math.IsNaN(x) == math.IsNaN(y) {
				return 0
			}
			if math.IsNaN(x) {
				return 1
			}
			return -1
		case down:
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	})
}

// topk keeps, at each step, the k largest or smallest samples of each group. It is
// exact, approx_topk too.
func topk(a *logql.Aggregation, in *vector, n int) *vector {
	in.sort()
	groups := map[string][]*Series{}
	out := map[*Series]*Series{}
	for _, s := range in.series {
		id := key(grouped(s.Labels, a.Grouping))
		groups[id] = append(groups[id], s)
		out[s] = newSeries(s.Labels, n)
	}
	better := func(x, y float64) int { // below 0 if x goes before y
		switch {
		case math.IsNaN(x) || math.IsNaN(y):
			return cmp.Compare(b2i(math.IsNaN(x)), b2i(math.IsNaN(y)))
		case a.Op == "bottomk":
			return cmp.Compare(x, y)
		}
		return cmp.Compare(y, x)
	}
	for _, members := range groups {
		var present []*Series
		for i := range n {
			present = present[:0]
			for _, s := range members {
				if s.Has[i] {
					present = append(present, s)
				}
			}
			slices.SortStableFunc(present, func(x, y *Series) int { return better(x.Values[i], y.Values[i]) })
			for _, s := range present[:min(len(present), int(a.Param))] {
				out[s].set(i, s.Values[i])
			}
		}
	}
	v := &vector{}
	for _, s := range in.series {
		if !out[s].empty() {
			v.series = append(v.series, out[s])
		}
	}
	if n == 1 {
		v.sorted = true
		slices.SortStableFunc(v.series, func(x, y *Series) int { return better(x.Values[0], y.Values[0]) })
	}
	return v
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func labelReplace(e *logql.LabelReplace, in *vector) (*vector, error) {
	re, err := regexp.Compile(attrcol.Anchored(e.Pattern))
	if err != nil {
		return nil, err
	}
	seen := map[string]*Series{}
	for _, s := range in.series {
		text := value(s.Labels, e.Src)
		if m := re.FindStringSubmatchIndex(text); m != nil {
			to := string(re.ExpandString(nil, e.Replacement, text, m))
			s.Labels = pick(s.Labels, []string{e.Dst}, true)
			if to != "" {
				s.Labels = append(s.Labels, logpipe.Label{Name: e.Dst, Value: to})
				logpipe.SortLabels(s.Labels)
			}
		}
		id := key(s.Labels)
		if other := seen[id]; other != nil {
			for i := range s.Has {
				if s.Has[i] && other.Has[i] {
					return nil, execution("label_replace makes two series of the labels %s", logpipe.Text(s.Labels))
				}
			}
		}
		seen[id] = s
	}
	return in, nil
}

package grideval

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/schema"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/tally"
)

// group is the series that are aggregated into one.
type group struct {
	labels  labels.Labels
	members []int // indexes of series, in their order
}

func (e *evaluation) aggregate(ctx context.Context, n *metricplan.Aggregate, g column.Grid) ([]column.Series, error) {
	children := n.Children()
	var args []metricplan.Operand
	var err error
	if f := e.foldingOf(n, g); f != nil {
		args = make([]metricplan.Operand, 1)
		if args[0].Series, err = e.evalInto(ctx, n.Expr, g, f); err == nil && f.begun {
			return f.result(), nil
		}
	} else {
		args, err = e.all(ctx, children, g)
	}
	if err != nil {
		return nil, err
	}
	e.release(args)
	in := args[len(args)-1].Series
	a := &aggregation{evaluation: e, Aggregate: n, grid: g, in: in}
	if n.Op == parser.COUNT_VALUES {
		return a.countValues(args[0].Text)
	}
	if n.Param != nil {
		a.param = args[0].Scalar()
	}
	a.group()
	if n.Group != nil {
		return a.custom()
	}
	switch n.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return a.choose()
	}
	out, err := a.fold()
	if _, ok := children[len(children)-1].(*metricplan.Rollup); ok { // whose columns are nobody else's
		for i := range in {
			e.Columns.Put(in[i].Values)
		}
	}
	return out, err
}

// aggregation is one aggregate under way.
type aggregation struct {
	*evaluation
	*metricplan.Aggregate
	grid   column.Grid
	in     []column.Series
	param  []float64
	groups []group
}

// group finds the groups, in the order of their first series.
func (a *aggregation) group() {
	index := map[uint64]int{}
	b := labels.NewBuilder(labels.EmptyLabels())
	var buf []byte
	for i := range a.in {
		l := a.in[i].Labels
		var key uint64
		key, buf = groupKey(a.Aggregate, l, buf)
		at, ok := index[key]
		if !ok {
			at = len(a.groups)
			index[key] = at
			a.groups = append(a.groups, group{labels: groupLabels(a.Aggregate, b, l)})
		}
		a.groups[at].members = append(a.groups[at].members, i)
	}
}

// groupKey is equal for series of one group; buf is memory to work in.
func groupKey(n *metricplan.Aggregate, l labels.Labels, buf []byte) (key uint64, used []byte) {
	switch {
	case n.Without:
		return l.HashWithoutLabels(buf, n.Labels...)
	case len(n.Labels) > 0:
		return l.HashForLabels(buf, n.Labels...)
	}
	return 0, buf
}

// groupLabels is the labels of the group of a series.
func groupLabels(n *metricplan.Aggregate, b *labels.Builder, l labels.Labels) labels.Labels {
	switch {
	case n.Without:
		b.Reset(l)
		b.Del(n.Labels...)
		schema.Metadata{}.SetToLabels(b)
		return b.Labels()
	case len(n.Labels) > 0:
		b.Reset(l)
		b.Keep(n.Labels...)
		return b.Labels()
	}
	return labels.EmptyLabels()
}

func (a *aggregation) custom() ([]column.Series, error) {
	env := a.env(a.grid)
	var out []column.Series
	for _, gr := range a.groups {
		members := make([]column.Series, len(gr.members))
		for i, m := range gr.members {
			members[i] = a.in[m]
		}
		made, err := a.Group(env, gr.labels, members, a.param)
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	return column.Merge(column.Compact(out))
}

// fold computes the aggregations that make one series of a group. Steps are
// shared out among workers, the series of a group never are: the order in which
// they are added up is part of the result.
func (a *aggregation) fold() ([]column.Series, error) {
	if a.Op == parser.QUANTILE {
		a.checkQuantile()
	}
	out := make([]column.Series, len(a.groups))
	for k, gr := range a.groups {
		out[k] = column.Series{Labels: gr.labels, Values: make([]float64, a.grid.N)}
		for _, m := range gr.members {
			out[k].DropName = out[k].DropName || a.in[m].DropName
		}
	}
	errs := make([]error, len(a.groups))
	var own tally.Tally
	if len(a.groups) >= 4*a.Workers {
		a.parallel(len(a.groups), func(from, to int) {
			var t tally.Tally
			for k := from; k < to; k++ {
				errs[k] = a.foldGroup(&t, &a.groups[k], &out[k])
			}
		})
	} else {
		for k := range a.groups {
			if a.mixed(&a.groups[k]) || a.grid.N < 64 {
				errs[k] = a.foldGroup(&own, &a.groups[k], &out[k])
				continue
			}
			a.parallel(a.grid.N, func(from, to int) { a.foldFloats(new(tally.Tally), &a.groups[k], out[k].Values, from, to) })
		}
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return column.Compact(out), nil
}

// mixed tells whether any series of a group has histograms.
func (a *aggregation) mixed(gr *group) bool {
	return slices.ContainsFunc(gr.members, func(m int) bool { return a.in[m].Histograms != nil })
}

func (a *aggregation) foldGroup(t *tally.Tally, gr *group, out *column.Series) error {
	if a.mixed(gr) {
		return a.foldHistograms(gr, out)
	}
	a.foldFloats(t, gr, out.Values, 0, a.grid.N)
	return nil
}

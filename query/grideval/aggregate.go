package grideval

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/schema"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

// group is the series that are aggregated into one.
type group struct {
	labels  labels.Labels
	members []int // indexes of series, in their order
}

func (e *evaluation) aggregate(ctx context.Context, n *metricplan.Aggregate, g column.Grid) ([]column.Series, error) {
	children := n.Children()
	args, err := e.all(ctx, children, g)
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
		switch {
		case a.Without:
			key, buf = l.HashWithoutLabels(buf, a.Labels...)
		case len(a.Labels) > 0:
			key, buf = l.HashForLabels(buf, a.Labels...)
		}
		at, ok := index[key]
		if !ok {
			at = len(a.groups)
			index[key] = at
			a.groups = append(a.groups, group{labels: a.groupLabels(b, l)})
		}
		a.groups[at].members = append(a.groups[at].members, i)
	}
}

func (a *aggregation) groupLabels(b *labels.Builder, l labels.Labels) labels.Labels {
	switch {
	case a.Without:
		b.Reset(l)
		b.Del(a.Labels...)
		schema.Metadata{}.SetToLabels(b)
		return b.Labels()
	case len(a.Labels) > 0:
		b.Reset(l)
		b.Keep(a.Labels...)
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
	return merge(column.Compact(out))
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
	if len(a.groups) >= 4*a.Workers {
		a.parallel(len(a.groups), func(from, to int) {
			for k := from; k < to; k++ {
				errs[k] = a.foldGroup(&a.groups[k], &out[k], 0, a.grid.N)
			}
		})
	} else {
		for k := range a.groups {
			if a.mixed(&a.groups[k]) || a.grid.N < 64 {
				errs[k] = a.foldGroup(&a.groups[k], &out[k], 0, a.grid.N)
				continue
			}
			a.parallel(a.grid.N, func(from, to int) { a.foldFloats(&a.groups[k], out[k].Values, from, to) })
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

func (a *aggregation) foldGroup(gr *group, out *column.Series, from, to int) error {
	if a.mixed(gr) {
		return a.foldHistograms(gr, out)
	}
	a.foldFloats(gr, out.Values, from, to)
	return nil
}

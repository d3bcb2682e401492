package metricexec

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/readahead"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// LabelNames lists the label names of the series any of the selectors finds;
// no selectors mean all series. Errors are *fault.Error.
func (e *Engine) LabelNames(ctx context.Context, t tenant.ID, selectors [][]*labels.Matcher, from, to time.Time) ([]string, error) {
	q := e.queryable(t)
	q.series.Spelled = spelling.OfMatchers(selectors)
	first, last := timestamp.FromTime(from), timestamp.FromTime(to)
	return union(selectors, func(m []*labels.Matcher) ([]string, error) {
		names, err := q.series.LabelNames(ctx, first, last, m)
		if err != nil || len(names) > 0 {
			return names, err
		}
		made, err := q.madeLabels(ctx, m, first, last)
		for _, l := range made {
			l.Range(func(l labels.Label) { names = append(names, l.Name) })
		}
		return names, err
	})
}

// LabelValues lists the values of a label likewise.
func (e *Engine) LabelValues(ctx context.Context, t tenant.ID, name string, selectors [][]*labels.Matcher, from, to time.Time) ([]string, error) {
	q := e.queryable(t)
	q.series.Spelled = spelling.OfMatchers(selectors, name)
	first, last := timestamp.FromTime(from), timestamp.FromTime(to)
	return union(selectors, func(m []*labels.Matcher) ([]string, error) {
		values, err := q.series.LabelValues(ctx, first, last, name, m)
		if err != nil || len(values) > 0 {
			return values, err
		}
		made, err := q.madeLabels(ctx, m, first, last)
		for _, l := range made {
			if v := l.Get(name); v != "" {
				values = append(values, v)
			}
		}
		return values, err
	})
}

func union(selectors [][]*labels.Matcher, list func([]*labels.Matcher) ([]string, error)) ([]string, error) {
	if len(selectors) == 0 {
		selectors = [][]*labels.Matcher{nil}
	}
	out := []string{}
	for _, m := range selectors {
		names, err := list(m)
		if err != nil {
			return nil, fault.Of(err)
		}
		out = append(out, names...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Timed is an expression that is about to be evaluated at a time.
type Timed struct {
	Expr string
	At   time.Time
}

// Ahead reads what expressions will. Those that do not parse, and selectors
// that name no metric, are left to their evaluation. Errors are *fault.Error.
func (e *Engine) Ahead(ctx context.Context, t tenant.ID, all []Timed) (*readahead.Ahead, error) {
	a := readahead.New(t)
	for _, one := range all {
		for _, read := range e.factsOf(one.Expr).Reads {
			a.Want(read, one.At.UnixMilli())
		}
	}
	if err := a.Load(ctx, e.queryable(t).series, e.config.Source); err != nil {
		return nil, fault.Of(err)
	}
	return a, nil
}

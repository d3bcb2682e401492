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
	f := e.queryable(t).series
	f.Spelled = spelling.OfMatchers(selectors)
	return union(selectors, func(m []*labels.Matcher) ([]string, error) {
		return f.LabelNames(ctx, timestamp.FromTime(from), timestamp.FromTime(to), m)
	})
}

// LabelValues lists the values of a label likewise.
func (e *Engine) LabelValues(ctx context.Context, t tenant.ID, name string, selectors [][]*labels.Matcher, from, to time.Time) ([]string, error) {
	f := e.queryable(t).series
	f.Spelled = spelling.OfMatchers(selectors, name)
	return union(selectors, func(m []*labels.Matcher) ([]string, error) {
		return f.LabelValues(ctx, timestamp.FromTime(from), timestamp.FromTime(to), name, m)
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

package metricexec

import (
	"context"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Maker makes the series of some names of something else than samples.
type Maker struct {
	// Knows tells whether a name is one of them.
	Knows func(name string) bool
	// Make makes the series of such a name in [From,To]. Their labels have the name.
	Make func(ctx context.Context, t tenant.ID, r Making) ([]Made, error)
}

// Making says what a selector reads.
type Making struct {
	Name     string
	From, To int64 // Unix ms
	Range    int64 // ms, of the range that is looked at from each time; 0 for none
	// Names says that only the labels count, and one sample of all the time will do.
	Names bool
}

// Made is a series that is stored nowhere. Its times and values are nobody else's.
type Made struct {
	Labels labels.Labels
	Times  []int64 // Unix ms
	Values []float64
}

// made is what is made of a selector that no stored series matches, if none is stored
// under its name at all: those go before. It counts as no samples, since by those
// answers are kept, which are not asked whether there are newer spans.
func (q *queryable) made(ctx context.Context, matchers []*labels.Matcher, r Making) ([]Made, error) {
	i := slices.IndexFunc(matchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual })
	if q.maker == nil || i < 0 || !q.maker.Knows(matchers[i].Value) {
		return nil, nil
	}
	r.Name = matchers[i].Value
	stored, err := q.series.Any(ctx, r.From, r.To, q.series.Selector(matchers[i:i+1]))
	if err != nil || len(stored) > 0 {
		return nil, err
	}
	all, err := q.maker.Make(ctx, q.series.Tenant, r)
	if err != nil {
		return nil, err
	}
	found := all[:0]
	for _, m := range all {
		if !slices.ContainsFunc(matchers, func(l *labels.Matcher) bool { return !l.Matches(m.Labels.Get(l.Name)) }) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b Made) int { return labels.Compare(a.Labels, b.Labels) })
	return found, q.budget.touch(len(found))
}

// selectMade passes made series on to the grid evaluator.
func (q *queryable) selectMade(ctx context.Context, r grideval.Read, each func(int, *column.Raw) error) error {
	all, err := q.made(ctx, r.Selector.Matchers, Making{From: r.From, To: r.To, Range: r.Range})
	if err != nil {
		return err
	}
	for i, m := range all {
		if err := each(i, &column.Raw{Labels: m.Labels, Times: m.Times, Values: m.Values}); err != nil {
			return err
		}
	}
	return nil
}

// readMade is made series as Prometheus's engine reads them.
func (q *queryable) readMade(ctx context.Context, matchers []*labels.Matcher, hints *storage.SelectHints) ([]storage.Series, error) {
	all, err := q.made(ctx, matchers, Making{From: hints.Start, To: hints.End, Range: hints.Range})
	if err != nil {
		return nil, err
	}
	out := make([]storage.Series, len(all))
	for i, m := range all {
		out[i] = seriespoints.Plain(m.Labels, m.Times, m.Values)
	}
	return out, nil
}

// madeLabels are the labels of made series, for lists of names.
func (q *queryable) madeLabels(ctx context.Context, matchers []*labels.Matcher, from, to int64) ([]labels.Labels, error) {
	all, err := q.made(ctx, matchers, Making{From: from, To: to, Names: true})
	out := make([]labels.Labels, len(all))
	for i := range all {
		out[i] = all[i].Labels
	}
	return out, err
}

package metricexec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// LabelNames lists the label names of the series any of the selectors finds;
// no selectors mean all series. Errors are *fault.Error.
func (e *Engine) LabelNames(ctx context.Context, t tenant.ID, selectors [][]*labels.Matcher, from, to time.Time) ([]string, error) {
	q := e.querier(t, from, to)
	q.spelled = spelling.OfMatchers(selectors)
	return union(selectors, func(m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelNames(ctx, nil, m...)
	})
}

// LabelValues lists the values of a label likewise.
func (e *Engine) LabelValues(ctx context.Context, t tenant.ID, name string, selectors [][]*labels.Matcher, from, to time.Time) ([]string, error) {
	q := e.querier(t, from, to)
	q.spelled = spelling.OfMatchers(selectors, name)
	return union(selectors, func(m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelValues(ctx, name, nil, m...)
	})
}

func union(selectors [][]*labels.Matcher, list func([]*labels.Matcher) ([]string, annotations.Annotations, error)) ([]string, error) {
	if len(selectors) == 0 {
		selectors = [][]*labels.Matcher{nil}
	}
	out := []string{}
	for _, m := range selectors {
		names, _, err := list(m)
		if err != nil {
			return nil, fault.Of(err)
		}
		out = append(out, names...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// LabelNames and LabelValues make a querier complete; Prometheus's engine asks
// for neither except through info(), which reads the labels of target_info.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	if matchesAll(matchers) {
		all, err := q.listed(ctx, "", func(first, last time.Time) (map[string]struct{}, error) { return q.allNames(ctx, first, last) })
		return limited(all, hints), nil, err
	}
	found, err := q.any(ctx, q.from, q.to, q.selector(matchers))
	if err != nil {
		return nil, nil, err
	}
	set := map[string]struct{}{}
	for _, v := range found {
		v.labels.Range(func(l labels.Label) { set[l.Name] = struct{}{} })
		if v.part == buckets {
			set[model.BucketLabel] = struct{}{}
		}
	}
	return limited(sorted(set), hints), nil, nil
}

func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	switch {
	case !matchesAll(matchers):
	case name == model.MetricNameLabel:
		return q.metricNames(ctx, hints)
	case name != model.BucketLabel:
		all, err := q.listed(ctx, name, func(first, last time.Time) (map[string]struct{}, error) { return q.allValues(ctx, first, last, name) })
		return limited(all, hints), nil, err
	}
	s := q.selector(matchers)
	found, err := q.any(ctx, q.from, q.to, s)
	if err != nil {
		return nil, nil, err
	}
	set := map[string]struct{}{}
	for _, v := range found {
		if value := v.labels.Get(name); value != "" {
			set[value] = struct{}{}
		}
	}
	if name == model.BucketLabel {
		bounds, err := q.bounds(ctx, found)
		if err != nil {
			return nil, nil, err
		}
		for _, all := range bounds {
			for _, le := range all {
				if s.matchesLE(le) {
					set[le] = struct{}{}
				}
			}
		}
	}
	return limited(sorted(set), hints), nil, nil
}

// metricNames lists the names of all metrics without reading their series,
// which may be many more.
func (q *querier) metricNames(ctx context.Context, hints *storage.LabelHints) ([]string, annotations.Annotations, error) {
	found, err := q.source.Metadata(ctx, q.tenant, time.UnixMilli(clamp(q.from)), time.UnixMilli(clamp(q.to)), "", q.limits.MaxSeries)
	if err != nil {
		return nil, nil, err
	}
	set := map[string]struct{}{}
	for _, m := range found {
		for _, p := range q.view.parts(m.Type, m.Prometheus) {
			set[m.PromName+suffixes[p]] = struct{}{}
		}
	}
	return limited(sorted(set), hints), nil, nil
}

// matchesAll tells selectors that leave no series out, for whose names and values no
// list of series is needed: there may be many more than a query may touch.
func matchesAll(matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
		return m.Name != model.MetricNameLabel || !(m.Type == labels.MatchNotEqual && m.Value == "" ||
			m.Type == labels.MatchRegexp && (m.Value == ".+" || m.Value == ".*"))
	})
}

// allNames is the names of the labels of all series.
func (q *querier) allNames(ctx context.Context, first, last time.Time) (map[string]struct{}, error) {
	keys, err := q.source.LabelKeys(ctx, q.tenant, first, last)
	if err != nil {
		return nil, err
	}
	shapes, err := q.source.Shapes(ctx, q.tenant, first, last, nil, true, q.limits.MaxSeries)
	if err != nil {
		return nil, q.tooManyNames(err)
	}
	set := map[string]struct{}{}
	add := func(l labels.Labels) { l.Range(func(l labels.Label) { set[l.Name] = struct{}{} }) }
	see := q.seeing()
	for _, key := range keys {
		add(see(keyed(key)))
	}
	for i := range shapes {
		add(see(&shapes[i]))
		if slices.Contains(q.view.parts(shapes[i].Type, shapes[i].Prometheus), buckets) {
			set[model.BucketLabel] = struct{}{}
		}
	}
	if len(shapes) > 0 {
		set[model.MetricNameLabel] = struct{}{}
	}
	return set, nil
}

// allValues is the values of a label, which is neither the name nor le, of all
// series. What they are depends on the attributes that are seen under the name, and
// on resources if those can be.
func (q *querier) allValues(ctx context.Context, first, last time.Time, name string) (map[string]struct{}, error) {
	keys, err := q.source.LabelKeys(ctx, q.tenant, first, last)
	if err != nil {
		return nil, err
	}
	see := q.seeing()
	var meant []string
	for _, key := range keys {
		if see(keyed(key)).Has(name) {
			meant = append(meant, key.Key)
		}
	}
	slices.Sort(meant)
	meant = slices.Compact(meant)
	resources := q.ofResources(name)
	if len(meant) == 0 && !resources {
		return nil, nil
	}
	shapes, err := q.source.Shapes(ctx, q.tenant, first, last, meant, resources, q.limits.MaxSeries)
	if err != nil {
		return nil, q.tooManyNames(err)
	}
	set := make(map[string]struct{}, len(shapes))
	for i := range shapes {
		if value := see(&shapes[i]).Get(name); value != "" {
			set[value] = struct{}{}
		}
	}
	return set, nil
}

// seeing shows the labels of series, without their names, as the query sees them.
func (q *querier) seeing() func(*metricstore.SeriesRow) labels.Labels {
	l := labeler{promote: q.promote}
	return func(s *metricstore.SeriesRow) labels.Labels {
		return q.view.spell(l.labels(s, whole), s, q.spelled)
	}
}

// ofResources tells whether resources can give series a label.
func (q *querier) ofResources(name string) bool {
	all := []string{model.JobLabel, model.InstanceLabel}
	for _, key := range q.promote {
		all = append(all, spelling.LabelName(key))
	}
	return slices.ContainsFunc(all, func(own string) bool { return own == name || q.spelled[own] == name })
}

// keyed is a series that has one label.
func keyed(k metricstore.LabelKey) *metricstore.SeriesRow {
	return &metricstore.SeriesRow{Prometheus: k.Prometheus, Labels: map[string]string{k.Key: "x"}, Resource: &resourcestore.Row{}}
}

func (q *querier) tooManyNames(err error) error {
	if overLimit(err) {
		return &fault.Error{Code: fault.Limit, Limit: "max_series", Err: err, Message: fmt.Sprintf(
			"the label has more than %d values; add a matcher, or raise the limit max_series", q.limits.MaxSeries)}
	}
	return err
}

func sorted(set map[string]struct{}) []string {
	out := make([]string, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func limited(names []string, hints *storage.LabelHints) []string {
	names, _ = hints.ApplyLimit(names)
	return names
}

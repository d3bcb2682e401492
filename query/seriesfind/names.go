package seriesfind

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// LabelNames lists the names of the labels of the series that match, sorted. The list
// is shared.
func (f *Finder) LabelNames(ctx context.Context, from, to int64, matchers []*labels.Matcher) ([]string, error) {
	if matchesAll(matchers) {
		return f.all(ctx, from, to, "", f.allNames)
	}
	found, err := f.Any(ctx, from, to, f.Selector(matchers))
	if err != nil {
		return nil, err
	}
	set := map[string]struct{}{}
	for _, v := range found {
		v.Labels.Range(func(l labels.Label) { set[l.Name] = struct{}{} })
		if v.Part == seriesview.Buckets {
			set[model.BucketLabel] = struct{}{}
		}
	}
	return sorted(set), nil
}

// LabelValues lists the values of a label likewise.
func (f *Finder) LabelValues(ctx context.Context, from, to int64, name string, matchers []*labels.Matcher) ([]string, error) {
	switch {
	case !matchesAll(matchers):
	case name == model.MetricNameLabel:
		return f.metricNames(ctx, from, to)
	case name != model.BucketLabel:
		return f.all(ctx, from, to, name, func(ctx context.Context, first, last time.Time) (map[string]struct{}, error) {
			return f.allValues(ctx, first, last, name)
		})
	}
	s := f.Selector(matchers)
	found, err := f.Any(ctx, from, to, s)
	if err != nil {
		return nil, err
	}
	set := map[string]struct{}{}
	for _, v := range found {
		if value := v.Labels.Get(name); value != "" {
			set[value] = struct{}{}
		}
	}
	if name == model.BucketLabel {
		bounds, err := f.Bounds(ctx, from, to, found)
		if err != nil {
			return nil, err
		}
		for _, all := range bounds {
			for _, le := range all {
				if s.MatchesLE(le) {
					set[le] = struct{}{}
				}
			}
		}
	}
	return sorted(set), nil
}

// all is the names, or the values of a label, of all series, as make lists them
// unless it is known.
func (f *Finder) all(ctx context.Context, from, to int64, label string, make func(ctx context.Context, first, last time.Time) (map[string]struct{}, error)) ([]string, error) {
	of := label + "\xff" + f.Spelled.Key() // no text has it
	return recall(ctx, f, f.Memory.names, from, to, of, func(first, last time.Time, known []string, had bool) ([]string, bool, error) {
		if had {
			return known, false, nil
		}
		set, err := make(ctx, first, last)
		return sorted(set), true, err
	})
}

// metricNames lists the names of all metrics without reading their series,
// which may be many more.
func (f *Finder) metricNames(ctx context.Context, from, to int64) ([]string, error) {
	found, err := f.Source.Metadata(ctx, f.Tenant, time.UnixMilli(Clamp(from)), time.UnixMilli(Clamp(to)), "", f.MaxSeries)
	if err != nil {
		return nil, err
	}
	set := map[string]struct{}{}
	for _, m := range found {
		for _, p := range f.View.Parts(m.Type, m.Prometheus) {
			set[m.PromName+p.Suffix()] = struct{}{}
		}
	}
	return sorted(set), nil
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
func (f *Finder) allNames(ctx context.Context, first, last time.Time) (map[string]struct{}, error) {
	keys, err := f.Source.LabelKeys(ctx, f.Tenant, first, last)
	if err != nil {
		return nil, err
	}
	shapes, err := f.Source.Shapes(ctx, f.Tenant, first, last, nil, true, f.MaxSeries)
	if err != nil {
		return nil, f.tooMany(err, "resources whose attributes are labels")
	}
	set := map[string]struct{}{}
	add := func(l labels.Labels) { l.Range(func(l labels.Label) { set[l.Name] = struct{}{} }) }
	see := f.seeing()
	for _, key := range keys {
		add(see(keyed(key)))
	}
	for i := range shapes {
		add(see(&shapes[i]))
		if slices.Contains(f.View.Parts(shapes[i].Type, shapes[i].Prometheus), seriesview.Buckets) {
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
func (f *Finder) allValues(ctx context.Context, first, last time.Time, name string) (map[string]struct{}, error) {
	keys, err := f.Source.LabelKeys(ctx, f.Tenant, first, last)
	if err != nil {
		return nil, err
	}
	see := f.seeing()
	var meant []string
	for _, key := range keys {
		if see(keyed(key)).Has(name) {
			meant = append(meant, key.Key)
		}
	}
	slices.Sort(meant)
	meant = slices.Compact(meant)
	resources := f.ofResources(name)
	if len(meant) == 0 && !resources {
		return nil, nil
	}
	shapes, err := f.Source.Shapes(ctx, f.Tenant, first, last, meant, resources, f.MaxSeries)
	if err != nil {
		return nil, f.tooMany(err, "values of the label")
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
func (f *Finder) seeing() func(*metricstore.SeriesRow) labels.Labels {
	l := seriesview.Labeler{Promote: f.Promote}
	return func(s *metricstore.SeriesRow) labels.Labels {
		return f.View.Spell(l.Labels(s, seriesview.Whole), s, f.Spelled)
	}
}

// ofResources tells whether resources can give series a label.
func (f *Finder) ofResources(name string) bool {
	all := []string{model.JobLabel, model.InstanceLabel}
	for _, key := range f.Promote {
		all = append(all, spelling.LabelName(key))
	}
	return slices.ContainsFunc(all, func(own string) bool { return own == name || f.Spelled[own] == name })
}

// keyed is a series that has one label.
func keyed(k metricstore.LabelKey) *metricstore.SeriesRow {
	return &metricstore.SeriesRow{Prometheus: k.Prometheus, Labels: map[string]string{k.Key: "x"}, Resource: &resourcestore.Row{}}
}

// tooMany makes of an error of Shapes what there was too much of.
func (f *Finder) tooMany(err error, of string) error {
	if fault.OverLimit(err) {
		return &fault.Error{Code: fault.Limit, Limit: "max_series", Err: err, Message: fmt.Sprintf(
			"there are more than %d %s; add a matcher, or raise the limit max_series", f.MaxSeries, of)}
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

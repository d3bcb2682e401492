package promapi

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Metadata describes a metric family.
type Metadata struct {
	Family string `json:"-"`
	Type   string `json:"type"`
	Help   string `json:"help"`
	Unit   string `json:"unit"`
}

// TargetMetadata describes a metric family of one target: of what sent it.
type TargetMetadata struct {
	Target labels.Labels `json:"target"`
	Metric string        `json:"metric,omitempty"` // absent where one metric was asked for
	Type   string        `json:"type"`
	Help   string        `json:"help"`
	Unit   string        `json:"unit"`
}

func (a *api) metadata(r *http.Request, form url.Values) answer {
	limit, err := limitOf(form, "limit")
	if err != nil {
		return failed(err)
	}
	perMetric, err := limitOf(form, "limit_per_metric")
	if err != nil {
		return failed(err)
	}
	found, err := a.Metadata(r.Context(), tenant.FromContext(r.Context()), form.Get("metric"), a.MaxMetadata)
	if err != nil {
		return failed(err)
	}
	families := map[string][]Metadata{}
	for _, m := range found {
		have, known := families[m.Family]
		switch {
		case !known && limit > 0 && len(families) >= limit, perMetric > 0 && len(have) >= perMetric:
		case slices.Contains(have, m): // the same of another sender
		default:
			families[m.Family] = append(have, m)
		}
	}
	return value(families)
}

func (a *api) targetMetadata(r *http.Request, form url.Values) answer {
	limit, err := limitOf(form, "limit")
	if err != nil {
		return failed(err)
	}
	var target []*labels.Matcher
	if s := form.Get("match_target"); s != "" {
		if target, err = a.Engine.Parser().ParseMetricSelector(s); err != nil {
			return failed(fault.Param("match_target", err))
		}
	}
	metric := form.Get("metric")
	found, err := a.TargetMetadata(r.Context(), tenant.FromContext(r.Context()), metric, a.MaxMetadata)
	if err != nil {
		return failed(err)
	}
	found = slices.DeleteFunc(found, func(m TargetMetadata) bool { return !matches(target, m.Target) })
	if metric != "" {
		for i := range found {
			found[i].Metric = ""
		}
	}
	found, _ = cut(found, limit)
	return value(found)
}

func matches(matchers []*labels.Matcher, l labels.Labels) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(spelling.LabelName(m.Name))) {
			return false
		}
	}
	return true
}

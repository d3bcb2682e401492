package ruletest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
)

// firing is an alert as tests see it.
type firing struct{ labels, annotations labels.Labels }

func (f firing) compare(o firing) int {
	if c := labels.Compare(f.labels, o.labels); c != 0 {
		return c
	}
	return labels.Compare(f.annotations, o.annotations)
}

func printAlerts(list []firing) string {
	var b strings.Builder
	for i, f := range list {
		fmt.Fprintf(&b, "\n            %d:\n              Labels:%s\n              Annotations:%s", i, f.labels, f.annotations)
	}
	if b.Len() == 0 {
		return "[]"
	}
	return b.String()
}

// compareAlerts holds the alerts of a name that fire now against a case.
func (w *world) compareAlerts(c *alertCase) []error {
	var got, want []firing
	for _, g := range w.groups {
		for _, r := range g.rules {
			for _, in := range r.set.Instances() {
				if in.State == rule.Firing && in.Labels.Get(model.AlertNameLabel) == c.Alertname {
					got = append(got, firing{in.Labels, in.Annotations})
				}
			}
		}
	}
	for _, a := range c.ExpAlerts {
		lb := labels.NewBuilder(labels.FromMap(a.ExpLabels))
		want = append(want, firing{lb.Set(model.AlertNameLabel, c.Alertname).Labels(), labels.FromMap(a.ExpAnnotations)})
	}
	slices.SortFunc(got, firing.compare)
	slices.SortFunc(want, firing.compare)
	if slices.EqualFunc(got, want, func(a, b firing) bool { return a.compare(b) == 0 }) {
		return nil
	}
	return []error{fmt.Errorf("    alertname: %s, time: %s,\n        exp:%s\n        got:%s",
		c.Alertname, c.EvalTime, printAlerts(want), printAlerts(got))}
}

// found is a sample as tests see it.
type found struct {
	labels labels.Labels
	value  float64
	h      *histogram.FloatHistogram
}

func printSamples(list []found) string {
	if len(list) == 0 {
		return "nil"
	}
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString("\n             ")
		}
		if s.h != nil {
			fmt.Fprintf(&b, "%s %s", s.labels, s.h.TestExpression())
		} else {
			fmt.Fprintf(&b, "%s %v", s.labels, s.value)
		}
	}
	return b.String()
}

// compareSamples evaluates an expression and holds its samples against a case.
func (w *world) compareSamples(ctx context.Context, c *exprCase) error {
	where := fmt.Sprintf("    expr: %q, time: %s,", c.Expr, c.EvalTime)
	vector, err := w.in(c.Language)(ctx, c.Expr, w.start.Add(time.Duration(c.EvalTime)))
	if err != nil {
		return fmt.Errorf("%s err: %w", where, err)
	}
	var got, want []found
	for _, s := range vector {
		got = append(got, found{s.Metric, s.F, s.H})
	}
	for _, s := range c.ExpSamples {
		ls, err := parser.NewParser(parser.Options{}).ParseMetric(s.Labels)
		if err != nil {
			return fmt.Errorf("%s err: labels %q: %w", where, s.Labels, err)
		}
		h, err := parseHistogram(s.Histogram)
		if err != nil {
			return fmt.Errorf("%s err: labels %q: %w", where, s.Labels, err)
		}
		want = append(want, found{ls, s.Value, h})
	}
	byLabels := func(a, b found) int { return labels.Compare(a.labels, b.labels) }
	slices.SortFunc(got, byLabels)
	slices.SortFunc(want, byLabels)
	if slices.EqualFunc(want, got, w.sameSample) {
		return nil
	}
	return fmt.Errorf("%s\n        exp: %s\n        got: %s", where, printSamples(want), printSamples(got))
}

func parseHistogram(text string) (*histogram.FloatHistogram, error) {
	if text == "" {
		return nil, nil
	}
	_, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc("{} " + text)
	switch {
	case err != nil:
		return nil, err
	case len(values) != 1 || values[0].Histogram == nil:
		return nil, fmt.Errorf("%q is not one histogram", text)
	}
	return values[0].Histogram, nil
}

func (w *world) sameSample(a, b found) bool {
	if !labels.Equal(a.labels, b.labels) || (a.h == nil) != (b.h == nil) {
		return false
	}
	if a.h != nil {
		return a.h.TestExpression() == b.h.TestExpression()
	}
	if w.f.FuzzyCompare && (math.Nextafter(a.value, math.Inf(-1)) == b.value || math.Nextafter(a.value, math.Inf(1)) == b.value) {
		return true
	}
	return a.value == b.value
}

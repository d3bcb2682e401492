package backtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

func TestRun(t *testing.T) {
	const rules = `
groups:
- name: shop
  interval: 1m
  query_offset: 1m
  rules:
  - {record: a, expr: b}
  - {alert: Slow, expr: latency > 1, for: 2m, keep_firing_for: 1m, labels: {severity: '{{ $labels.job }}-page'}}
  - {alert: Broken, expr: broken}
- name: queue
  interval: 1m
  rules:
  - {alert: Long, expr: queue > 100, keep_firing_while: queue > 80}
  - {alert: Silent, expr: sum(gone) > 1, no_data: {then: nodata, for: 2m}}
`
	f, err := rulefile.Parse("shop.yml", []byte(rules), rulefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Unix(0, 0).UTC()
	every := func(first, last int) (list []int) {
		for m := first; m < last; m++ {
			list = append(list, m)
		}
		return list
	}
	minutes := func(list ...int) (out []model.SamplePair) {
		for _, m := range list {
			out = append(out, model.SamplePair{Timestamp: model.Time(m * 60_000), Value: 2})
		}
		return out
	}
	queue := map[string]model.Matrix{
		"queue > 100":   {{Metric: model.Metric{"job": "web"}, Values: minutes(3)}},
		"queue > 80":    {{Metric: model.Metric{"job": "web"}, Values: minutes(1, 2, 3, 4, 5, 8)}},
		"sum(gone) > 1": nil, "sum(gone)": {{Values: minutes(every(5, 10_000)...)}},
	}
	asked := 0
	cfg := Config{From: from, To: from.Add(20_000 * time.Minute), Range: func(_ context.Context, language, expr string, start, end time.Time, step time.Duration) (model.Matrix, error) {
		if expr == "broken" {
			return nil, errors.New("it is broken")
		}
		if found, ok := queue[expr]; ok && start.Equal(from) {
			return found, nil
		} else if ok {
			return nil, nil
		}
		if expr != "latency > 1" || language != "promql" || step != time.Minute || end.Sub(start)/step >= 11_000 {
			t.Errorf("asked for %s %s from %v to %v", language, expr, start, end)
		}
		asked++
		// The first page of times has the samples; times are a minute early.
		if start.After(from) {
			return nil, nil
		}
		return model.Matrix{
			{Metric: model.Metric{"job": "web"}, Values: minutes(0, 1, 2, 3, 9, 10)},
			{Metric: model.Metric{"job": "db"}, Values: minutes(9_997, 9_998)},
		}, nil
	}}
	episodes, err := Run(t.Context(), cfg, []*rulefile.File{f})
	if err == nil || !strings.Contains(err.Error(), `shop.yml:9: group "shop": rule "Broken": it is broken`) {
		t.Error(err)
	}
	var got []string
	for _, e := range episodes {
		minute := func(at time.Time) string {
			if at.IsZero() {
				return "-"
			}
			return fmt.Sprint(int(at.Sub(from).Minutes()))
		}
		got = append(got, fmt.Sprint(e.Alert, e.Labels, " ", minute(e.Pending), " ", minute(e.Fired), " ", minute(e.Ended)))
	}
	if diff := cmp.Diff([]string{
		`Slow{alertname="Slow", job="web", severity="web-page"} 1 3 6`,
		`Slow{alertname="Slow", job="web", severity="web-page"} 10 - 12`,
		`Slow{alertname="Slow", job="db", severity="db-page"} 9998 - 10000`,
		`Long{alertname="Long", job="web"} 3 3 6`,
		`RuleNoData{alertname="RuleNoData", rule="Silent", rule_group="queue"} 2 2 5`,
		`RuleNoData{alertname="RuleNoData", rule="Silent", rule_group="queue"} 10002 10002 -`,
	}, got); diff != "" {
		t.Error(diff)
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

// Where the step of a range is what it looks back, the replay asks with what an
// evaluation looks back, and finds all of its times.
func TestLooksBackAsAServer(t *testing.T) {
	f, err := rulefile.Parse("x.yml", []byte(`
groups:
- name: m
  type: metricsql
  interval: 2m
  rules: [{alert: M, expr: rate(x) > 1, for: 2m}]
- name: t
  type: traceql
  interval: 1m
  rules: [{alert: T, expr: '{ } | rate() > 1 with(range=1m)'}]
- name: l
  type: logql
  interval: 1m
  rules: [{alert: L, expr: 'sum(rate({a="b"}[5m])) > 1'}]
`), rulefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Unix(600, 0).UTC()
	asked := map[string]int{}
	cfg := Config{From: from, To: from.Add(10 * time.Minute), Range: func(_ context.Context, language, _ string, start, end time.Time, step time.Duration) (model.Matrix, error) {
		asked[fmt.Sprint(language, " ", step)]++
		s := &model.SampleStream{Metric: model.Metric{"job": "web"}}
		for at := start; !at.After(end); at = at.Add(step) {
			if since := at.Sub(from); since >= 4*time.Minute && since < 9*time.Minute {
				s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnix(at.Unix()), Value: 2})
			}
		}
		return model.Matrix{s}, nil
	}}
	episodes, err := Run(t.Context(), cfg, []*rulefile.File{f})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range episodes {
		got = append(got, fmt.Sprint(e.Alert, " ", e.Pending.Sub(from), " ", e.Fired.Sub(from), " ", e.Ended.Sub(from)))
	}
	want := []string{"M 4m0s 6m0s 10m0s", "T 4m0s 4m0s 9m0s", "L 4m0s 4m0s 9m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"metricsql 5m0s": 5, "traceql 1m0s": 1, "logql 1m0s": 1}, asked); diff != "" {
		t.Error(diff)
	}
}

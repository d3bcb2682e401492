package rule

import (
	"context"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// instant evaluates PromQL over a loaded Prometheus storage.
func instant(t *testing.T, load string) func(context.Context, string, time.Time) (promql.Vector, error) {
	t.Helper()
	store := promqltest.LoadedStorage(t, load)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: 10 * time.Second, Parser: parser.NewParser(parser.Options{})})
	return func(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
		query, err := engine.NewInstantQuery(ctx, store, nil, expr, at)
		if err != nil {
			return nil, err
		}
		defer query.Close()
		return query.Exec(ctx).Vector()
	}
}

func TestExpand(t *testing.T) {
	query := instant(t, `load 1m
		up{job="cart", instance="a"} 0 0 0
		up{job="cart", instance="b"} 1 1 1
		requests_total{job="cart"} 0 60 120`)
	alert := Alert{
		Name: "Down",
		Labels: labels.FromStrings(
			"severity", "page", "instance", "the {{ $labels.instance }} one", "alertname", "never", "gone", "", "job", ""),
		Annotations: labels.FromStrings(
			"summary", "{{ $labels.instance }} of {{ .Labels.job }} is {{ $value }}",
			"rate", `{{ range query "rate(requests_total[2m])" }}{{ .Labels.job }} {{ . | value | humanize }}{{ end }}`,
			"link", "{{ externalURL }} {{ $externalLabels.cluster }} {{ now }}",
			"broken", `{{ query "no such(" | first }}`,
		),
	}
	external, _ := url.Parse("https://trefoil.example/x")
	at := time.Unix(120, 0)
	result, err := query(context.Background(), "up == 0", at)
	if err != nil {
		t.Fatal(err)
	}
	active, errs := alert.Expand(context.Background(),
		Expander{Query: query, ExternalURL: external, ExternalLabels: map[string]string{"cluster": "c1"}}, at, result)
	if len(active) != 1 || len(errs) != 1 || !strings.Contains(errs[0].Error(), "template of annotation broken") {
		t.Fatalf("%v, %v", active, errs)
	}
	if want := labels.FromStrings("alertname", "Down", "instance", "the a one", "severity", "page"); !labels.Equal(active[0].Labels, want) {
		t.Errorf("labels %v, want %v", active[0].Labels, want)
	}
	notes := active[0].Annotations.Map()
	if !strings.HasPrefix(notes["broken"], "<error expanding template: ") {
		t.Errorf("broken: %q", notes["broken"])
	}
	delete(notes, "broken")
	want := map[string]string{
		"summary": "a of cart is 0",
		"rate":    "cart 1",
		"link":    "https://trefoil.example/x c1 120",
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Error(diff)
	}
}

// Labels that make two elements the same are an error of the step.
func TestLabelClash(t *testing.T) {
	query := instant(t, `load 1m
		up{instance="a"} 0
		up{instance="b"} 0`)
	alert := Alert{Name: "Down", Labels: labels.FromStrings("instance", "any")}
	result, err := query(context.Background(), "up == 0", time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	active, errs := alert.Expand(context.Background(), Expander{Query: query, ExternalURL: &url.URL{}}, time.Unix(0, 0), result)
	if len(errs) != 0 || len(active) != 2 {
		t.Fatal(active, errs)
	}
	if _, err := alert.Step(&Set{}, time.Unix(0, 0), active); !errors.Is(err, ErrDuplicateLabels) {
		t.Errorf("step: %v", err)
	}
}

func TestRecord(t *testing.T) {
	query := instant(t, `load 1m
		requests_total{job="cart", code="200"} 0 60 120
		requests_total{job="cart", code="500"} 0 6 12`)
	at := time.Unix(120, 0)
	result, err := query(context.Background(), "sum by (job, code) (rate(requests_total[2m]))", at)
	if err != nil {
		t.Fatal(err)
	}
	record := Record{Name: "job:requests:rate", Labels: labels.FromStrings("team", "shop")}
	samples, err := record.Samples(result)
	if err != nil || len(samples) != 2 {
		t.Fatal(samples, err)
	}
	for _, s := range samples {
		if s.Metric.Get("__name__") != "job:requests:rate" || s.Metric.Get("team") != "shop" || s.Metric.Get("job") != "cart" {
			t.Errorf("recorded %v", s.Metric)
		}
	}
	for _, s := range result {
		if s.Metric.Has("team") {
			t.Error("the evaluation result was written to")
		}
	}
	record.Labels = labels.FromStrings("code", "any")
	if _, err := record.Samples(result); !errors.Is(err, ErrDuplicateSeries) {
		t.Errorf("same series twice: %v", err)
	}
	record = Record{Name: "x", Limit: 1}
	if _, err := record.Samples(result); err == nil || err.Error() != "exceeded limit of 1 with 2 series" {
		t.Errorf("limit: %v", err)
	}
}

func TestStale(t *testing.T) {
	sample := func(job string) promql.Sample {
		return promql.Sample{Metric: labels.FromStrings("__name__", "x", "job", job), F: 1}
	}
	var stale Stale
	if out := stale.Next(promql.Vector{sample("a"), sample("b")}, time.Unix(1, 0)); len(out) != 0 {
		t.Errorf("at first: %v", out)
	}
	out := stale.Next(promql.Vector{sample("b")}, time.Unix(2, 0))
	if len(out) != 1 || out[0].Metric.Get("job") != "a" || out[0].T != 2000 || !value.IsStaleNaN(out[0].F) || !math.IsNaN(out[0].F) {
		t.Errorf("a is gone: %v", out)
	}
	if out := stale.Next(promql.Vector{sample("b")}, time.Unix(3, 0)); len(out) != 0 {
		t.Errorf("twice: %v", out)
	}
}

func TestAlertSamples(t *testing.T) {
	alert := Alert{Name: "A", Hold: time.Minute}
	set := &Set{}
	step := func(at int64, names ...string) {
		t.Helper()
		var active []Active
		for _, n := range names {
			active = append(active, Active{Labels: labels.FromStrings("alertname", "A", "job", n)})
		}
		if _, err := alert.Step(set, time.Unix(at, 0), active); err != nil {
			t.Fatal(err)
		}
	}
	step(60, "a")
	step(120, "a", "b")
	var got []string
	for _, s := range alert.Samples(set, time.Unix(120, 0)) {
		got = append(got, s.String())
	}
	want := []string{
		`{__name__="ALERTS_FOR_STATE", alertname="A", job="a"} => 60 @[120000]`,
		`{__name__="ALERTS", alertname="A", alertstate="firing", job="a"} => 1 @[120000]`,
		`{__name__="ALERTS_FOR_STATE", alertname="A", job="b"} => 120 @[120000]`,
		`{__name__="ALERTS", alertname="A", alertstate="pending", job="b"} => 1 @[120000]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

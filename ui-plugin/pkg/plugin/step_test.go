package plugin

import (
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

func rangeOf(d time.Duration) backend.TimeRange {
	to := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return backend.TimeRange{From: to.Add(-d), To: to}
}

func TestStep(t *testing.T) {
	for _, tc := range []struct {
		name                  string
		span, interval, fixed time.Duration
		points                int64
		want                  time.Duration
	}{
		{"Grafana's interval", time.Hour, 15 * time.Second, 0, 600, 15 * time.Second},
		{"never under a second", time.Minute, 100 * time.Millisecond, 0, 6000, time.Second},
		{"widened to the panel's points", 24 * time.Hour, time.Second, 0, 1000, 87 * time.Second},
		{"widened without a panel", 30 * 24 * time.Hour, time.Second, 0, 0, 236 * time.Second},
		{"fixed", 24 * time.Hour, time.Minute, 5 * time.Second, 10, 8 * time.Second},
		{"fixed below a second", time.Minute, time.Minute, 500 * time.Millisecond, 10, time.Second},
		{"fixed wide", time.Hour, time.Second, 10 * time.Minute, 1000, 10 * time.Minute},
	} {
		q := backend.DataQuery{TimeRange: rangeOf(tc.span), Interval: tc.interval, MaxDataPoints: tc.points}
		if got := stepOf(q, tc.fixed); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestMacros(t *testing.T) {
	for in, want := range map[string]string{
		"rate(x[$__rate_interval])":          "rate(x[240s])",
		"rate(x[${__rate_interval}])":        "rate(x[240s])",
		"x[$__interval:$__interval_ms]":      "x[15s:15000]",
		"x[$__range] $__range_s $__range_ms": "x[3600s] 3600 3600000",
		"$__intervals $x $__interval_x":      "$__intervals $x $__interval_x",
	} {
		if got := expandMacros(in, rangeOf(time.Hour), 15*time.Second, time.Minute); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := expandMacros("[$__rate_interval]", rangeOf(time.Hour), 10*time.Minute, time.Minute); got != "[660s]" {
		t.Errorf("wide step: %s", got)
	}
}

func TestAlignDown(t *testing.T) {
	got := alignDown(time.Date(2026, 3, 1, 12, 0, 44, 9, time.UTC), 15*time.Second)
	if want := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC); !got.Equal(want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLogQueryRefuses(t *testing.T) {
	for name, m := range map[string]queryModel{
		"severity":        {Severity: "LOUD"},
		"limit":           {LineLimit: maxLineLimit + 1},
		"negative limit":  {LineLimit: -1},
		"operator":        {Attributes: []attributeFilter{{"a", "~", "b"}}},
		"nameless":        {Attributes: []attributeFilter{{"", "=", "b"}}},
		"name with equal": {Attributes: []attributeFilter{{"a=b", "=", "c"}}},
	} {
		if _, err := (&Datasource{}).logQuery(m, backend.DataQuery{TimeRange: rangeOf(time.Hour)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	q, err := (&Datasource{}).logQuery(queryModel{Severity: "warn", Attributes: []attributeFilter{{"", "=", ""}, {"a", "!=", ""}}}, backend.DataQuery{TimeRange: rangeOf(time.Hour)})
	if err != nil || q.Severity != "WARN" || q.Limit != defaultLineLimit || len(q.Attributes) != 1 {
		t.Errorf("%+v %v", q, err)
	}
}

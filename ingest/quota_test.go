package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Points of series beyond the limit are rejected, those of others are not, and
// the answer names the limit and the tenant.
func TestActiveSeriesLimit(t *testing.T) {
	p, rows := newPipeline(ingest.Config{Quotas: quotas(quota.Limits{Series: 5})})
	send := func(from, to int) ingest.Result {
		metrics := pmetric.NewMetrics()
		m := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("m")
		points := m.SetEmptyGauge().DataPoints()
		for i := from; i < to; i++ {
			dp := points.AppendEmpty()
			dp.SetTimestamp(at(now))
			dp.SetIntValue(1)
			dp.Attributes().PutInt("i", int64(i))
		}
		r, err := store(t.Context())(otlpdata.Metrics(p, "acme", metrics))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := send(0, 4); r.Accepted != 4 {
		t.Fatalf("%+v", r)
	}
	r := send(0, 8)
	if r.Accepted != 5 || r.Rejected != 3 {
		t.Fatalf("%+v", r)
	}
	want := `active_series: 3 rejected, first resourceMetrics[0].scopeMetrics[0].metrics[0].dataPoints[5]: the series is not among the 5 active ones there may be (a limit of tenant "acme")`
	if m := r.Message(); m != want {
		t.Errorf("%s\nwant %s", m, want)
	}
	if rows["series"] != 5 || rows["samples"] != 9 {
		t.Errorf("%v: a series without room must leave no row", rows)
	}
}

// A summary is several series: all or none.
func TestActiveSeriesLimitOfSummaries(t *testing.T) {
	p, rows := newPipeline(ingest.Config{Quotas: quotas(quota.Limits{Series: 5})})
	metrics := pmetric.NewMetrics()
	list := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for i := range 2 {
		m := list.AppendEmpty()
		m.SetName(fmt.Sprint("m", i))
		dp := m.SetEmptySummary().DataPoints().AppendEmpty()
		dp.SetTimestamp(at(now))
		dp.QuantileValues().AppendEmpty().SetQuantile(0.5)
	}
	r, err := store(t.Context())(otlpdata.Metrics(p, "acme", metrics))
	want(t, r, err, 1, ingest.TooManySeries)
	if rows["series"] != 3 || rows["samples"] != 3 {
		t.Error(rows)
	}
}

func TestLengths(t *testing.T) {
	p, _ := newPipeline(ingest.Config{Quotas: quotas(quota.Limits{NameBytes: 10, LabelBytes: 20})})
	metrics := pmetric.NewMetrics()
	m := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	points := m.SetEmptyGauge().DataPoints()
	for _, kv := range [][2]string{{"k", strings.Repeat("v", 20)}, {strings.Repeat("k", 11), "v"}, {"k", strings.Repeat("v", 21)}} {
		dp := points.AppendEmpty()
		dp.SetTimestamp(at(now))
		dp.SetIntValue(1)
		dp.Attributes().PutStr(kv[0], kv[1])
	}
	r, err := store(t.Context())(otlpdata.Metrics(p, "t", metrics))
	want(t, r, err, 1, ingest.NameTooLong, ingest.LabelTooLong)
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(at(now))
	record.Attributes().PutStr("k", strings.Repeat("v", 21)) // no label
	r, err = store(t.Context())(otlpdata.Logs(p, "t", logs))
	want(t, r, err, 1)
}

func TestLateAndAhead(t *testing.T) {
	p, _ := newPipeline(ingest.Config{Quotas: quota.New(quota.Config{
		Tenants: map[tenant.ID]quota.Limits{"strict": {Late: time.Hour, Ahead: time.Minute}}, Now: func() time.Time { return now },
	})})
	send := func(id tenant.ID) (ingest.Result, error) {
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for _, d := range []time.Duration{0, -time.Hour, time.Minute, -time.Hour - 1, time.Minute + 1} {
			records.AppendEmpty().SetTimestamp(at(now.Add(d)))
		}
		return store(t.Context())(otlpdata.Logs(p, id, logs))
	}
	r, err := send("strict")
	want(t, r, err, 3, ingest.TimeLate, ingest.TimeAhead)
	if m := r.Message(); !strings.Contains(m, `timeUnixNano is 2026-03-10T10:59:59.999999999Z, limit 2026-03-10T11:00:00Z (a limit of tenant "strict")`) {
		t.Error(m)
	}
	r, err = send("lenient")
	want(t, r, err, 5)
}

// A tenant that used up its rate is refused before anything is read, with the
// time until it may come again; others are not.
func TestRates(t *testing.T) {
	p, _ := newPipeline(ingest.Config{Quotas: quotas(quota.Limits{RecordsPerSecond: 10, BytesPerSecond: 1000})})
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 150 {
		records.AppendEmpty().SetTimestamp(at(now))
	}
	check := func(id tenant.ID, reason string, wait time.Duration) {
		t.Helper()
		err := p.Ready(id, 0)
		var refusal *ingest.Refusal
		if reason == "" && err == nil {
			return
		}
		if !errors.As(err, &refusal) || refusal.Reason != ingest.RefusedQuota || !refusal.Overload() || refusal.RetryAfter.Round(time.Second) != wait || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", id, err)
		}
	}
	check("a", "", 0)
	if r, err := store(context.Background())(otlpdata.Logs(p, "a", logs)); err != nil || r.Accepted != 150 {
		t.Fatal(r, err)
	}
	check("a", `tenant "a" is over its limit of 10 records_per_second`, 5*time.Second)
	p.Arrived("b", 12_000)
	check("b", `tenant "b" is over its limit of 1000 bytes_per_second`, 2*time.Second)
	check("c", "", 0)
}

// Requests are refused by their size before they are read.
func TestReadyBySize(t *testing.T) {
	p, _ := newPipeline(ingest.Config{Limits: ingest.Limits{InflightBytes: 1000}})
	adm := p.Admit()
	defer adm.Release()
	if err := adm.Grow(600); err != nil {
		t.Fatal(err)
	}
	var refusal *ingest.Refusal
	var large *ingest.TooLargeError
	if err := p.Ready("t", 400); err != nil {
		t.Error(err)
	}
	if err := p.Ready("t", 401); !errors.As(err, &refusal) || refusal.Reason != ingest.RefusedInflight {
		t.Error(err)
	}
	if err := p.Ready("t", 1001); !errors.As(err, &large) {
		t.Error(err)
	}
}

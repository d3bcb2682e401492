package workload

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

var start = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

func generate(t *testing.T, cfg Config) []Request {
	t.Helper()
	cfg.Start = start
	requests, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

func TestCountsAndRepetition(t *testing.T) {
	for _, signal := range Signals() {
		cfg := Config{Signal: signal, Records: 2345, Series: 500}
		a, b := generate(t, cfg), generate(t, cfg)
		cfg.Seed = 2
		other := generate(t, cfg)
		records := 0
		for i := range a {
			records += a[i].Records
			if !bytes.Equal(a[i].Body, b[i].Body) {
				t.Errorf("%s: request %d differs between two runs", signal, i)
			}
			if bytes.Equal(a[i].Body, other[i].Body) {
				t.Errorf("%s: request %d does not depend on the seed", signal, i)
			}
			if i > 0 && bytes.Equal(a[i].Body, a[i-1].Body) {
				t.Errorf("%s: request %d repeats the one before", signal, i)
			}
		}
		if records != 2345 || len(a) != 3 || a[2].Records != 345 {
			t.Errorf("%s: %d records in %d requests", signal, records, len(a))
		}
	}
}

func attributes(t *testing.T, what string, m pcommon.Map) {
	t.Helper()
	if m.Len() < 5 || m.Len() > 8 {
		t.Fatalf("%s has %d attributes", what, m.Len())
	}
}

func TestLogs(t *testing.T) {
	req := plogotlp.NewExportRequest()
	if err := req.UnmarshalProto(generate(t, Config{Signal: Logs, Records: 1000})[0].Body); err != nil {
		t.Fatal(err)
	}
	if n := req.Logs().LogRecordCount(); n != 1000 {
		t.Errorf("%d records", n)
	}
	for _, rl := range req.Logs().ResourceLogs().All() {
		if n := rl.Resource().Attributes().Len(); n != 10 {
			t.Errorf("%d resource attributes", n)
		}
		for _, r := range rl.ScopeLogs().At(0).LogRecords().All() {
			attributes(t, "a log record", r.Attributes())
		}
	}
}

func TestSpans(t *testing.T) {
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalProto(generate(t, Config{Signal: Spans, Records: 1000})[0].Body); err != nil {
		t.Fatal(err)
	}
	if n := req.Traces().SpanCount(); n != 1000 {
		t.Errorf("%d spans", n)
	}
	for _, rs := range req.Traces().ResourceSpans().All() {
		for _, s := range rs.ScopeSpans().At(0).Spans().All() {
			attributes(t, "a span", s.Attributes())
			if s.EndTimestamp() <= s.StartTimestamp() {
				t.Fatalf("a span ends before it starts")
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	req := pmetricotlp.NewExportRequest()
	if err := req.UnmarshalProto(generate(t, Config{Signal: Metrics, Records: 1000, Series: 1000})[0].Body); err != nil {
		t.Fatal(err)
	}
	if n := req.Metrics().DataPointCount(); n != 1000 {
		t.Errorf("%d points", n)
	}
	histograms, series := 0, map[string]bool{}
	for _, rm := range req.Metrics().ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			var a pcommon.Map
			switch m.Type() {
			case pmetric.MetricTypeHistogram:
				histograms++
				a = m.Histogram().DataPoints().At(0).Attributes()
			case pmetric.MetricTypeSum:
				a = m.Sum().DataPoints().At(0).Attributes()
			default:
				a = m.Gauge().DataPoints().At(0).Attributes()
			}
			attributes(t, "a point", a)
			shard, _ := a.Get("shard")
			series[m.Name()+shard.Str()] = true
		}
	}
	if histograms != 200 || len(series) != 1000 {
		t.Errorf("%d histograms, %d series", histograms, len(series))
	}
}

func TestCompression(t *testing.T) {
	plain := generate(t, Config{Signal: Logs, Records: 100})[0]
	packed := generate(t, Config{Signal: Logs, Records: 100, Compression: "gzip"})[0]
	r, err := gzip.NewReader(bytes.NewReader(packed.Body))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(unpacked, plain.Body) || packed.Plain != len(plain.Body) {
		t.Errorf("gzip does not give the same request: %v", err)
	}
	if _, err := Generate(Config{Signal: Logs, Records: 1, Compression: "rar"}); err == nil {
		t.Error("rar was accepted")
	}
	if _, err := Generate(Config{Signal: "profiles", Records: 1}); err == nil {
		t.Error("profiles were accepted")
	}
}

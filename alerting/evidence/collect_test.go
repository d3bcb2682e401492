package evidence

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// insert stores log records of a service.
func insert(t *testing.T, db *conn.DB, service string, records ...logstore.Record) {
	t.Helper()
	at := time.Unix(0, records[0].Time)
	res := resourcestore.NewBatch("default", 30, resourcestore.NewKnown(1))
	id, name := res.Resource(at, &resourcestore.Resource{Attributes: []attribute.KeyValue{
		{Key: "service.name", Value: attribute.StringValue(service)},
	}})
	scope := res.Scope(at, &resourcestore.Scope{Name: "lib"})
	logs := logstore.NewBatch("default", 30, logstore.NewSequence())
	for i := range records {
		r := records[i]
		r.Service, r.ResourceID, r.ScopeID = name, id, scope
		logs.Append(&r)
	}
	blocks, err := res.Blocks(nil)
	if err == nil {
		blocks, err = logs.Blocks(blocks)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range blocks {
		if err := db.Insert(t.Context(), blocks[i].Table, fmt.Sprint(service, i), blocks[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

func record(at time.Time, severity uint8, text, region string, trace byte) logstore.Record {
	return logstore.Record{
		Time: at.UnixNano(), SeverityNumber: severity, SeverityText: map[uint8]string{9: "INFO", 17: "ERROR"}[severity],
		Body: attribute.StringValue(text), TraceID: [16]byte{trace},
		Attributes: []attribute.KeyValue{{Key: "region", Value: attribute.StringValue(region)}},
	}
}

func TestCollect(t *testing.T) {
	db := storagetest.DB(t)
	now := time.Now().UTC()
	var records []logstore.Record
	for i := range 20 { // the hour before: all well
		records = append(records, record(now.Add(-time.Duration(10+i)*time.Minute), 9, "paid", "eu", 0))
	}
	for i := range 8 {
		records = append(records, record(now.Add(-time.Duration(i+1)*time.Second), 17, "declined\nby "+strings.Repeat("ü", 400), "us", byte(i+1)))
	}
	records = append(records, record(now.Add(-time.Second), 9, "paid", "eu", 0))
	insert(t, db, "payment", records...)
	insert(t, db, "other", record(now, 17, "somebody else's", "eu", 99))

	exemplarOf := func(service, trace string, ts time.Time) exemplar.QueryResult {
		return exemplar.QueryResult{
			SeriesLabels: labels.FromStrings("__name__", "latency_bucket", "service_name", service),
			Exemplars:    []exemplar.Exemplar{{Labels: labels.FromStrings("trace_id", trace), Ts: ts.UnixMilli()}},
		}
	}
	cfg := Config{
		Logs: logstore.New(db, resourcestore.New(db)), ExternalURL: "https://trefoil.example/", Budget: time.Minute,
		GrafanaURL: "https://grafana.example", GrafanaDatasource: "trefoil-prometheus",
		Exemplars: func(_ context.Context, id tenant.ID, expr string, from, to time.Time, limit int) ([]exemplar.QueryResult, error) {
			if id != "default" || expr != "latency > 1" || to.Sub(from) != window || limit != 100 {
				t.Errorf("asked for exemplars of %s, %s, %v to %v", id, expr, from, to)
			}
			return []exemplar.QueryResult{exemplarOf("other", "ffff", now), exemplarOf("payment", "abcd", now)}, nil
		},
	}
	alert := Alert{
		Tenant: "default", Language: "promql", Expr: "latency > 1", At: now, Value: math.Pi,
		Labels: labels.FromStrings("alertname", "Slow", "service_name", "payment", "severity", "page"),
	}
	got := New(cfg).Collect(t.Context(), alert)
	for section, want := range map[string]string{
		Value: "3.14159", Query: "latency > 1", API: "https://trefoil.example/prometheus/api/v1/query?query=latency+%3E+1&time=",
		Grafana: "https://grafana.example/explore?panes=",
		Traces:  "abcd https://trefoil.example/api/v1/traces/abcd/context\n01000000000000000000000000000000 https://",
		Logs:    " ERROR payment: declined by üü",
		Deltas:  "region=us: 89% of log records, 0% the hour before\nseverity=ERROR: 89%",
	} {
		if !strings.Contains(got[Prefix+section], want) {
			t.Errorf("%s: %q, want %q", section, got[Prefix+section], want)
		}
	}
	if strings.Count(got[Prefix+Logs], "\n") != maxLogs-1 || strings.Count(got[Prefix+Traces], "\n") != maxTraces-1 || strings.Contains(got[Prefix+Traces], "ffff") {
		t.Errorf("bounds: %v", got)
	}
	for _, line := range strings.Split(got[Prefix+Logs], "\n") {
		if len(line) > maxLineBytes+len("…") || strings.Contains(line, "\uFFFD") {
			t.Errorf("line of %d bytes", len(line))
		}
	}
	if strings.Contains(fmt.Sprint(got), "somebody else's") || len(got) != 7 {
		t.Errorf("%v", got)
	}

	alert.Sections = []string{Value}
	if got := New(cfg).Collect(t.Context(), alert); len(got) != 1 || got[Prefix+Value] == "" {
		t.Errorf("only the value: %v", got)
	}
	alert.Sections = []string{}
	if got := New(cfg).Collect(t.Context(), alert); len(got) != 0 {
		t.Errorf("nothing wanted: %v", got)
	}
}

// Of a service's records those of the guilty series are shown: a label stands
// for the attribute of its name, with dots or without. Labels that the records
// do not have narrow nothing, nor does a value that none has.
func TestGuiltySeries(t *testing.T) {
	db := storagetest.DB(t)
	now := time.Now().UTC()
	of := func(text, host string) logstore.Record {
		r := record(now.Add(-time.Second), 17, text, "eu", 0)
		r.Attributes = append(r.Attributes, attribute.KeyValue{Key: "host.name", Value: attribute.StringValue(host)})
		attribute.Sort(r.Attributes)
		return r
	}
	insert(t, db, "payment", of("disk full", "a"), of("all fine", "b"), of("all fine", "c"))
	c := New(Config{Logs: logstore.New(db, resourcestore.New(db)), Budget: time.Minute})
	for _, tt := range []struct {
		labels labels.Labels
		lines  int
		want   string
	}{
		{labels.FromStrings("service_name", "payment", "host_name", "a", "severity", "page", "code", "500"), 1, "disk full"},
		{labels.FromStrings("service_name", "payment", "host_name", "nowhere"), 3, "disk full"},
		{labels.FromStrings("service_name", "payment"), 3, "all fine"},
	} {
		got := c.Collect(t.Context(), Alert{Tenant: "default", Labels: tt.labels, At: now, Sections: []string{Logs}})[Prefix+Logs]
		if strings.Count(got, "payment: ") != tt.lines || !strings.Contains(got, tt.want) {
			t.Errorf("%v: %q, want %d lines", tt.labels, got, tt.lines)
		}
	}
}

// What takes too long is left out; what is there already is not.
func TestBudget(t *testing.T) {
	c := New(Config{
		Budget: 50 * time.Millisecond,
		Exemplars: func(ctx context.Context, _ tenant.ID, _ string, _, _ time.Time, _ int) ([]exemplar.QueryResult, error) {
			select {} // deaf even to its context
		},
	})
	got := c.Collect(t.Context(), Alert{Language: "promql", Expr: "up", Value: 1, At: time.Now()})
	if got[Prefix+Value] != "1" || got[Prefix+Traces] != "" {
		t.Errorf("%v", got)
	}
}

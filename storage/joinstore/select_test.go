package joinstore

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// TestStatements: every kind of chain is one statement, which the engine takes.
func TestStatements(t *testing.T) {
	db := storagetest.DB(t)
	resources := resourcestore.New(db)
	s := New(Config{DB: db, Traces: tracestore.New(db, resources), Logs: logstore.New(db, resources), Metrics: metricstore.New(db, resources)})
	failed := Step{Spans: tracestore.And{
		tracestore.Compare{Field: tracestore.Field{Kind: tracestore.SpanStatus}, Value: attribute.IntValue(2)},
		tracestore.Compare{Field: tracestore.Field{Kind: tracestore.SpanAttribute, Key: "http.route"}, Value: attribute.StringValue("/it's")},
	}}
	timeout := Step{Logs: &logstore.Filter{Where: []logstore.Cond{logstore.Line{Text: "timeout"}, logstore.Body{}}}}
	latency := Step{Exemplars: &metricstore.Selector{Names: []string{"latency"}, Matchers: []attrcol.Matcher{{Key: "service_name", Op: attrcol.Equal, Value: "pay"}}}}
	by := []tracestore.Field{{Kind: tracestore.ServiceName}, {Kind: tracestore.SpanKind}}
	const from, to = int64(1_700_000_000_000_000_000), int64(1_700_000_900_000_000_000)
	var golden strings.Builder
	for _, c := range []struct {
		name string
		Query
	}{
		{"spans with logs, in groups", Query{Steps: []Step{failed, timeout}, By: by}},
		{"logs with spans and exemplars, in groups", Query{Steps: []Step{timeout, failed, latency}, By: by[:1]}},
		{"spans in groups", Query{Steps: []Step{failed}, By: by[:1]}},
		{"spans with logs", Query{Steps: []Step{failed, timeout}}},
		{"logs with spans", Query{Steps: []Step{timeout, failed}}},
		{"exemplars with logs with exemplars", Query{Steps: []Step{latency, timeout, {Exemplars: &metricstore.Selector{}}}}},
	} {
		c.From, c.To, c.Limit = from, to, 100
		got, err := s.Run(t.Context(), "acme", c.Query)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		fmt.Fprintf(&golden, "-- %s\n%s\n\n", c.name, got.SQL)
	}
	storagetest.Golden(t, "joins.sql", golden.String())
	if _, err := s.Run(t.Context(), "acme", Query{Steps: []Step{timeout}, By: by, Limit: 1}); err == nil {
		t.Error("groups of no spans are no mistake")
	}
}

package metricexec

import (
	"context"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// An answer spells a label of OTLP as the query does, or as Prometheus does; one of
// Prometheus as it was sent, and only that finds it.
func TestSpelling(t *testing.T) {
	m := newMemory()
	at := time.UnixMilli(1_700_000_000_000)
	for _, s := range []metricstore.SeriesRow{
		{Name: "http.requests", PromName: "http_requests_total", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Labels: map[string]string{"http.method": "GET"}},
		{Name: "sent.requests", PromName: "sent.requests", Prometheus: true, Labels: map[string]string{"http.method": "GET", "http_route": "/"}},
	} {
		m.sample(m.add(s), at.UnixMilli(), 0, 1)
	}
	e := New(Config{Source: m, Features: promexpr.Features{UnquotedUTF8Names: true}})
	for _, c := range []struct{ query, want string }{
		{`http_requests_total`, `{__name__="http_requests_total", http_method="GET"} 1700000000000 1`},
		{`http.requests{http_method="GET"}`, `{__name__="http_requests_total", http_method="GET"} 1700000000000 1`},
		{`http.requests{http.method="GET"}`, `{__name__="http_requests_total", "http.method"="GET"} 1700000000000 1`},
		{`sum by (http_method) (http.requests{http.method!=""})`, `{"http.method"="GET"} 1700000000000 1`},
		{`sent.requests{http.method="GET"}`, `{__name__="sent.requests", "http.method"="GET", http_route="/"} 1700000000000 1`},
		{`sent.requests{http_method="GET"}`, ``},
		{`sent_requests`, ``},
		{`sent.requests * on (http.method) group_left () http.requests`, `{"http.method"="GET", http_route="/"} 1700000000000 1`},
	} {
		res, err := e.Instant(context.Background(), tenant.Default, c.query, at)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := render(res.Value, false); got != c.want {
			t.Errorf("%s:\n%s\nwant %s", c.query, got, c.want)
		}
		res.Close()
	}
	for name, want := range map[string]int{"http_method": 1, "http.method": 1, "http_route": 1, "http.route": 0} {
		got, err := e.LabelValues(context.Background(), tenant.Default, name, nil, at, at)
		if err != nil || len(got) != want {
			t.Errorf("values of %s: %v, %v", name, got, err)
		}
	}
}

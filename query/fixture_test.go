package query_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

var _ = flag.Bool("update", false, "rewrite goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// epoch is when the fixture's telemetry happened; retention keeps it.
var epoch = time.Unix(1_700_000_000, 0).UTC()

const retention = 20_000 // days

// fixture is a service on a database of its own.
type fixture struct {
	testing.TB
	db       *conn.DB
	registry *prometheus.Registry
	url      string
}

// newFixture starts a service; change may set limits before it does.
func newFixture(t testing.TB, change func(*query.Config)) *fixture {
	t.Helper()
	return serve(t, storagetest.DB(t), change)
}

func serve(t testing.TB, db *conn.DB, change func(*query.Config)) *fixture {
	t.Helper()
	f := &fixture{TB: t, db: db, registry: prometheus.NewRegistry()}
	resources := resourcestore.New(db)
	c := query.Config{
		Logs: logstore.New(db, resources), Traces: tracestore.New(db, resources), Metrics: metricstore.New(db, resources), Resources: resources,
		Version: "1.2.3", Program: query.Program{Flags: map[string]string{"data-dir": "/data", "roles": "query"}, Started: epoch, Retention: "30d"}, Registerer: f.registry, Now: func() time.Time { return epoch.Add(30 * time.Minute) },
		Ready: func() query.Readiness { return query.Readiness{Ready: true, State: "ready", EngineVersion: "26.7"} },
	}
	if change != nil {
		change(&c)
	}
	h := query.New(c).Handler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := tenant.Parse(r.Header.Get(tenant.Header))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.ServeHTTP(w, r.WithContext(tenant.NewContext(r.Context(), id)))
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true) // gRPC comes so
	server.Start()
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// answer is an HTTP answer that has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request sends "GET /path" or "POST /path body" as a tenant.
func (f *fixture) request(t tenant.ID, line string, headers ...string) answer {
	f.Helper()
	method, rest, _ := strings.Cut(line, " ")
	path, body, _ := strings.Cut(rest, " ")
	req, err := http.NewRequestWithContext(f.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	req.Header.Set(tenant.Header, string(t))
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	} else if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		f.Fatal(err)
	}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		b = bytes.TrimSpace(b)
	}
	return answer{res.StatusCode, res.Header, b}
}

// shop is the telemetry of one tenant. Its name is in every text, so that it
// can be seen where it does not belong.
type shop struct {
	*fixture
	tenant    tenant.ID
	name      string
	trace     [16]byte
	resources *resourcestore.Batch
	logs      *logstore.Batch
	spans     *tracestore.Batch
	metrics   *metricstore.Batch
}

func span(n byte) [8]byte { return [8]byte{0xab, 7: n} }

func text(key, value string) attribute.KeyValue {
	return attribute.KeyValue{Key: key, Value: attribute.StringValue(value)}
}

// idle stores the resource of a service that has sent nothing of the signals asked for.
func (s *shop) idle(service string) {
	s.Helper()
	b := resourcestore.NewBatch(s.tenant, retention, resourcestore.NewKnown(1))
	b.Resource(epoch, &resourcestore.Resource{Attributes: []attribute.KeyValue{text("service.name", service), text(service+".since", "ever"), text("host.name", service)}})
	storagetest.Insert(s, s.db, service, b)
}

// open stores a shop: two services, one trace over both with an error in it,
// its logs, ten minutes of metrics, and an exemplar.
func (f *fixture) open(t tenant.ID, name string, trace byte) *shop {
	f.Helper()
	known := resourcestore.NewKnown(1000)
	s := &shop{
		fixture: f, tenant: t, name: name, trace: [16]byte{0xcd, 15: trace},
		resources: resourcestore.NewBatch(t, retention, known),
		logs:      logstore.NewBatch(t, retention, logstore.NewSequence()),
		spans:     tracestore.NewBatch(t, retention),
		metrics:   metricstore.NewBatch(t, retention, known),
	}
	s.spans.Vocabulary = tracestore.NewVocabulary()
	front := s.service("front")
	pay := s.service("pay")
	s.tracing(front, pay)
	s.logging(front, pay)
	s.measuring(front)
	s.measuring(pay)
	s.store()
	return s
}

// service is a resource and a scope that have been named.
type service struct {
	name            string
	resource, scope uint64
}

func (s *shop) service(name string) service {
	r := &resourcestore.Resource{Attributes: []attribute.KeyValue{
		text("service.name", s.name+"-"+name), text("service.namespace", "shop"), text("service.instance.id", s.name+"-1"),
		text("host.name", "h1"), {Key: "process.pid", Value: attribute.IntValue(4711)},
	}}
	id, full := s.resources.Resource(epoch, r)
	scope := s.resources.Scope(epoch, &resourcestore.Scope{Name: "lib", Version: "0.1", Attributes: []attribute.KeyValue{text("k", "v")}})
	return service{full, id, scope}
}

func (s *shop) tracing(front, pay service) {
	at := func(ms int) int64 { return epoch.Add(time.Duration(ms) * time.Millisecond).UnixNano() }
	s.spans.Append(&tracestore.Record{
		TraceID: s.trace, SpanID: span(1), Name: "GET /cart", Kind: 2, Start: at(0), End: at(100), StatusCode: 0, TraceState: "a=b", Flags: 1,
		Attributes: []attribute.KeyValue{text("http.route", "/cart"), {Key: "http.response.status_code", Value: attribute.IntValue(500)}},
		Service:    front.name, ResourceID: front.resource, ScopeID: front.scope,
	})
	s.spans.Append(&tracestore.Record{
		TraceID: s.trace, SpanID: span(2), Parent: span(1), Name: "pay " + s.name, Kind: 3, Start: at(10), End: at(90),
		Service: front.name, ResourceID: front.resource, ScopeID: front.scope,
	})
	s.spans.Append(&tracestore.Record{
		TraceID: s.trace, SpanID: span(3), Parent: span(2), Name: "POST /pay", Kind: 2, Start: at(20), End: at(80), StatusCode: 2, StatusMessage: "card refused",
		Attributes: []attribute.KeyValue{{Key: "amount", Value: attribute.DoubleValue(12.5)}, {Key: "retry", Value: attribute.BoolValue(true)}, {Key: "raw", Value: attribute.BytesValue("\x00\x01")}},
		Events:     []tracestore.Event{{Time: at(30), Name: "exception", Attributes: []attribute.KeyValue{text("exception.message", "refused")}}},
		Links:      []tracestore.Link{{TraceID: [16]byte{1}, SpanID: [8]byte{2}, TraceState: "x=y", Attributes: []attribute.KeyValue{text("why", "batch")}}},
		Service:    pay.name, ResourceID: pay.resource, ScopeID: pay.scope,
	})
	s.spans.Append(&tracestore.Record{
		TraceID: s.trace, SpanID: span(5), Parent: span(4), Name: "lost", Kind: 1, Start: at(40), End: at(41),
		Service: pay.name, ResourceID: pay.resource, ScopeID: pay.scope,
	})
}

func (s *shop) logging(front, pay service) {
	for i := range 20 {
		r := logstore.Record{
			Time: epoch.Add(time.Duration(i) * 10 * time.Millisecond).UnixNano(), SeverityNumber: 9, SeverityText: "info",
			Body:       attribute.StringValue(fmt.Sprintf("%s request %d", s.name, i)),
			Attributes: []attribute.KeyValue{{Key: "n", Value: attribute.IntValue(int64(i))}, text("user.id", fmt.Sprint("u", i%5))},
			Service:    front.name, ResourceID: front.resource, ScopeID: front.scope,
		}
		if i%4 == 3 {
			r.TraceID, r.SpanID, r.Flags = s.trace, span(3), 1
			r.SeverityNumber, r.SeverityText, r.EventName = 17, "error", "payment.failed"
			r.Body = attribute.StringValue("Card REFUSED for " + s.name)
			r.Service, r.ResourceID, r.ScopeID = pay.name, pay.resource, pay.scope
		}
		r.ObservedTime = r.Time + 1
		s.logs.Append(&r)
	}
}

func (s *shop) measuring(v service) {
	route := func() []attribute.KeyValue { return []attribute.KeyValue{text("http.route", "/"+s.name)} }
	series := func(name, unit string, kind metricstore.Type, monotonic bool) *metricstore.Series {
		return &metricstore.Series{
			Name: name, Unit: unit, Description: "What " + name + " is.", Type: kind, Temporality: metricstore.Cumulative, Monotonic: monotonic,
			Attributes: route(), ResourceID: v.resource, ScopeID: v.scope,
		}
	}
	first := epoch.UnixMilli()
	requests := s.metrics.Series(series("http.server.requests", "", metricstore.Sum, true), first)
	memory := s.metrics.Series(series("process.memory.usage", "By", metricstore.Gauge, false), first)
	latency := s.metrics.Series(series("http.server.request.duration", "s", metricstore.Histogram, true), first)
	size := s.metrics.Series(series("http.server.response.size", "By", metricstore.ExponentialHistogram, true), first)
	for i := range 41 {
		at := epoch.Add(time.Duration(i) * 15 * time.Second).UnixMilli()
		n := uint64(i)
		s.metrics.Sample(requests, at, 0, float64(10*i))
		s.metrics.Sample(memory, at, 0, 1e6+float64(i))
		s.metrics.Histogram(latency, &histcol.Point{Time: at, Kind: histcol.KindExplicit, Flags: histcol.HasSum,
			Count: 10 * n, Sum: 2.5 * float64(n), Bounds: []float64{0.1, 0.5, 1}, Counts: []uint64{4 * n, 3 * n, 2 * n, n}})
		s.metrics.Histogram(size, &histcol.Point{Time: at, Kind: histcol.KindExponential, Flags: histcol.HasSum,
			Count: 4 * n, Sum: 9 * float64(n), Scale: 0, PositiveCounts: []uint64{n, 2 * n, n}})
	}
	s.metrics.Exemplar(latency, "http.server.request.duration", &metricstore.Exemplar{
		Time: epoch.Add(80 * time.Millisecond).UnixNano(), TraceID: s.trace, SpanID: span(3), Value: 0.08, Attributes: []attribute.KeyValue{text("user.id", "u3")},
	})
}

func (s *shop) store() {
	s.Helper()
	var blocks []block.Block
	for _, add := range []func([]block.Block) ([]block.Block, error){s.resources.Blocks, s.logs.Blocks, s.spans.Blocks, s.metrics.Blocks} {
		var err error
		if blocks, err = add(blocks); err != nil {
			s.Fatal(err)
		}
	}
	for _, b := range blocks {
		if err := s.db.Insert(s.Context(), b.Table, "shop-"+s.name, []block.Block{b}); err != nil {
			s.Fatal(err)
		}
	}
}

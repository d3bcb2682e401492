package metricexec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// oracle is Prometheus itself, with the samples a Prometheus would hold.
type oracle struct {
	t      testing.TB
	store  *teststorage.TestStorage
	engine *promql.Engine
	app    storage.AppenderV2
}

func newOracle(t testing.TB) *oracle {
	store := teststorage.New(t)
	return &oracle{
		t: t, store: store, app: store.AppenderV2(context.Background()),
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
			EnableAtModifier: true, EnableNegativeOffset: true,
			NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
			Parser:                   parser.NewParser(parser.Options{}),
		}),
	}
}

func (o *oracle) sample(lbls labels.Labels, t int64, v float64) {
	o.t.Helper()
	if _, err := o.app.Append(0, lbls, 0, t, v, nil, nil, storage.AppendV2Options{}); err != nil {
		o.t.Fatalf("%s at %d: %v", lbls, t, err)
	}
}

func (o *oracle) histogram(lbls labels.Labels, t int64, h *histogram.FloatHistogram) {
	o.t.Helper()
	if _, err := o.app.Append(0, lbls, 0, t, 0, nil, h, storage.AppendV2Options{}); err != nil {
		o.t.Fatalf("%s at %d: %v", lbls, t, err)
	}
}

func (o *oracle) commit() {
	if err := o.app.Commit(); err != nil {
		o.t.Fatal(err)
	}
}

func (o *oracle) query(expr string, q span) string {
	var (
		query promql.Query
		err   error
	)
	if q.step == 0 {
		query, err = o.engine.NewInstantQuery(context.Background(), o.store, nil, expr, q.end)
	} else {
		query, err = o.engine.NewRangeQuery(context.Background(), o.store, nil, expr, q.start, q.end, q.step)
	}
	if err != nil {
		return "error: " + err.Error()
	}
	defer query.Close()
	res := query.Exec(context.Background())
	if res.Err != nil {
		return "error: " + res.Err.Error()
	}
	return render(res.Value, ordered(expr))
}

type span struct {
	start, end time.Time
	step       time.Duration // 0 is instant, at end
}

func evaluate(e *Engine, expr string, q span) string {
	var (
		res *Result
		err error
	)
	if q.step == 0 {
		res, err = e.Instant(context.Background(), tenant.Default, expr, q.end)
	} else {
		res, err = e.Range(context.Background(), tenant.Default, expr, q.start, q.end, q.step)
	}
	if err != nil {
		return "error: " + err.Error()
	}
	defer res.Close()
	return render(legacy(res.Value), ordered(expr))
}

// legacy gives the labels of an answer, which it spells as the query does,
// Prometheus's spelling.
func legacy(v parser.Value) parser.Value {
	switch v := v.(type) {
	case promql.Vector:
		for i := range v {
			v[i].Metric = spelling.Legacy(v[i].Metric)
		}
	case promql.Matrix:
		for i := range v {
			v[i].Metric = spelling.Legacy(v[i].Metric)
		}
		sort.Sort(v)
	}
	return v
}

// ordered tells whether the order of an instant vector is part of the answer.
func ordered(expr string) bool {
	return strings.HasPrefix(expr, "sort") || strings.HasPrefix(expr, "topk") || strings.HasPrefix(expr, "bottomk")
}

// render writes a value. Floats have 13 digits: the order in which an
// aggregation meets its series decides over the last bits, and neither engine
// promises one. Histograms are compacted, since empty buckets mean nothing, and
// lose the hint that is only Prometheus's storage's.
func render(v parser.Value, ordered bool) string {
	var lines []string
	float := func(f float64) string { return fmt.Sprintf("%.13g", f) }
	switch v := v.(type) {
	case promql.Vector:
		for _, s := range v {
			if s.H != nil {
				lines = append(lines, fmt.Sprintf("%s %d %s", s.Metric, s.T, histogramText(s.H)))
			} else {
				lines = append(lines, fmt.Sprintf("%s %d %s", s.Metric, s.T, float(s.F)))
			}
		}
	case promql.Matrix:
		ordered = false
		for _, s := range v {
			line := s.Metric.String()
			for _, p := range s.Floats {
				line += fmt.Sprintf(" %d:%s", p.T, float(p.F))
			}
			for _, p := range s.Histograms {
				line += fmt.Sprintf(" %d:%s", p.T, histogramText(p.H))
			}
			lines = append(lines, line)
		}
	default:
		lines = []string{v.String()}
	}
	if !ordered {
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n")
}

func histogramText(h *histogram.FloatHistogram) string {
	h = h.Copy().Compact(0)
	if h.CounterResetHint != histogram.GaugeType {
		h.CounterResetHint = histogram.UnknownCounterReset
	}
	return h.TestExpression()
}

const scrape = 15 * time.Second

// shop fills a source and the oracle with the same hour of metrics.
type shop struct {
	*memory
	*oracle
	rng   *rand.Rand
	start time.Time
}

func newShop(t testing.TB) *shop {
	s := &shop{
		memory: newMemory(), oracle: newOracle(t),
		rng: rand.New(rand.NewPCG(7, 8)), start: time.UnixMilli(1_700_000_000_000).UTC(),
	}
	for i, service := range []string{"cart", "checkout", "payment"} {
		r := resource(service, "shop", fmt.Sprint(service, "-", i), "host.name", "h")
		s.requests(r)
		s.memoryUsage(r)
		s.durations(r)
		s.exponential(r)
	}
	s.oracle.commit()
	return s
}

func (s *shop) labels(name string, resource *resourcestore.Row, attributes map[string]string) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	b.Set("__name__", name).Set("job", "shop/"+resource.Service).Set("instance", resource.Instance)
	b.Set("service_name", resource.Service)
	for k, v := range attributes {
		b.Set(strings.ReplaceAll(k, ".", "_"), v)
	}
	return b.Labels()
}

func (s *shop) times(each func(t int64)) {
	for at := range int(time.Hour / scrape) {
		if s.rng.IntN(20) == 0 {
			continue // a missed scrape
		}
		each(s.start.Add(time.Duration(at)*scrape).UnixMilli() + s.rng.Int64N(900))
	}
}

func (s *shop) requests(resource *resourcestore.Row) {
	for _, code := range []string{"200", "404", "500"} {
		attributes := map[string]string{"http.method": "GET", "http.status_code": code}
		fp := s.add(metricstore.SeriesRow{Name: "http.server.requests", PromName: "http_server_requests_total", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Monotonic: true, Labels: attributes, Resource: resource})
		lbls := s.labels("http_server_requests_total", resource, attributes)
		var v float64
		s.times(func(t int64) {
			if v += float64(s.rng.IntN(50)); s.rng.IntN(60) == 0 {
				v = 0 // restarted
			}
			s.memory.sample(fp, t, 0, v)
			s.oracle.sample(lbls, t, v)
		})
	}
}

func (s *shop) memoryUsage(resource *resourcestore.Row) {
	fp := s.add(metricstore.SeriesRow{Name: "process.memory.usage", PromName: "process_memory_usage_bytes", Unit: "By", Type: metricstore.Gauge, Resource: resource})
	lbls := s.labels("process_memory_usage_bytes", resource, nil)
	s.times(func(t int64) {
		v := s.rng.NormFloat64() * 1e6
		switch s.rng.IntN(30) {
		case 0:
			v = math.Float64frombits(value.StaleNaN)
		case 1:
			v = math.Inf(1)
		case 2:
			v = math.NaN()
		}
		s.memory.sample(fp, t, 0, v)
		s.oracle.sample(lbls, t, v)
	})
}

func (s *shop) durations(resource *resourcestore.Row) {
	bounds := []float64{0.005, 0.01, 0.1, 1, 2.5, 10}
	attributes := map[string]string{"http.route": "/" + resource.Service}
	fp := s.add(metricstore.SeriesRow{Name: "http.server.request.duration", PromName: "http_server_request_duration_seconds", Unit: "s", Type: metricstore.Histogram, Temporality: metricstore.Cumulative, Monotonic: true, Labels: attributes, Resource: resource})
	name := "http_server_request_duration_seconds"
	row := histcol.Point{Flags: histcol.HasSum, Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}
	s.times(func(t int64) {
		for range s.rng.IntN(40) {
			row.Counts[s.rng.IntN(len(row.Counts))]++
			row.Count++
			row.Sum += s.rng.Float64()
		}
		row.Time = t
		r := row
		r.Counts = slices.Clone(row.Counts)
		s.memory.histogram(fp, r)
		var below uint64
		for i, b := range bounds {
			below += row.Counts[i]
			s.oracle.sample(seriesview.WithLE(s.labels(name+"_bucket", resource, attributes), fmt.Sprint(b)), t, float64(below))
		}
		s.oracle.sample(seriesview.WithLE(s.labels(name+"_bucket", resource, attributes), "+Inf"), t, float64(row.Count))
		s.oracle.sample(s.labels(name+"_count", resource, attributes), t, float64(row.Count))
		s.oracle.sample(s.labels(name+"_sum", resource, attributes), t, row.Sum)
	})
}

func (s *shop) exponential(resource *resourcestore.Row) {
	fp := s.add(metricstore.SeriesRow{Name: "rpc.client.duration", PromName: "rpc_client_duration_milliseconds", Unit: "ms", Type: metricstore.ExponentialHistogram, Temporality: metricstore.Cumulative, Monotonic: true, Resource: resource})
	lbls := s.labels("rpc_client_duration_milliseconds", resource, nil)
	row := histcol.Point{Kind: histcol.KindExponential, Flags: histcol.HasSum, Scale: 3, PositiveOffset: -8, PositiveCounts: make([]uint64, 60), NegativeOffset: 2, NegativeCounts: make([]uint64, 4), ZeroThreshold: 1e-9}
	s.times(func(t int64) {
		for range s.rng.IntN(40) {
			switch s.rng.IntN(10) {
			case 0:
				row.ZeroCount++
			case 1:
				row.NegativeCounts[s.rng.IntN(len(row.NegativeCounts))]++
			default:
				row.PositiveCounts[s.rng.IntN(len(row.PositiveCounts))]++
			}
			row.Count++
			row.Sum += s.rng.Float64() * 100
		}
		row.Time = t
		r := row
		r.PositiveCounts, r.NegativeCounts = slices.Clone(row.PositiveCounts), slices.Clone(row.NegativeCounts)
		s.memory.histogram(fp, r)
		s.oracle.histogram(lbls, t, reference(r))
	})
}

// reference writes the native histogram of a point the slow way: one span per
// bucket that holds something, at the index whose upper bound is the bucket's.
func reference(r histcol.Point) *histogram.FloatHistogram {
	h := &histogram.FloatHistogram{
		Schema: r.Scale, Count: float64(r.Count), Sum: r.Sum, ZeroCount: float64(r.ZeroCount), ZeroThreshold: r.ZeroThreshold,
	}
	side := func(offset int32, counts []uint64) (spans []histogram.Span, buckets []float64) {
		var next int32
		for i, n := range counts {
			if n > 0 {
				index := offset + int32(i) + 1
				spans = append(spans, histogram.Span{Offset: index - next, Length: 1})
				buckets = append(buckets, float64(n))
				next = index + 1
			}
		}
		return spans, buckets
	}
	h.PositiveSpans, h.PositiveBuckets = side(r.PositiveOffset, r.PositiveCounts)
	h.NegativeSpans, h.NegativeBuckets = side(r.NegativeOffset, r.NegativeCounts)
	return h
}

// queries are asked of both engines; a second column is what Prometheus is
// asked where its spelling differs.
var queries = [][2]string{
	{`http_server_requests_total`},
	{`{"http.server.requests"}`, `http_server_requests_total`},
	{`{"http.server.requests","http.status_code"="500"}`, `http_server_requests_total{http_status_code="500"}`},
	{`{__name__=~"http_server_req.*", http_status_code!="200"}`},
	{`{job="shop/cart"}`},
	{`{job=~"shop/(cart|payment)", __name__!~".*_bucket"}`},
	{`rate(http_server_requests_total[5m])`},
	{`irate(http_server_requests_total[2m])`},
	{`increase(http_server_requests_total{http_status_code=~"5.."}[10m])`},
	{`sum(rate(http_server_requests_total[5m]))`},
	{`sum by (job) (rate(http_server_requests_total[5m]))`},
	{`sum by ("http.status_code") (rate(http_server_requests_total[5m]))`, `sum by (http_status_code) (rate(http_server_requests_total[5m]))`},
	{`avg without ("http.method", instance) (http_server_requests_total)`, `avg without (http_method, instance) (http_server_requests_total)`},
	{`max by (service_name) (http_server_requests_total)`},
	{`min(http_server_requests_total)`},
	{`count(http_server_requests_total) by (instance)`},
	{`topk(3, http_server_requests_total)`},
	{`quantile by (job) (0.9, http_server_requests_total)`},
	{`count_values("v", http_server_requests_total > bool 100)`},
	{`stddev(http_server_requests_total)`},
	{`process_memory_usage_bytes`},
	{`avg_over_time(process_memory_usage_bytes[3m])`},
	{`max_over_time({"process.memory.usage"}[3m])`, `max_over_time(process_memory_usage_bytes[3m])`},
	{`min_over_time(process_memory_usage_bytes[3m])`},
	{`sum_over_time(process_memory_usage_bytes[3m])`},
	{`count_over_time(process_memory_usage_bytes[3m])`},
	{`last_over_time(process_memory_usage_bytes[3m])`},
	{`quantile_over_time(0.5, process_memory_usage_bytes[3m])`},
	{`stddev_over_time(process_memory_usage_bytes[3m])`},
	{`present_over_time(process_memory_usage_bytes[3m])`},
	{`absent(nothing_here)`},
	{`absent_over_time(process_memory_usage_bytes[1m])`},
	{`deriv(process_memory_usage_bytes[5m])`},
	{`delta(process_memory_usage_bytes[5m])`},
	{`changes(http_server_requests_total[10m])`},
	{`resets(http_server_requests_total[30m])`},
	{`http_server_requests_total offset 7m`},
	{`http_server_requests_total @ 1700001000`},
	{`max_over_time(rate(http_server_requests_total[2m])[10m:1m])`},
	{`sum(rate(http_server_requests_total{http_status_code="500"}[5m])) / sum(rate(http_server_requests_total[5m]))`},
	{`http_server_requests_total{http_status_code="500"} / ignoring(http_status_code) group_left http_server_requests_total{http_status_code="200"}`},
	{`rate(http_server_requests_total[5m]) * on ("http.status_code", instance) group_left rate(http_server_requests_total[5m])`,
		`rate(http_server_requests_total[5m]) * on (http_status_code, instance) group_left rate(http_server_requests_total[5m])`},
	{`http_server_requests_total > 200 and on (instance) process_memory_usage_bytes > -1e7`},
	{`label_replace(http_server_requests_total, "code", "$1", "http.status_code", "(.*)")`, `label_replace(http_server_requests_total, "code", "$1", "http_status_code", "(.*)")`},
	{`1 + 2 * 3`}, {`vector(time())`}, {`"text"`}, {`-process_memory_usage_bytes`},
	{`http_server_request_duration_seconds_bucket`},
	{`{"http.server.request.duration_bucket", le="0.1"}`, `http_server_request_duration_seconds_bucket{le="0.1"}`},
	{`http_server_request_duration_seconds_bucket{le="1.0"}`, `http_server_request_duration_seconds_bucket{le="1"}`},
	{`http_server_request_duration_seconds_bucket{le!="1.0",le!="+Inf"}`, `http_server_request_duration_seconds_bucket{le!="1",le!="+Inf"}`},
	{`http_server_request_duration_seconds_sum`},
	{`http_server_request_duration_seconds_count`},
	{`http_server_request_duration_seconds`},
	{`rate(http_server_request_duration_seconds_sum[5m]) / rate(http_server_request_duration_seconds_count[5m])`},
	{`histogram_quantile(0.9, rate(http_server_request_duration_seconds_bucket[5m]))`},
	{`histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))`},
	{`histogram_quantile(0.5, sum by (le, "http.route") (rate({"http.server.request.duration_bucket"}[5m])))`,
		`histogram_quantile(0.5, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket[5m])))`},
	{`rpc_client_duration_milliseconds`},
	{`rate({"rpc.client.duration"}[5m])`, `rate(rpc_client_duration_milliseconds[5m])`},
	{`histogram_quantile(0.9, sum(rate(rpc_client_duration_milliseconds[5m])))`},
	{`histogram_quantile(0.1, rpc_client_duration_milliseconds)`},
	{`histogram_count(rate(rpc_client_duration_milliseconds[5m]))`},
	{`histogram_avg(increase(rpc_client_duration_milliseconds[10m]))`},
	{`histogram_fraction(0, 10, rpc_client_duration_milliseconds)`},
	{`http_server_requests_total + on (instance) process_memory_usage_bytes`}, // many-to-one: an error
}

func TestAgreesWithPrometheus(t *testing.T) {
	s := newShop(t)
	t.Run("memory", func(t *testing.T) { s.compare(t, New(Config{Source: s.memory})) })
	t.Run("stored", func(t *testing.T) { s.compare(t, New(Config{Source: stored(t, s.memory)})) })
}

// compare asks both engines every query, at one time and over two ranges.
func (s *shop) compare(t *testing.T, e *Engine) {
	at := func(d time.Duration) time.Time { return s.start.Add(d) }
	spans := []span{
		{end: at(31*time.Minute + 7*time.Second)},
		{start: at(-time.Minute), end: at(65 * time.Minute), step: 37 * time.Second},
		{start: at(10 * time.Minute), end: at(50 * time.Minute), step: 5 * time.Minute},
	}
	for _, q := range queries {
		ours, theirs := q[0], q[1]
		if theirs == "" {
			theirs = ours
		}
		for _, sp := range spans {
			got, want := evaluate(e, ours, sp), s.oracle.query(theirs, sp)
			got = strings.ReplaceAll(got, ours, theirs) // in error texts
			if got != want {
				t.Errorf("%s step %s: %s", ours, sp.step, firstDifference(got, want))
			}
			if want == "" && !strings.HasPrefix(ours, "absent") && ours != `http_server_request_duration_seconds` {
				t.Errorf("%s step %s: nothing to compare", ours, sp.step)
			}
		}
	}
}

// firstDifference shows what surrounds the first byte that differs.
func firstDifference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, min(i, len(s))-120):min(len(s), i+120)] }
	return fmt.Sprintf("\ngot  …%s…\nwant …%s…", cut(got), cut(want))
}

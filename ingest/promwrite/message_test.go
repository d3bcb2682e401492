package promwrite

import (
	"math"
	"testing"
	"time"

	promhistogram "github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// scrape is a request of each version that says the same, made by Prometheus's
// own encoders: a counter, a gauge, a classic histogram with an exemplar, a
// stale marker, and native histograms of every kind.
type scrape struct {
	v1 *prompb.WriteRequest
	v2 *writev2.Request

	symbols writev2.SymbolsTable
}

const (
	sampleTrace = "0102030405060708090a0b0c0d0e0f10"
	sampleSpan  = "a1a2a3a4a5a6a7a8"
)

func newScrape() *scrape {
	return &scrape{v1: &prompb.WriteRequest{}, v2: &writev2.Request{}, symbols: writev2.NewSymbolTable()}
}

// meta is what both versions say of a family.
type meta struct {
	kind             writev2.Metadata_MetricType
	name, help, unit string
}

// add begins a series in both messages.
func (s *scrape) add(m meta, pairs ...string) (*prompb.TimeSeries, *writev2.TimeSeries) {
	l := labels.FromStrings(pairs...)
	s.v1.Timeseries = append(s.v1.Timeseries, prompb.TimeSeries{Labels: prompb.FromLabels(l, nil)})
	s.v2.Timeseries = append(s.v2.Timeseries, writev2.TimeSeries{
		LabelsRefs: s.symbols.SymbolizeLabels(l, nil),
		Metadata:   writev2.Metadata{Type: m.kind, HelpRef: s.symbols.Symbolize(m.help), UnitRef: s.symbols.Symbolize(m.unit)},
	})
	if m.name != "" {
		s.v1.Metadata = append(s.v1.Metadata, prompb.MetricMetadata{
			Type: prompb.MetricMetadata_MetricType(m.kind), MetricFamilyName: m.name, Help: m.help, Unit: m.unit,
		})
	}
	return &s.v1.Timeseries[len(s.v1.Timeseries)-1], &s.v2.Timeseries[len(s.v2.Timeseries)-1]
}

func (s *scrape) sample(at time.Time, start int64, value float64, m meta, pairs ...string) {
	a, b := s.add(m, pairs...)
	a.Samples = append(a.Samples, prompb.Sample{Value: value, Timestamp: at.UnixMilli()})
	b.Samples = append(b.Samples, writev2.Sample{Value: value, Timestamp: at.UnixMilli(), StartTimestamp: start})
}

func (s *scrape) exemplar(at time.Time, value float64, m meta, extra []string, pairs ...string) {
	l := labels.FromStrings(extra...)
	a, b := s.add(m, pairs...)
	a.Exemplars = append(a.Exemplars, prompb.Exemplar{Labels: prompb.FromLabels(l, nil), Value: value, Timestamp: at.UnixMilli()})
	b.Exemplars = append(b.Exemplars, writev2.Exemplar{LabelsRefs: s.symbols.SymbolizeLabels(l, nil), Value: value, Timestamp: at.UnixMilli()})
}

func (s *scrape) histogram(at time.Time, h *promhistogram.Histogram, m meta, pairs ...string) {
	a, b := s.add(m, pairs...)
	a.Histograms = append(a.Histograms, prompb.FromIntHistogram(at.UnixMilli(), h))
	b.Histograms = append(b.Histograms, writev2.FromIntHistogram(0, at.UnixMilli(), h))
}

func (s *scrape) floatHistogram(at time.Time, h *promhistogram.FloatHistogram, m meta, pairs ...string) {
	a, b := s.add(m, pairs...)
	a.Histograms = append(a.Histograms, prompb.FromFloatHistogram(at.UnixMilli(), h))
	b.Histograms = append(b.Histograms, writev2.FromFloatHistogram(0, at.UnixMilli(), h))
}

// message is the request as protobuf.
func (s *scrape) message(t testing.TB, v version) []byte {
	t.Helper()
	marshal := s.v1.Marshal
	if v == v2 {
		s.v2.Symbols = s.symbols.Symbols()
		marshal = s.v2.Marshal
	}
	b, err := marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var stale = math.Float64frombits(staleNaN)

// sampleScrape has seven samples, six histograms and one exemplar.
func sampleScrape(now time.Time) *scrape {
	s := newScrape()
	requests := meta{writev2.Metadata_METRIC_TYPE_COUNTER, "http_requests_total", "Requests served.", ""}
	start := now.Add(-time.Hour).UnixMilli()
	s.sample(now, start, 42, requests, "__name__", "http_requests_total", "job", "shop", "instance", "a:80", "code", "200")
	s.sample(now, 0, stale, requests, "__name__", "http_requests_total", "job", "shop", "instance", "a:80", "code", "500")
	heap := meta{writev2.Metadata_METRIC_TYPE_GAUGE, "heap", "", "bytes"}
	s.sample(now, 0, 1.5, heap, "__name__", "heap", "job", "shop", "instance", "a:80")
	latency := meta{writev2.Metadata_METRIC_TYPE_HISTOGRAM, "latency_seconds", "", "seconds"}
	for _, le := range []string{"0.1", "+Inf"} {
		s.sample(now, 0, 3, latency, "__name__", "latency_seconds_bucket", "job", "shop", "le", le)
	}
	s.sample(now, 0, 0.25, latency, "__name__", "latency_seconds_sum", "job", "shop")
	s.sample(now, 0, 7, meta{}, "__name__", "job:odd.name:sum", "dotted.label", "ü")
	s.exemplar(now, 0.07, latency, []string{"trace_id", sampleTrace, "span_id", sampleSpan, "user", "x"},
		"__name__", "latency_seconds_bucket", "job", "shop", "le", "0.1")

	native := meta{writev2.Metadata_METRIC_TYPE_HISTOGRAM, "native", "", ""}
	h := &promhistogram.Histogram{
		Schema: 1, Count: 12, Sum: 18.4, ZeroCount: 2, ZeroThreshold: 0.001,
		PositiveSpans: []promhistogram.Span{{Offset: 0, Length: 2}, {Offset: 1, Length: 1}}, PositiveBuckets: []int64{1, 1, 1},
		NegativeSpans: []promhistogram.Span{{Offset: -3, Length: 2}}, NegativeBuckets: []int64{2, 0},
	}
	s.histogram(now, h, native, "__name__", "native", "kind", "integer")
	f := h.ToFloat(nil).Mul(0.5)
	s.floatHistogram(now, f, native, "__name__", "native", "kind", "float")
	g := h.Copy()
	g.CounterResetHint = promhistogram.GaugeType
	s.histogram(now, g, native, "__name__", "native", "kind", "gauge")
	s.histogram(now, &promhistogram.Histogram{Sum: stale}, native, "__name__", "native", "kind", "stale")
	s.histogram(now, &promhistogram.Histogram{
		Schema: 8, Count: 2, Sum: 1e6,
		PositiveSpans: []promhistogram.Span{{Offset: -5000, Length: 1}, {Offset: 10000, Length: 1}}, PositiveBuckets: []int64{1, 0},
	}, native, "__name__", "native", "kind", "wide")
	s.histogram(now, &promhistogram.Histogram{
		Schema: customSchema, Count: 6, Sum: 5, CustomValues: []float64{0.5, 1, 2},
		PositiveSpans: []promhistogram.Span{{Offset: 1, Length: 3}}, PositiveBuckets: []int64{1, 1, 1},
	}, native, "__name__", "native", "kind", "custom")
	return s
}

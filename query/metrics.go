package query

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
)

// metrics are the service's own.
type metrics struct {
	requests    *prometheus.HistogramVec
	inFlight    prometheus.Gauge
	evaluations *prometheus.HistogramVec
	samples     prometheus.Counter
	series      prometheus.Counter
	steps       *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	buckets := prometheus.ExponentialBuckets(0.001, 2, 16)
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trefoil_query_request_duration_seconds",
			Help: "Time a query request took, by route and status code.", Buckets: buckets}, []string{"route", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trefoil_query_requests_in_flight",
			Help: "Query requests being answered or waiting."}),
		evaluations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trefoil_query_evaluation_duration_seconds",
			Help: "Time an evaluation took, by language and outcome.", Buckets: buckets}, []string{"language", "outcome"}),
		samples: prometheus.NewCounter(prometheus.CounterOpts{Name: "trefoil_query_samples_read_total",
			Help: "Samples that evaluations read from storage."}),
		series: prometheus.NewCounter(prometheus.CounterOpts{Name: "trefoil_query_series_touched_total",
			Help: "Series that the selectors of evaluations found."}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trefoil_query_cache_steps_total",
			Help: "Steps of range queries that were looked for in the cache, by whether it had them."}, []string{"found"}),
	}
	if r != nil {
		r.MustRegister(m.requests, m.inFlight, m.evaluations, m.samples, m.series, m.steps)
	}
	return m
}

// evaluated counts the evaluations of a language.
func (m *metrics) evaluated(language string) func(metricexec.Stats, error) {
	return func(s metricexec.Stats, err error) {
		outcome := "ok"
		if f := fault.Of(err); f != nil {
			outcome = string(f.Code)
		}
		m.evaluations.WithLabelValues(language, outcome).Observe(s.Elapsed.Seconds())
		m.samples.Add(float64(s.Samples))
		m.series.Add(float64(s.Series))
	}
}

// cached counts what the cache of answers had.
func (m *metrics) cached(asked, had int64) {
	m.steps.WithLabelValues("yes").Add(float64(had))
	m.steps.WithLabelValues("no").Add(float64(asked - had))
}

// answered counts one request.
func (m *metrics) answered(route, code string, took time.Duration) {
	m.requests.WithLabelValues(route, code).Observe(took.Seconds())
}

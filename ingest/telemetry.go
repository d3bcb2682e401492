package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// telemetry counts what the pipeline takes and turns away.
type telemetry struct {
	accepted *prometheus.CounterVec // signal
	rejected *prometheus.CounterVec // signal, reason
	refused  *prometheus.CounterVec // signal, reason
	lag      *prometheus.HistogramVec
}

func newTelemetry(r prometheus.Registerer, inflight func() float64) *telemetry {
	t := &telemetry{
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_ingest_records_accepted_total",
			Help: "Log records, spans and data points stored and acked.",
		}, []string{"signal"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_ingest_records_rejected_total",
			Help: "Invalid records of requests that were acked without them, by what is wrong with them.",
		}, []string{"signal", "reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_ingest_requests_refused_total",
			Help: "Whole requests answered with an error, by why.",
		}, []string{"signal", "reason"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "trefoil_ingest_lag_seconds",
			Help:    "From the newest timestamp of a request to its ack.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600},
		}, []string{"signal"}),
	}
	if r != nil {
		r.MustRegister(t.accepted, t.rejected, t.refused, t.lag, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "trefoil_ingest_inflight_bytes",
			Help: "Estimated memory of requests being decoded.",
		}, inflight))
	}
	return t
}

// done counts an acked request whose newest record is at newest (unix ns).
func (t *telemetry) done(s Signal, r *Result, now time.Time, newest int64) {
	t.accepted.WithLabelValues(string(s)).Add(float64(r.Accepted))
	for _, j := range r.Rejections {
		t.rejected.WithLabelValues(string(s), string(j.Reason)).Add(float64(j.Count))
	}
	if r.Accepted > 0 {
		t.lag.WithLabelValues(string(s)).Observe(max(0, now.Sub(time.Unix(0, newest)).Seconds()))
	}
}

// insertTelemetry counts what the Batcher does.
type insertTelemetry struct {
	rows      *prometheus.CounterVec   // table
	bytes     *prometheus.CounterVec   // table
	retries   *prometheus.CounterVec   // table
	failures  *prometheus.CounterVec   // table, class
	durations *prometheus.HistogramVec // table
	batchRows *prometheus.HistogramVec // table
	requests  prometheus.Histogram
}

func newInsertTelemetry(r prometheus.Registerer, queued func() float64) *insertTelemetry {
	table := []string{"table"}
	t := &insertTelemetry{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_insert_rows_total", Help: "Rows stored in ClickHouse.",
		}, table),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_insert_bytes_total", Help: "Compressed bytes of inserts that succeeded.",
		}, table),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_insert_retries_total", Help: "Inserts sent again with the same deduplication token.",
		}, table),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_insert_failures_total", Help: "Attempts to insert that failed, by class of error.",
		}, []string{"table", "class"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "trefoil_insert_duration_seconds", Help: "Duration of one attempt to insert.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 12),
		}, table),
		batchRows: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "trefoil_insert_batch_rows", Help: "Rows of one insert that succeeded.",
			Buckets: prometheus.ExponentialBuckets(1, 8, 8),
		}, table),
		requests: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trefoil_insert_batch_requests", Help: "Requests merged into one flush.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
	}
	if r != nil {
		r.MustRegister(t.rows, t.bytes, t.retries, t.failures, t.durations, t.batchRows, t.requests,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "trefoil_insert_queue_bytes", Help: "Compressed bytes of requests waiting for their insert.",
			}, queued))
	}
	return t
}

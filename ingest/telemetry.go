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

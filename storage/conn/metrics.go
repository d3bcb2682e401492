package conn

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	selects, inserts *prometheus.HistogramVec
	readRows         *prometheus.CounterVec
	readBytes        *prometheus.CounterVec
	insertedBytes    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	buckets := prometheus.ExponentialBuckets(0.001, 2, 16)
	m := metrics{
		selects: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trefoil_clickhouse_select_duration_seconds",
			Help: "Time a select took, by operation and outcome.", Buckets: buckets}, []string{"operation", "outcome"}),
		inserts: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trefoil_clickhouse_insert_duration_seconds",
			Help: "Time an insert took, by table and outcome.", Buckets: buckets}, []string{"table", "outcome"}),
		readRows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trefoil_clickhouse_read_rows_total",
			Help: "Rows that selects read, by operation."}, []string{"operation"}),
		readBytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trefoil_clickhouse_read_bytes_total",
			Help: "Bytes that selects read, by operation."}, []string{"operation"}),
		insertedBytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trefoil_clickhouse_inserted_bytes_total",
			Help: "Compressed bytes sent in inserts that succeeded, by table."}, []string{"table"}),
	}
	if r != nil {
		r.MustRegister(m.selects, m.inserts, m.readRows, m.readBytes, m.insertedBytes)
	}
	return m
}

func (m metrics) selected(op string, s Stats, err error) {
	m.selects.WithLabelValues(op, outcome(err)).Observe(s.Elapsed.Seconds())
	m.readRows.WithLabelValues(op).Add(float64(s.Rows))
	m.readBytes.WithLabelValues(op).Add(float64(s.Bytes))
}

func (m metrics) inserted(table string, size int64, d time.Duration, err error) {
	m.inserts.WithLabelValues(table, outcome(err)).Observe(d.Seconds())
	if err == nil && size > 0 {
		m.insertedBytes.WithLabelValues(table).Add(float64(size))
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return ClassOf(err).String()
}

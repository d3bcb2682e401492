package delivery

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/ingest/wal"
)

// telemetry counts what the Shipper does.
type telemetry struct {
	rows        *prometheus.CounterVec   // table
	bytes       *prometheus.CounterVec   // table
	retries     *prometheus.CounterVec   // table
	failures    *prometheus.CounterVec   // table, class
	quarantined *prometheus.CounterVec   // table
	batchRows   *prometheus.HistogramVec // table
	lag         prometheus.Histogram
}

func newTelemetry(r prometheus.Registerer, b *breaker, tables *bulkheads) *telemetry {
	table := []string{"table"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	t := &telemetry{
		rows:        counter("trefoil_insert_rows_total", "Rows stored in ClickHouse.", table...),
		bytes:       counter("trefoil_insert_bytes_total", "Compressed bytes of inserts that succeeded.", table...),
		retries:     counter("trefoil_insert_retries_total", "Inserts sent again with the same deduplication token.", table...),
		failures:    counter("trefoil_insert_failures_total", "Attempts to insert that failed, by class of error.", "table", "class"),
		quarantined: counter("trefoil_insert_quarantined_rows_total", "Rows that ClickHouse rejects and that were set aside.", table...),
		batchRows: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "trefoil_insert_batch_rows", Help: "Rows of one insert that succeeded.",
			Buckets: prometheus.ExponentialBuckets(1, 8, 8),
		}, table),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trefoil_insert_lag_seconds", Help: "From the ack of a segment's first request to its last row being in ClickHouse.",
			Buckets: []float64{.25, .5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 3600},
		}),
	}
	if r != nil {
		r.MustRegister(stuckTables{tables}, t.rows, t.bytes, t.retries, t.failures, t.quarantined, t.batchRows, t.lag,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "trefoil_insert_storage_away", Help: "1 while inserts wait because ClickHouse did not take the last one, else 0.",
			}, func() float64 {
				if b.err() != nil {
					return 1
				}
				return 0
			}))
	}
	return t
}

// stuckTables measures which tables are closed off.
type stuckTables struct{ tables *bulkheads }

var stuckDesc = prometheus.NewDesc("trefoil_insert_table_stuck",
	"1 while a table's rows wait because the table did not take the last ones, else 0.", []string{"table"}, nil)

// Describe implements prometheus.Collector.
func (c stuckTables) Describe(ch chan<- *prometheus.Desc) { ch <- stuckDesc }

// Collect implements prometheus.Collector.
func (c stuckTables) Collect(ch chan<- prometheus.Metric) {
	c.tables.each(func(table string, b *breaker) {
		v := 0.0
		if b.err() != nil {
			v = 1
		}
		ch <- prometheus.MustNewConstMetric(stuckDesc, prometheus.GaugeValue, v, table)
	})
}

func (t *telemetry) stored(p wal.Piece) {
	t.rows.WithLabelValues(p.Table).Add(float64(p.Rows))
	t.bytes.WithLabelValues(p.Table).Add(float64(p.Bytes))
	t.batchRows.WithLabelValues(p.Table).Observe(float64(p.Rows))
}

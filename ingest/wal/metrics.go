package wal

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the log tells about itself.
type metrics struct {
	appends     prometheus.Counter
	bytes       prometheus.Counter
	repeats     prometheus.Counter
	refused     *prometheus.CounterVec // reason
	queued      prometheus.Histogram
	write       prometheus.Histogram
	fsync       prometheus.Histogram
	commits     prometheus.Histogram
	corrupt     prometheus.Counter
	quarantined prometheus.Counter
}

// Values of the reason label of trefoil_wal_refused_total.
const (
	refusedBudget = "budget"    // MaxBytes used up
	refusedQueue  = "queue"     // too much waits for the disk
	refusedDisk   = "disk_full" // ENOSPC, EDQUOT
	refusedWrite  = "write_failed"
	refusedSync   = "fsync_failed"
)

func newMetrics() *metrics {
	return &metrics{
		appends: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_wal_appends_total", Help: "Requests that became durable."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_wal_append_bytes_total", Help: "Bytes of requests that became durable."}),
		repeats: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_wal_repeats_total", Help: "Requests that were in the log already and not stored again."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_wal_refused_total", Help: "Requests not taken, by why."}, []string{"reason"}),
		queued: duration("trefoil_wal_queue_seconds", "From a request's coming to the beginning of the commit it is in."),
		write:  duration("trefoil_wal_write_seconds", "Duration of one write of a commit, without its fsync."),
		fsync:  duration("trefoil_wal_fsync_seconds", "Duration of one fsync of a segment."),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trefoil_wal_commit_appends", Help: "Requests served by one fsync.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10)}),
		corrupt: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_wal_corruptions_total", Help: "Damaged stretches of segments that were cut out."}),
		quarantined: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_wal_quarantined_total", Help: "Segments and pieces of segments set aside."}),
	}
}

func duration(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.0002, 2, 15)})
}

// register makes the metrics of l known to r, which may be nil.
func (m *metrics) register(l *Log, r prometheus.Registerer) {
	if r == nil {
		return
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	r.MustRegister(m.appends, m.bytes, m.repeats, m.refused, m.queued, m.write, m.fsync, m.commits, m.corrupt, m.quarantined,
		gauge("trefoil_wal_bytes", "Bytes of the log, quarantine aside.", func() float64 { return float64(l.Stats().Bytes) }),
		gauge("trefoil_wal_budget_bytes", "Bytes the log may have.", func() float64 { return float64(l.cfg.MaxBytes) }),
		gauge("trefoil_wal_segments", "Sealed segments not stored yet.", func() float64 { return float64(l.Stats().Segments) }),
		gauge("trefoil_wal_settling_segments", "Segments that are stored and wait until that is synced.", func() float64 { return float64(l.unsettled()) }),
		gauge("trefoil_wal_oldest_unsent_seconds", "Age of the oldest append that is not stored yet.", func() float64 {
			oldest := l.Stats().Oldest
			if oldest.IsZero() {
				return 0
			}
			return max(0, l.cfg.Now().Sub(oldest).Seconds())
		}))
}

// committed counts a commit that is durable: its beginning, and where in it the
// fsync began.
func (m *metrics) committed(began, written time.Time, batch []*ticket) {
	m.write.Observe(written.Sub(began).Seconds())
	m.fsync.Observe(time.Since(written).Seconds())
	m.commits.Observe(float64(len(batch)))
	for _, t := range batch {
		m.queued.Observe(began.Sub(t.came).Seconds())
	}
}

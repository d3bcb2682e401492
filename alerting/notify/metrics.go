package notify

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	sent, attempts *prometheus.CounterVec
	failed         *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	refused        prometheus.Counter
	recordFailures prometheus.Counter
	remote, lost   *prometheus.CounterVec
	alerts         prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_notifications_sent_total",
			Help: "Notifications a receiver has accepted.",
		}, []string{"receiver"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_notification_attempts_total",
			Help: "Delivery attempts, whatever their outcome.",
		}, []string{"receiver"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_notification_attempts_failed_total",
			Help: "Delivery attempts that failed, by the class of the failure.",
		}, []string{"receiver", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "trefoil_notification_attempt_duration_seconds",
			Help:    "How long a delivery attempt took.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 7),
		}, []string{"receiver"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_notification_alerts_refused_total",
			Help: "Alerts not taken because too many are held; the evaluator puts them again.",
		}),
		recordFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_notification_log_failures_total",
			Help: "Writes of the notification log that failed.",
		}),
		alerts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "trefoil_notification_alerts",
			Help: "Alerts held for receivers.",
		}),
		remote: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_alertmanager_alerts_sent_total",
			Help: "Alerts another Alertmanager has accepted.",
		}, []string{"alertmanager"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trefoil_alertmanager_errors_total",
			Help: "Requests to another Alertmanager that failed; their alerts are sent again.",
		}, []string{"alertmanager"}),
	}
	for _, c := range []prometheus.Collector{m.sent, m.attempts, m.failed, m.duration, m.refused, m.recordFailures, m.alerts, m.remote, m.lost} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

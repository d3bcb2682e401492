package alerting

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	evaluations, failures, iterations, missed, unsettled, changes *prometheus.CounterVec
	duration                                                      prometheus.Histogram
	lastDuration, lastEvaluation, interval, nRules                *prometheus.GaugeVec
	reloadOK, reloadTime, leading                                 prometheus.Gauge
	storeFailures, historyLost                                    prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, alerts func(ch chan<- prometheus.Metric)) (*metrics, error) {
	byGroup := []string{"rule_group"}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, byGroup)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, byGroup)
	}
	m := &metrics{
		evaluations: counter("trefoil_rule_evaluations_total", "Rule evaluations."),
		failures:    counter("trefoil_rule_evaluation_failures_total", "Rule evaluations that failed; the rules kept their state."),
		iterations:  counter("trefoil_rule_group_iterations_total", "Group evaluations that were due."),
		missed:      counter("trefoil_rule_group_iterations_missed_total", "Group evaluations left out because the one before took too long."),
		unsettled: counter("trefoil_rule_group_evaluations_unsettled_total",
			"Group evaluations that went on although what came in before them was not all stored yet."),
		changes: counter("trefoil_alert_state_changes_total",
			"Changes of state of alert instances; many of them on few alerts are flapping."),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "trefoil_rule_evaluation_duration_seconds",
			Help:    "How long a rule evaluation took, storing and handing over included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}),
		lastDuration:   gauge("trefoil_rule_group_last_duration_seconds", "How long the group's last evaluation took."),
		lastEvaluation: gauge("trefoil_rule_group_last_evaluation_timestamp_seconds", "When the group's last evaluation began."),
		interval:       gauge("trefoil_rule_group_interval_seconds", "The group's interval."),
		nRules:         gauge("trefoil_rule_group_rules", "The number of rules in the group."),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "trefoil_rules_last_reload_successful", Help: "Whether the last attempt to read the rule files succeeded."}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "trefoil_rules_last_reload_success_timestamp_seconds", Help: "When the rule files were last read."}),
		leading: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "trefoil_alert_leader", Help: "Whether this instance evaluates the rules, among several over one ClickHouse."}),
		storeFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_alert_store_failures_total", Help: "Writes of alert state and history that failed and are repeated."}),
		historyLost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "trefoil_alert_history_lost_total", Help: "Events of the alert history given up because the store was away too long."}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.evaluations, m.failures, m.iterations, m.missed, m.unsettled, m.changes, m.duration, m.lastDuration, m.lastEvaluation, m.interval,
		m.nRules, m.reloadOK, m.reloadTime, m.leading, m.storeFailures, m.historyLost, alertCounter(alerts),
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("alerting: metrics: %w", err)
		}
	}
	return m, nil
}

// forget drops the series of a group that is gone.
func (m *metrics) forget(key string) {
	for _, v := range []interface{ DeleteLabelValues(...string) bool }{
		m.evaluations, m.failures, m.iterations, m.missed, m.unsettled, m.changes, m.lastDuration, m.lastEvaluation, m.interval, m.nRules,
	} {
		v.DeleteLabelValues(key)
	}
}

// describe shows a group that is there, before its first evaluation too.
func (m *metrics) describe(g *group) {
	key := g.key()
	m.interval.WithLabelValues(key).Set(g.interval.Seconds())
	m.nRules.WithLabelValues(key).Set(float64(len(g.rules)))
	for _, v := range []*prometheus.CounterVec{m.evaluations, m.failures, m.iterations, m.missed, m.unsettled, m.changes} {
		v.WithLabelValues(key)
	}
}

// alertCounter counts the alerts by state when it is asked.
type alertCounter func(ch chan<- prometheus.Metric)

func alertsDesc() *prometheus.Desc {
	return prometheus.NewDesc("trefoil_alerts", "Alert instances by state.", []string{"state"}, nil)
}

func (alertCounter) Describe(ch chan<- *prometheus.Desc)   { ch <- alertsDesc() }
func (c alertCounter) Collect(ch chan<- prometheus.Metric) { c(ch) }

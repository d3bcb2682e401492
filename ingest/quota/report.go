package quota

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Report is a tenant's limits and what it uses of them. Durations are seconds,
// a zero limit is none.
type Report struct {
	Tenant string `json:"tenant"`
	Limits struct {
		BytesPerSecond   int64   `json:"bytes_per_second"`
		RecordsPerSecond int64   `json:"records_per_second"`
		ActiveSeries     int64   `json:"active_series"`
		Attributes       int     `json:"attributes"`
		AttributeBytes   int     `json:"attribute_bytes"`
		NameBytes        int     `json:"name_bytes"`
		LabelBytes       int     `json:"label_bytes"`
		LateSeconds      float64 `json:"late_seconds"`
		AheadSeconds     float64 `json:"ahead_seconds"`
	} `json:"limits"`
	ActiveSeries int64 `json:"active_series"`
	// Refused counts since the tenant was first seen: requests for the rates,
	// points for active series.
	Refused map[Limit]int64 `json:"refused"`
	// Labels and Metrics are those that most of the new series are due to.
	Labels  []LabelUse  `json:"labels"`
	Metrics []MetricUse `json:"metrics"`
}

// Report describes the tenant's state.
func (t *Tenant) Report() (r Report) {
	r.Tenant = string(t.id)
	l := &t.limits
	r.Limits.BytesPerSecond, r.Limits.RecordsPerSecond, r.Limits.ActiveSeries = l.BytesPerSecond, l.RecordsPerSecond, l.Series
	r.Limits.Attributes, r.Limits.AttributeBytes, r.Limits.NameBytes, r.Limits.LabelBytes = l.Attributes, l.AttributeBytes, l.NameBytes, l.LabelBytes
	r.Limits.LateSeconds, r.Limits.AheadSeconds = l.Late.Seconds(), l.Ahead.Seconds()
	r.Refused = map[Limit]int64{Bytes: t.refused.bytes.Load(), Records: t.refused.records.Load(), Series: t.refused.series.Load()}
	r.Labels, r.Metrics = []LabelUse{}, []MetricUse{}
	if t.series != nil {
		r.ActiveSeries = t.series.count.Load()
		labels, metrics := t.watched.top()
		r.Labels, r.Metrics = append(r.Labels, labels...), append(r.Metrics, metrics...)
	}
	return r
}

// ServeHTTP answers with the Report of the request's tenant.
func (k *Keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(k.Tenant(tenant.FromContext(r.Context())).Report())
}

func describe(labels []LabelUse) string {
	var all []string
	for _, l := range labels[:min(len(labels), 3)] {
		all = append(all, fmt.Sprintf("%.100s ≈ %d values", l.Name, l.Values))
	}
	return strings.Join(all, ", ")
}

func describeMetrics(metrics []MetricUse) string {
	var all []string
	for _, m := range metrics[:min(len(metrics), 3)] {
		all = append(all, fmt.Sprintf("%.100s %d series", m.Name, m.Series))
	}
	return strings.Join(all, ", ")
}

// collector measures all tenants, or those of them with the most series: names
// of tenants come from outside.
type collector struct{ keeper *Keeper }

const maxMeasured = 200 // tenants in /metrics

var (
	activeDesc = prometheus.NewDesc("trefoil_quota_active_series",
		"Series a tenant wrote to lately.", []string{"tenant"}, nil)
	limitDesc = prometheus.NewDesc("trefoil_quota_active_series_limit",
		"Active series a tenant may have.", []string{"tenant"}, nil)
	refusedDesc = prometheus.NewDesc("trefoil_quota_refused_total",
		"Requests refused because a tenant used up a rate, points rejected because it has too many series, by limit.", []string{"tenant", "limit"}, nil)
	valuesDesc = prometheus.NewDesc("trefoil_quota_label_values",
		"Values, estimated, of the label that most of a tenant's new series are due to, while the tenant is at its limit.", []string{"tenant", "label"}, nil)
)

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{activeDesc, limitDesc, refusedDesc, valuesDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, t := range c.keeper.most() {
		name := string(t.id)
		for limit, n := range map[Limit]int64{Bytes: t.refused.bytes.Load(), Records: t.refused.records.Load(), Series: t.refused.series.Load()} {
			if n > 0 {
				ch <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(n), name, string(limit))
			}
		}
		if t.series == nil {
			continue
		}
		count := t.series.count.Load()
		ch <- prometheus.MustNewConstMetric(activeDesc, prometheus.GaugeValue, float64(count), name)
		ch <- prometheus.MustNewConstMetric(limitDesc, prometheus.GaugeValue, float64(t.limits.Series), name)
		if count < t.limits.Series {
			continue
		}
		if labels, _ := t.watched.top(); len(labels) > 0 {
			label := strings.ToValidUTF8(labels[0].Name, "\ufffd")
			ch <- prometheus.MustNewConstMetric(valuesDesc, prometheus.GaugeValue, float64(labels[0].Values), name, label)
		}
	}
}

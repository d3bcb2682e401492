package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Alert is what receivers are told about one firing or resolved instance of a
// rule. The maps belong to the alert once it is put.
type Alert struct {
	Labels, Annotations map[string]string
	// StartsAt is when it began to fire.
	StartsAt time.Time
	// EndsAt is when it was resolved; zero while it fires.
	EndsAt       time.Time
	GeneratorURL string
}

// Resolved says whether the alert has ended.
func (a *Alert) Resolved() bool { return !a.EndsAt.IsZero() }

// Fingerprint is Alertmanager's fingerprint of the labels.
func (a *Alert) Fingerprint() uint64 { return uint64(labelSet(a.Labels).Fingerprint()) }

func labelSet(labels map[string]string) model.LabelSet {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set
}

// message is the JSON an Alertmanager webhook receiver gets, version "4".
type message struct {
	Receiver           string            `json:"receiver"`
	Status             string            `json:"status"`
	Alerts             []messageAlert    `json:"alerts"`
	NotificationReason string            `json:"notification_reason"`
	GroupLabels        map[string]string `json:"groupLabels"`
	CommonLabels       map[string]string `json:"commonLabels"`
	CommonAnnotations  map[string]string `json:"commonAnnotations"`
	RouteLabels        map[string]string `json:"routeLabels"`
	ExternalURL        string            `json:"externalURL"`
	Version            string            `json:"version"`
	GroupKey           string            `json:"groupKey"`
	TruncatedAlerts    uint64            `json:"truncatedAlerts"`
}

type messageAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// encode prints the message about a group's alerts, the first limit of them.
func encode(key Key, group map[string]string, reason reason, externalURL string, alerts []*Alert, limit int) ([]byte, error) {
	m := message{
		Receiver:           key.Receiver,
		Status:             status(alerts),
		Alerts:             []messageAlert{},
		NotificationReason: string(reason),
		GroupLabels:        group,
		RouteLabels:        map[string]string{},
		ExternalURL:        externalURL,
		Version:            "4",
		GroupKey:           key.Group,
	}
	if limit > 0 && len(alerts) > limit {
		m.TruncatedAlerts = uint64(len(alerts) - limit)
		alerts = alerts[:limit]
	}
	m.CommonLabels = common(alerts, func(a *Alert) map[string]string { return a.Labels })
	m.CommonAnnotations = common(alerts, func(a *Alert) map[string]string { return a.Annotations })
	for _, a := range alerts {
		m.Alerts = append(m.Alerts, messageAlert{
			Status: status([]*Alert{a}), Labels: orEmpty(a.Labels), Annotations: orEmpty(a.Annotations),
			StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
			Fingerprint: model.Fingerprint(a.Fingerprint()).String(),
		})
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("notification: encode: %w", err)
	}
	return body, nil
}

// decodeAlerts reads the alerts of a message that was sent before.
func decodeAlerts(body []byte) ([]Alert, error) {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("notification: decode: %w", err)
	}
	var alerts []Alert
	for _, a := range m.Alerts {
		alerts = append(alerts, Alert{
			Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
		})
	}
	return alerts, nil
}

func status(alerts []*Alert) string {
	for _, a := range alerts {
		if !a.Resolved() {
			return "firing"
		}
	}
	return "resolved"
}

// common answers the pairs that all alerts have.
func common(alerts []*Alert, of func(*Alert) map[string]string) map[string]string {
	out := map[string]string{}
	for i, a := range alerts {
		if i == 0 {
			for name, value := range of(a) {
				out[name] = value
			}
			continue
		}
		for name, value := range out {
			if other, ok := of(a)[name]; !ok || other != value {
				delete(out, name)
			}
		}
	}
	return out
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// sortAlerts puts alerts in the order of their labels.
func sortAlerts(alerts []*Alert) {
	printed := make(map[*Alert]string, len(alerts))
	for _, a := range alerts {
		printed[a] = labelSet(a.Labels).String()
	}
	slices.SortFunc(alerts, func(a, b *Alert) int { return strings.Compare(printed[a], printed[b]) })
}

// groupOf answers a group's labels and Alertmanager's key for it.
func groupOf(a *Alert, by []string) (labels map[string]string, key string) {
	labels = map[string]string{}
	for _, name := range by {
		if value, ok := a.Labels[name]; ok {
			labels[name] = value
		}
	}
	return labels, "{}:" + labelSet(labels).String()
}

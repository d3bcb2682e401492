package nativejson

import (
	"encoding/json"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// Alert is an alert that is pending, firing or resolved.
type Alert struct {
	Alert       string            `json:"alert"`
	Group       string            `json:"group"`
	State       string            `json:"state"`
	Value       json.RawMessage   `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	ActiveAt    string            `json:"active_at,omitempty"`
	FiredAt     string            `json:"fired_at,omitempty"`
	ResolvedAt  string            `json:"resolved_at,omitempty"`
}

// Alerts is a list of alerts.
type Alerts struct {
	Alerts    []Alert `json:"alerts"`
	Truncated bool    `json:"truncated"`
}

// AlertEvent is something that happened to an alert.
type AlertEvent struct {
	Time        string            `json:"time"`
	Event       string            `json:"event"`
	Alert       string            `json:"alert"`
	Group       string            `json:"group"`
	Value       json.RawMessage   `json:"value"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Receiver    string            `json:"receiver,omitempty"`
}

// AlertHistory is what happened to alerts.
type AlertHistory struct {
	Events    []AlertEvent `json:"events"`
	Truncated bool         `json:"truncated"`
}

// AlertOf makes an alert of its state.
func AlertOf(x *alertstore.Instance) Alert {
	return Alert{
		Alert: x.Alert, Group: x.Group, State: alertState(x), Value: ValueJSON(attribute.DoubleValue(x.Value)),
		Labels: stringsOf(x.Labels), Annotations: stringsOf(x.Annotations),
		ActiveAt: timeOrNone(x.ActiveAt), FiredAt: timeOrNone(x.FiredAt), ResolvedAt: timeOrNone(x.ResolvedAt),
	}
}

// AlertEventOf makes an event of one that was kept.
func AlertEventOf(e *alertstore.Event) AlertEvent {
	return AlertEvent{
		Time: TimeText(e.Time.UnixNano()), Event: eventName(e.Kind), Alert: e.Alert, Group: e.Group,
		Value: ValueJSON(attribute.DoubleValue(e.Value)), Labels: stringsOf(e.Labels), Annotations: stringsOf(e.Annotations), Receiver: e.Receiver,
	}
}

func alertState(x *alertstore.Instance) string {
	switch x.State {
	case alertstore.Pending:
		return "pending"
	case alertstore.Firing:
		return "firing"
	default:
		return "resolved"
	}
}

// EventNames are what events are called, by kind.
func EventNames() []string {
	return []string{"unknown", "pending", "firing", "resolved", "dropped", "notified"}
}

func eventName(k alertstore.Kind) string {
	names := EventNames()
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

func timeOrNone(t time.Time) string {
	if t.UnixNano() <= 0 || t.IsZero() {
		return ""
	}
	return TimeText(t.UnixNano())
}

// stringsOf makes an empty map of none, so that it is {} and not null.
func stringsOf(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// FiringAlert is an alert beside what it may explain.
type FiringAlert struct {
	Alert    string            `json:"alert"`
	Group    string            `json:"group"`
	Labels   map[string]string `json:"labels"`
	Value    json.RawMessage   `json:"value"`
	FiredAt  string            `json:"fired_at"`
	Resolved string            `json:"resolved_at,omitempty"`
}

func alertsOf(list []alertstore.Instance) []FiringAlert {
	out := []FiringAlert{}
	for _, i := range list {
		f := FiringAlert{Alert: i.Alert, Group: i.Group, Labels: i.Labels, Value: valueText(i.Value), FiredAt: i.FiredAt.UTC().Format(time.RFC3339Nano)}
		if !i.ResolvedAt.IsZero() {
			f.Resolved = i.ResolvedAt.UTC().Format(time.RFC3339Nano)
		}
		out = append(out, f)
	}
	return out
}

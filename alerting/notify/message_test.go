package notify

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
)

// theirs is the message as Alertmanager's webhook makes it: its template data
// and three fields of its own.
type theirs struct {
	*template.Data
	Version         string `json:"version"`
	GroupKey        string `json:"groupKey"`
	TruncatedAlerts uint64 `json:"truncatedAlerts"`
}

// TestMessage holds our JSON against what Alertmanager's own code makes of
// the same alerts.
func TestMessage(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	alerts := []Alert{
		{
			Labels:      map[string]string{"alertname": "Down", "job": "cart", "instance": "a", "severity": "page"},
			Annotations: map[string]string{"summary": "a is <down> & out", "runbook": "https://r.example/down"},
			StartsAt:    start, GeneratorURL: "https://trefoil.example/prometheus/api/v1/query?query=up",
		},
		{
			Labels:      map[string]string{"alertname": "Down", "job": "cart", "instance": "b", "severity": "page"},
			Annotations: map[string]string{"summary": "b is down", "runbook": "https://r.example/down"},
			StartsAt:    start.Add(time.Minute), EndsAt: start.Add(time.Hour),
		},
		{Labels: map[string]string{"alertname": "Down", "job": ""}, StartsAt: start},
	}
	for _, tt := range []struct {
		name   string
		alerts []Alert
		limit  int
		reason reason
	}{
		{"one firing", alerts[:1], 0, firstTime},
		{"one resolved", alerts[1:2], 0, allResolved},
		{"firing and resolved", alerts[:2], 0, someResolved},
		{"nothing in common", alerts, 0, newAlerts},
		{"truncated", alerts, 1, repeatElapsed},
		{"none", nil, 0, firstTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ours []*Alert
			var given []*alert.Alert
			for i := range tt.alerts {
				a := tt.alerts[i]
				ours = append(ours, &a)
				given = append(given, &alert.Alert{Alert: model.Alert{
					Labels: labelSet(a.Labels), Annotations: labelSet(a.Annotations),
					StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
				}})
			}
			group, groupKey := groupOf(&alerts[0], []string{"alertname", "absent"})
			key := Key{Receiver: "webhook-1", Group: groupKey}
			got, err := encode(key, group, tt.reason, "https://trefoil.example", ours, tt.limit)
			if err != nil {
				t.Fatal(err)
			}

			var truncated uint64
			if tt.limit > 0 {
				truncated = uint64(len(given) - tt.limit)
				given = given[:tt.limit]
			}
			external, _ := url.Parse("https://trefoil.example")
			tmpl := &template.Template{ExternalURL: external}
			data := tmpl.Data("webhook-1", model.LabelSet{"alertname": "Down"}, nil, string(tt.reason), given...)
			want, err := json.Marshal(theirs{Data: data, Version: "4", GroupKey: `{}:{alertname="Down"}`, TruncatedAlerts: truncated})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fields(t, want), fields(t, got)); diff != "" {
				t.Errorf("Alertmanager's - and ours +\n%s", diff)
			}
		})
	}
}

func fields(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDecide(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	told := func(age time.Duration, firing, resolved []uint64) *Delivery {
		return &Delivery{ID: "x", At: now.Add(-age), Firing: firing, Resolved: resolved}
	}
	ids := func(x ...uint64) []uint64 { return x }
	for _, tt := range []struct {
		name             string
		last             *Delivery
		firing, resolved []uint64
		want             reason
	}{
		{"never told, firing", &Delivery{}, ids(1), nil, firstTime},
		{"never told, fired and resolved in between", &Delivery{}, nil, ids(1), doNotNotify},
		{"never told, nothing", &Delivery{}, nil, nil, doNotNotify},
		{"unchanged", told(time.Hour, ids(1, 2), nil), ids(1, 2), nil, doNotNotify},
		{"fewer firing, not resolved here", told(time.Hour, ids(1, 2), nil), ids(1), nil, doNotNotify},
		{"a new one", told(time.Hour, ids(1, 3), nil), ids(1, 2, 3), nil, newAlerts},
		{"one resolved", told(time.Hour, ids(1, 2), nil), ids(1), ids(2), someResolved},
		{"one resolved, told", told(time.Hour, ids(1), ids(2)), ids(1), ids(2), doNotNotify},
		{"all resolved", told(time.Hour, ids(1, 2), nil), nil, ids(1, 2), allResolved},
		{"all resolved, told", told(time.Hour, nil, ids(1, 2)), nil, ids(1, 2), doNotNotify},
		{"firing again after all resolved", told(time.Hour, nil, ids(1)), ids(1), nil, firstTime},
		{"repeat", told(4*time.Hour, ids(1), nil), ids(1), nil, repeatElapsed},
		{"repeat of what is resolved", told(4*time.Hour, nil, ids(1)), nil, nil, doNotNotify},
	} {
		if got := decide(tt.last, tt.firing, tt.resolved, 4*time.Hour, now); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDecideUnknown(t *testing.T) {
	ids := func(x ...uint64) []uint64 { return x }
	for _, tt := range []struct {
		name             string
		intent           *Delivery
		firing, resolved []uint64
		want             reason
	}{
		{"all over", &Delivery{Firing: ids(1, 2)}, nil, ids(1, 2), allResolved},
		{"one over", &Delivery{Firing: ids(1, 2)}, ids(1), ids(2), someResolved},
		{"another over", &Delivery{Firing: ids(1)}, ids(1), ids(2), doNotNotify},
		{"over, and nothing known of it any more", &Delivery{Firing: ids(1)}, nil, nil, doNotNotify},
		{"the resolution itself is unknown", &Delivery{Resolved: ids(1)}, nil, ids(1), allResolved},
	} {
		if got := decideUnknown(tt.intent, tt.firing, tt.resolved); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDeliveryID(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	a := &Alert{Labels: map[string]string{"alertname": "A", "job": "a"}, StartsAt: start}
	b := &Alert{Labels: map[string]string{"alertname": "A", "job": "b"}, StartsAt: start}
	later, ended := *a, *a
	later.StartsAt = start.Add(time.Minute)
	ended.EndsAt = start.Add(time.Hour)
	key := Key{Receiver: "r", Group: "g"}
	id := deliveryID("default", key, "", []*Alert{a, b})
	if again := deliveryID("default", key, "", []*Alert{b, a}); again != id {
		t.Errorf("the order of the alerts changes the id")
	}
	for name, other := range map[string]string{
		"scope":    deliveryID("other", key, "", []*Alert{a, b}),
		"receiver": deliveryID("default", Key{Receiver: "s", Group: "g"}, "", []*Alert{a, b}),
		"group":    deliveryID("default", Key{Receiver: "r", Group: "h"}, "", []*Alert{a, b}),
		"before":   deliveryID("default", key, "before", []*Alert{a, b}),
		"fewer":    deliveryID("default", key, "", []*Alert{a}),
		"started":  deliveryID("default", key, "", []*Alert{&later, b}),
		"resolved": deliveryID("default", key, "", []*Alert{&ended, b}),
	} {
		if other == id {
			t.Errorf("another %s has the same id", name)
		}
	}
}

package notify

import (
	"encoding/json"
	"fmt"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"
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

// forAlertmanager is the alert as Alertmanager holds it. A firing one has no
// end: it lasts until it is put as resolved, however long nobody evaluates.
func (a *Alert) forAlertmanager(now time.Time) *amalert.Alert {
	return &amalert.Alert{
		Alert: model.Alert{
			Labels: labelSet(a.Labels), Annotations: labelSet(a.Annotations),
			StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
		},
		UpdatedAt: now,
	}
}

// sameState says whether putting b over a would change nothing.
func sameState(a, b *amalert.Alert) bool {
	return a.StartsAt.Equal(b.StartsAt) && a.EndsAt.Equal(b.EndsAt) && a.GeneratorURL == b.GeneratorURL &&
		a.Annotations.Equal(b.Annotations)
}

// content is what a notification says, as the notification log keeps it.
type content struct {
	Reason string        `json:"reason"`
	Alerts []model.Alert `json:"alerts"`
}

func encodeContent(reason amnotify.NotifyReason, alerts []*amalert.Alert) ([]byte, error) {
	c := content{Reason: reason.String()}
	for _, a := range alerts {
		c.Alerts = append(c.Alerts, a.Alert)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("notification: encode: %w", err)
	}
	return body, nil
}

func decodeContent(body []byte) (amnotify.NotifyReason, []*amalert.Alert, error) {
	var c content
	if err := json.Unmarshal(body, &c); err != nil {
		return 0, nil, fmt.Errorf("notification: decode: %w", err)
	}
	reason := amnotify.ReasonUnknown
	for r := amnotify.ReasonDoNotNotify; r < amnotify.ReasonUnknown; r++ {
		if r.String() == c.Reason {
			reason = r
		}
	}
	alerts := make([]*amalert.Alert, len(c.Alerts))
	for i := range c.Alerts {
		alerts[i] = &amalert.Alert{Alert: c.Alerts[i]}
	}
	return reason, alerts, nil
}

package nativeapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

const (
	defaultAlerts = 1000
	maxAlerts     = 10_000
)

// alerts answers with the alerts that are pending or firing, and with those
// resolved since start when it is given.
func (a *api) alerts(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "start", "end", "limit")
	if err != nil {
		return err
	}
	limit, err := parseLimit(form, defaultAlerts, maxAlerts)
	if err != nil {
		return err
	}
	win, err := parseWindow(form, a.Now())
	if err != nil {
		return err
	}
	since := win.Start
	if form.Get("start") == "" {
		since = maxTime
	}
	if a.Alerts == nil {
		return noAlerts()
	}
	found, err := a.Alerts.Instances(r.Context(), tenantOf(r), since)
	if err != nil {
		return err
	}
	out := alertsBody{Alerts: make([]alertItem, min(limit, len(found))), Truncated: len(found) > limit}
	for i := range out.Alerts {
		x := &found[i]
		out.Alerts[i] = alertItem{
			Alert: x.Alert, Group: x.Group, State: alertState(x), Value: valueJSON(attribute.DoubleValue(x.Value)),
			Labels: stringsOf(x.Labels), Annotations: stringsOf(x.Annotations),
			ActiveAt: timeOrNone(x.ActiveAt), FiredAt: timeOrNone(x.FiredAt), ResolvedAt: timeOrNone(x.ResolvedAt),
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// alertHistory answers with what happened to alerts, newest first; to one alert
// or of one kind if alertname or event say so.
func (a *api) alertHistory(w http.ResponseWriter, r *http.Request) error {
	form, win, limit, err := a.bounded(r, defaultAlerts, maxAlerts, "alertname", "event")
	if err != nil {
		return err
	}
	kind, err := eventKind(form.Get("event"))
	if err != nil {
		return err
	}
	if a.Alerts == nil {
		return noAlerts()
	}
	found, err := a.Alerts.History(r.Context(), tenantOf(r), alertstore.HistoryQuery{
		From: win.Start, To: win.End, Limit: limit + 1, Alert: form.Get("alertname"), Kind: kind,
	})
	if err != nil {
		return err
	}
	out := alertHistoryBody{Events: make([]alertEvent, min(limit, len(found))), Truncated: len(found) > limit}
	for i := range out.Events {
		e := &found[i]
		out.Events[i] = alertEvent{
			Time: timeText(e.Time.UnixNano()), Event: eventName(e.Kind), Alert: e.Alert, Group: e.Group,
			Value: valueJSON(attribute.DoubleValue(e.Value)), Labels: stringsOf(e.Labels), Annotations: stringsOf(e.Annotations), Receiver: e.Receiver,
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func noAlerts() error {
	return &fault.Error{Code: fault.Unsupported, Message: "alerts are not kept by this server"}
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

// eventNames are what events are called, by kind.
func eventNames() []string {
	return []string{"unknown", "pending", "firing", "resolved", "dropped", "notified"}
}

func eventName(k alertstore.Kind) string {
	names := eventNames()
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// eventKind is the kind of that name; none named means all, which is zero.
func eventKind(name string) (alertstore.Kind, error) {
	if name == "" {
		return 0, nil
	}
	known := eventNames()[1:]
	i := slices.Index(known, name)
	if i < 0 {
		return 0, fault.Param("event", fmt.Errorf("%q is not one of %s", name, strings.Join(known, ", ")))
	}
	return alertstore.Kind(i + 1), nil
}
func timeOrNone(t time.Time) string {
	if t.UnixNano() <= 0 || t.IsZero() {
		return ""
	}
	return timeText(t.UnixNano())
}

// stringsOf makes an empty map of none, so that it is {} and not null.
func stringsOf(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

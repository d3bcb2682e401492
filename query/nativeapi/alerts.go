package nativeapi

import (
	"net/http"
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

// alertHistory answers with what happened to alerts, newest first.
func (a *api) alertHistory(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "start", "end", "limit")
	if err != nil {
		return err
	}
	win, err := parseWindow(form, a.Now())
	if err != nil {
		return err
	}
	limit, err := parseLimit(form, defaultAlerts, maxAlerts)
	if err != nil {
		return err
	}
	if a.Alerts == nil {
		return noAlerts()
	}
	found, err := a.Alerts.History(r.Context(), tenantOf(r), win.Start, win.End, limit+1)
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

func eventName(k alertstore.Kind) string {
	names := [...]string{"unknown", "pending", "firing", "resolved", "dropped", "notified"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// timeOrNone is a time, or empty for none.
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

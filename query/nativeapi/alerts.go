package nativeapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
)

const (
	defaultAlerts = 1000
	maxAlerts     = 10_000
)

// alerts answers with the alerts that are pending or firing, and with those
// resolved since start when it is given.
func (a *api) alerts(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "start", "end", "limit")
	if err != nil {
		return err
	}
	limit, err := nativeparam.Limit(form, defaultAlerts, maxAlerts)
	if err != nil {
		return err
	}
	win, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return err
	}
	since := win.Start
	if form.Get("start") == "" {
		since = timetext.MaxTime
	}
	if a.Alerts == nil {
		return noAlerts()
	}
	found, err := a.Alerts.Instances(r.Context(), tenantOf(r), since)
	if err != nil {
		return err
	}
	out := nativejson.Alerts{Alerts: make([]nativejson.Alert, min(limit, len(found))), Truncated: len(found) > limit}
	for i := range out.Alerts {
		out.Alerts[i] = nativejson.AlertOf(&found[i])
	}
	nativejson.Write(w, http.StatusOK, out)
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
	out := nativejson.AlertHistory{Events: make([]nativejson.AlertEvent, min(limit, len(found))), Truncated: len(found) > limit}
	for i := range out.Events {
		out.Events[i] = nativejson.AlertEventOf(&found[i])
	}
	nativejson.Write(w, http.StatusOK, out)
	return nil
}

func noAlerts() error {
	return &fault.Error{Code: fault.Unsupported, Message: "alerts are not kept by this server"}
}

// eventKind is the kind of that name; none named means all, which is zero.
func eventKind(name string) (alertstore.Kind, error) {
	if name == "" {
		return 0, nil
	}
	known := nativejson.EventNames()[1:]
	i := slices.Index(known, name)
	if i < 0 {
		return 0, fault.Param("event", fmt.Errorf("%q is not one of %s", name, strings.Join(known, ", ")))
	}
	return alertstore.Kind(i + 1), nil
}

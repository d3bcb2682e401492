package alerting

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	historyLimit    = 1_000
	maxHistoryLimit = 10_000
)

// kinds are the names of events, here and in the table.
var kinds = map[string]alertstore.Kind{
	"pending": alertstore.BecamePending, "firing": alertstore.BeganFiring, "resolved": alertstore.WasResolved,
	"dropped": alertstore.WasDropped, "notified": alertstore.WasNotified,
}

// event is one line of the history as the API prints it.
type event struct {
	Time           time.Time         `json:"time"`
	Event          string            `json:"event"`
	Alert          string            `json:"alertname,omitempty"`
	Group          string            `json:"ruleGroup,omitempty"`
	Fingerprint    string            `json:"fingerprint,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	Value          string            `json:"value,omitempty"`
	Receiver       string            `json:"receiver,omitempty"`
	GroupKey       string            `json:"groupKey,omitempty"`
	NotificationID string            `json:"notificationId,omitempty"`
}

// HistoryHandler answers GET /api/v1/alerts/history: what became of alerts,
// and who was told, the latest first. Parameters are start and end (RFC 3339 or
// Unix seconds; the last day), alertname, event and limit.
func (m *Manager) HistoryHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := parseHistory(r, time.Now())
		if err == nil && m.cfg.Store == nil {
			err = errors.New("this server keeps no history of alerts")
		}
		if err != nil {
			answer(w, http.StatusBadRequest, response{Status: "error", ErrorType: "bad_data", Error: err.Error()})
			return
		}
		events, err := m.cfg.Store.History(r.Context(), tenant.FromContext(r.Context()), query)
		if err != nil {
			m.log.Error("alert history cannot be read", "err", err)
			answer(w, http.StatusServiceUnavailable, response{Status: "error", ErrorType: "unavailable", Error: "the history cannot be read now"})
			return
		}
		out := make([]event, len(events))
		for i := range events {
			out[i] = printed(&events[i])
		}
		answer(w, http.StatusOK, response{Status: "success", Data: map[string][]event{"events": out}})
	})
}

func parseHistory(r *http.Request, now time.Time) (alertstore.HistoryQuery, error) {
	form := r.URL.Query()
	q := alertstore.HistoryQuery{From: now.Add(-24 * time.Hour), To: now, Limit: historyLimit, Alert: form.Get("alertname")}
	for name, at := range map[string]*time.Time{"start": &q.From, "end": &q.To} {
		text := form.Get(name)
		if text == "" {
			continue
		}
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if seconds, floatErr := strconv.ParseFloat(text, 64); floatErr == nil && seconds > -1e11 && seconds < 1e11 {
			parsed, err = time.UnixMilli(int64(seconds*1000)), nil
		}
		if err != nil {
			return q, invalid(name, fmt.Errorf("%q is neither RFC 3339 nor Unix seconds", text))
		}
		*at = parsed
	}
	if !q.From.Before(q.To) {
		return q, invalid("end", errors.New("it is not after start"))
	}
	if text := form.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxHistoryLimit {
			return q, invalid("limit", fmt.Errorf("%q is not a number from 1 to %d", text, maxHistoryLimit))
		}
		q.Limit = n
	}
	if text := form.Get("event"); text != "" {
		kind, ok := kinds[text]
		if !ok {
			return q, invalid("event", fmt.Errorf("%q is not one of pending, firing, resolved, dropped, notified", text))
		}
		q.Kind = kind
	}
	return q, nil
}

func printed(e *alertstore.Event) event {
	out := event{
		Time: e.Time, Alert: e.Alert, Group: e.Group, Labels: e.Labels, Annotations: e.Annotations,
		Receiver: e.Receiver, GroupKey: e.GroupKey, NotificationID: e.NotificationID,
	}
	for name, kind := range kinds {
		if kind == e.Kind {
			out.Event = name
		}
	}
	if e.Kind != alertstore.WasNotified {
		out.Fingerprint = fmt.Sprintf("%016x", e.Fingerprint)
		out.Value = strconv.FormatFloat(e.Value, 'g', -1, 64)
	}
	return out
}

package rulesapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// The shapes of Prometheus's API.
type (
	response struct {
		Status    string `json:"status"`
		Data      any    `json:"data,omitempty"`
		ErrorType string `json:"errorType,omitempty"`
		Error     string `json:"error,omitempty"`
	}
	ruleDiscovery struct {
		Groups    []*ruleGroup `json:"groups"`
		NextToken string       `json:"groupNextToken,omitempty"`
	}
	ruleGroup struct {
		Name           string    `json:"name"`
		File           string    `json:"file"`
		Rules          []any     `json:"rules"`
		Interval       float64   `json:"interval"`
		Limit          int       `json:"limit"`
		EvaluationTime float64   `json:"evaluationTime"`
		LastEvaluation time.Time `json:"lastEvaluation"`
	}
	alertingRule struct {
		State         string        `json:"state"`
		Name          string        `json:"name"`
		Query         string        `json:"query"`
		Duration      float64       `json:"duration"`
		KeepFiringFor float64       `json:"keepFiringFor"`
		Labels        labels.Labels `json:"labels"`
		Annotations   labels.Labels `json:"annotations"`
		Alerts        []*alert      `json:"alerts"`
		// Prometheus has neither of these.
		KeepFiringWhile      string `json:"keepFiringWhile,omitempty"`
		StateChangesLastHour int    `json:"stateChangesLastHour"`
		ruleHealth
		Type string `json:"type"`
	}
	recordingRule struct {
		Name   string        `json:"name"`
		Query  string        `json:"query"`
		Labels labels.Labels `json:"labels"`
		ruleHealth
		Type string `json:"type"`
	}
	ruleHealth struct {
		Health         string    `json:"health"`
		LastError      string    `json:"lastError,omitempty"`
		EvaluationTime float64   `json:"evaluationTime"`
		LastEvaluation time.Time `json:"lastEvaluation"`
	}
	alertDiscovery struct {
		Alerts []*alert `json:"alerts"`
	}
	alert struct {
		Labels          labels.Labels `json:"labels"`
		Annotations     labels.Labels `json:"annotations"`
		State           string        `json:"state"`
		ActiveAt        *time.Time    `json:"activeAt,omitempty"`
		KeepFiringSince *time.Time    `json:"keepFiringSince,omitempty"`
		Value           string        `json:"value"`
	}
)

// Alerts answers /prometheus/api/v1/alerts. The groups are those that a request
// may see.
func Alerts(groups func(*http.Request) []Group) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := []*alert{}
		for _, g := range groups(r) {
			for i := range g.Rules {
				if a := g.Rules[i].Alert; a != nil {
					found = append(found, alertsOf(a)...)
				}
			}
		}
		write(w, http.StatusOK, response{Status: "success", Data: alertDiscovery{Alerts: found}})
	})
}

// Rules answers /prometheus/api/v1/rules, with its parameters type, rule_name[],
// rule_group[], file[], match[], exclude_alerts, group_limit and group_next_token.
func Rules(groups func(*http.Request) []Group) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := parse(r)
		var found ruleDiscovery
		if err == nil {
			found, err = q.find(groups(r))
		}
		if err != nil {
			write(w, http.StatusBadRequest, response{Status: "error", ErrorType: "bad_data", Error: err.Error()})
			return
		}
		write(w, http.StatusOK, response{Status: "success", Data: found})
	})
}

// Unavailable answers that what is asked for is not known now.
func Unavailable(w http.ResponseWriter, message string) {
	w.Header().Set("Retry-After", "5")
	write(w, http.StatusServiceUnavailable, response{Status: "error", ErrorType: "unavailable", Error: message})
}

func write(w http.ResponseWriter, status int, body response) {
	text, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
		text, _ = json.Marshal(response{Status: "error", ErrorType: "internal", Error: err.Error()})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func healthOf(r *Rule) ruleHealth {
	h := ruleHealth{Health: "ok", EvaluationTime: r.Evaluation.Took.Seconds(), LastEvaluation: r.Evaluation.At}
	switch {
	case r.Err != nil:
		h.Health, h.LastError = "err", r.Err.Error()
	case r.Evaluation.At.IsZero():
		h.Health = "unknown"
	}
	return h
}

func recording(r *Rule) recordingRule {
	return recordingRule{Name: r.Name, Query: r.Query, Labels: r.Labels, ruleHealth: healthOf(r), Type: "recording"}
}

func alerting(r *Rule, excludeAlerts bool) alertingRule {
	a := r.Alert
	out := alertingRule{
		State: a.State, Name: r.Name, Query: r.Query, Duration: a.Hold.Seconds(), KeepFiringFor: a.KeepFiring.Seconds(),
		Labels: r.Labels, Annotations: a.Annotations, KeepFiringWhile: a.While, StateChangesLastHour: a.Changes,
		ruleHealth: healthOf(r), Type: "alerting",
	}
	if !excludeAlerts {
		out.Alerts = alertsOf(a)
	}
	return out
}

func alertsOf(of *Alerting) []*alert {
	out := []*alert{}
	for _, a := range of.Active() {
		shown := &alert{
			Labels: a.Labels, Annotations: a.Annotations, State: a.State,
			ActiveAt: &a.ActiveAt, Value: strconv.FormatFloat(a.Value, 'e', -1, 64),
		}
		if !a.KeepFiringSince.IsZero() {
			shown.KeepFiringSince = &a.KeepFiringSince
		}
		out = append(out, shown)
	}
	return out
}

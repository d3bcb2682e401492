package alerting

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
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
		Alerts        []*apiAlert   `json:"alerts"`
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
		Alerts []*apiAlert `json:"alerts"`
	}
	apiAlert struct {
		Labels          labels.Labels `json:"labels"`
		Annotations     labels.Labels `json:"annotations"`
		State           string        `json:"state"`
		ActiveAt        *time.Time    `json:"activeAt,omitempty"`
		KeepFiringSince *time.Time    `json:"keepFiringSince,omitempty"`
		Value           string        `json:"value"`
	}
)

// AlertsHandler answers /prometheus/api/v1/alerts in Prometheus's JSON.
func (m *Manager) AlertsHandler() http.Handler {
	return m.forward.inCharge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		alerts := []*apiAlert{}
		for _, g := range m.visible(r) {
			for _, lr := range g.rules {
				if lr.alert != nil {
					alerts = append(alerts, lr.activeAlerts()...)
				}
			}
		}
		answer(w, http.StatusOK, response{Status: "success", Data: alertDiscovery{Alerts: alerts}})
	}))
}

// RulesHandler answers /prometheus/api/v1/rules in Prometheus's JSON, with its
// parameters type, rule_name[], rule_group[], file[], match[], exclude_alerts,
// group_limit and group_next_token.
func (m *Manager) RulesHandler() http.Handler {
	return m.forward.inCharge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := parseRulesQuery(r)
		var found ruleDiscovery
		if err == nil {
			found, err = query.find(m.visible(r))
		}
		if err != nil {
			answer(w, http.StatusBadRequest, response{Status: "error", ErrorType: "bad_data", Error: err.Error()})
			return
		}
		answer(w, http.StatusOK, response{Status: "success", Data: found})
	}))
}

// AlertmanagerHandler answers Alertmanager's API v2 under notify.Prefix. Its
// alerts and silences are the Manager's tenant's; others have none.
func (m *Manager) AlertmanagerHandler() http.Handler {
	return m.forward.inCharge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tenant.FromContext(r.Context()) != m.cfg.Tenant {
			http.Error(w, `"this tenant has no Alertmanager here"`, http.StatusNotFound)
			return
		}
		m.notifier().Handler().ServeHTTP(w, r)
	}))
}

// visible are the groups a request may see: those of its own tenant.
func (m *Manager) visible(r *http.Request) []*group {
	if tenant.FromContext(r.Context()) != m.cfg.Tenant {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.groups)
}

func answer(w http.ResponseWriter, status int, body response) {
	text, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
		text, _ = json.Marshal(response{Status: "error", ErrorType: "internal", Error: err.Error()})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// rulesQuery is a request for rules.
type rulesQuery struct {
	names, groups, files []string
	matchers             [][]*labels.Matcher
	alerting, recording  bool
	excludeAlerts        bool
	limit                int // of groups; 0 is none
	token                string
}

func parseRulesQuery(r *http.Request) (*rulesQuery, error) {
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("error parsing form values: %w", err)
	}
	q := &rulesQuery{
		names: r.Form["rule_name[]"], groups: r.Form["rule_group[]"], files: r.Form["file[]"],
		alerting: true, recording: true, token: r.Form.Get("group_next_token"),
	}
	switch kind := strings.ToLower(r.Form.Get("type")); kind {
	case "":
	case "alert":
		q.recording = false
	case "record":
		q.alerting = false
	default:
		return nil, invalid("type", fmt.Errorf("not supported value %q", kind))
	}
	var err error
	if text := r.Form.Get("exclude_alerts"); text != "" {
		if q.excludeAlerts, err = strconv.ParseBool(strings.ToLower(text)); err != nil {
			return nil, invalid("exclude_alerts", fmt.Errorf("error converting exclude_alerts: %w", err))
		}
	}
	if err := q.parsePage(r.Form); err != nil {
		return nil, err
	}
	q.matchers, err = parseMatchers(r.Form["match[]"])
	return q, err
}

func (q *rulesQuery) parsePage(form url.Values) error {
	text := form.Get("group_limit")
	if text == "" {
		if q.token != "" {
			return invalid("group_next_token", errors.New("group_limit needs to be present in order to paginate over the groups"))
		}
		return nil
	}
	limit, err := strconv.ParseInt(text, 10, 32)
	switch {
	case err != nil:
		return invalid("group_limit", fmt.Errorf("group_limit needs to be a valid number: %w", err))
	case limit <= 0:
		return invalid("group_limit", errors.New("group_limit needs to be greater than 0"))
	}
	q.limit = int(limit)
	return nil
}

func parseMatchers(selectors []string) ([][]*labels.Matcher, error) {
	sets, err := parser.NewParser(parser.Options{}).ParseMetricSelectors(selectors)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return m != nil && !m.Matches("") }) {
			return nil, errors.New("match[] must contain at least one non-empty matcher")
		}
	}
	return sets, nil
}

func invalid(parameter string, err error) error {
	return fmt.Errorf("invalid parameter %q: %w", parameter, err)
}

func (q *rulesQuery) find(groups []*group) (ruleDiscovery, error) {
	out := ruleDiscovery{Groups: []*ruleGroup{}}
	begun := q.token == ""
	for _, g := range groups {
		begun = begun || q.token == groupToken(g)
		if !begun || !allows(q.groups, g.def.Name) || !allows(q.files, g.file) {
			continue
		}
		found := q.group(g)
		if len(found.Rules) == 0 {
			continue
		}
		if q.limit > 0 && len(out.Groups) == q.limit {
			out.NextToken = groupToken(g)
			break
		}
		out.Groups = append(out.Groups, found)
	}
	if !begun {
		return out, invalid("group_next_token", fmt.Errorf("invalid group_next_token '%v'. were rule groups changed?", q.token))
	}
	return out, nil
}

func (q *rulesQuery) group(g *group) *ruleGroup {
	g.mu.Lock()
	out := &ruleGroup{
		Name: g.def.Name, File: g.file, Rules: []any{}, Interval: g.interval.Seconds(), Limit: g.def.Limit,
		EvaluationTime: g.duration.Seconds(), LastEvaluation: g.lastEval,
	}
	g.mu.Unlock()
	for _, r := range g.rules {
		if !allows(q.names, r.name()) || !matches(q.matchers, r.labels()) {
			continue
		}
		switch {
		case r.alert != nil && q.alerting:
			out.Rules = append(out.Rules, r.describeAlert(q.excludeAlerts))
		case r.record != nil && q.recording:
			out.Rules = append(out.Rules, recordingRule{
				Name: r.record.Name, Query: r.record.Expr, Labels: r.record.Labels, ruleHealth: r.health(), Type: "recording",
			})
		}
	}
	return out
}

// allows says whether a list of wanted values, if there is one, has a value.
func allows(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

// matches says whether any of the sets, if there are any, matches wholly.
func matches(sets [][]*labels.Matcher, ls labels.Labels) bool {
	if len(sets) == 0 {
		return true
	}
	return slices.ContainsFunc(sets, func(set []*labels.Matcher) bool {
		return !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return !m.Matches(ls.Get(m.Name)) })
	})
}

// groupToken is Prometheus's token for the page that begins with a group.
func groupToken(g *group) string {
	sum := sha256.Sum256([]byte(g.key()))
	return hex.EncodeToString(sum[:])
}

func (r *liveRule) labels() labels.Labels {
	if r.alert != nil {
		return r.alert.Labels
	}
	return r.record.Labels
}

func (r *liveRule) health() ruleHealth {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := ruleHealth{Health: "ok", EvaluationTime: r.duration.Seconds(), LastEvaluation: r.lastEval}
	switch {
	case r.lastErr != nil:
		h.Health, h.LastError = "err", r.lastErr.Error()
	case r.lastEval.IsZero():
		h.Health = "unknown"
	}
	return h
}

func (r *liveRule) describeAlert(excludeAlerts bool) alertingRule {
	out := alertingRule{
		Name: r.alert.Name, Query: r.alert.Expr,
		Duration: r.alert.Hold.Seconds(), KeepFiringFor: r.alert.KeepFiring.Seconds(),
		Labels: r.alert.Labels, Annotations: r.alert.Annotations,
		KeepFiringWhile: r.alert.While, StateChangesLastHour: r.changedInLastHour(),
		ruleHealth: r.health(), Type: "alerting",
	}
	r.mu.Lock()
	out.State = r.set.State().String()
	if r.lastEval.IsZero() && r.set.Len() == 0 {
		out.State = "unknown"
	}
	r.mu.Unlock()
	if !excludeAlerts {
		out.Alerts = r.activeAlerts()
	}
	return out
}

func (r *liveRule) changedInLastHour() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set.ChangedInLastHour(time.Now())
}

// activeAlerts are the rule's pending and firing alerts.
func (r *liveRule) activeAlerts() []*apiAlert {
	r.mu.Lock()
	instances := r.set.Instances()
	r.mu.Unlock()
	out := []*apiAlert{}
	for i := range instances {
		in := &instances[i]
		if in.State == rule.Inactive {
			continue
		}
		a := &apiAlert{
			Labels: in.Labels, Annotations: in.Annotations, State: in.State.String(),
			ActiveAt: &in.ActiveAt, Value: strconv.FormatFloat(in.Value, 'e', -1, 64),
		}
		if !in.KeepFiringSince.IsZero() {
			a.KeepFiringSince = &in.KeepFiringSince
		}
		out = append(out, a)
	}
	return out
}

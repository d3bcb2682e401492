package rulesapi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// query is a request for rules.
type query struct {
	names, groups, files []string
	matchers             [][]*labels.Matcher
	alerting, recording  bool
	excludeAlerts        bool
	limit                int // of groups; 0 is none
	token                string
}

func parse(r *http.Request) (*query, error) {
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("error parsing form values: %w", err)
	}
	q := &query{
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
	q.matchers, err = matchersOf(r.Form["match[]"])
	return q, err
}

func (q *query) parsePage(form url.Values) error {
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

func matchersOf(selectors []string) ([][]*labels.Matcher, error) {
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

func (q *query) find(groups []Group) (ruleDiscovery, error) {
	out := ruleDiscovery{Groups: []*ruleGroup{}}
	begun := q.token == ""
	for i := range groups {
		g := &groups[i]
		begun = begun || q.token == token(g)
		if !begun || !allows(q.groups, g.Name) || !allows(q.files, g.File) {
			continue
		}
		found := q.group(g)
		if len(found.Rules) == 0 {
			continue
		}
		if q.limit > 0 && len(out.Groups) == q.limit {
			out.NextToken = token(g)
			break
		}
		out.Groups = append(out.Groups, found)
	}
	if !begun {
		return out, invalid("group_next_token", fmt.Errorf("invalid group_next_token '%v'. were rule groups changed?", q.token))
	}
	return out, nil
}

func (q *query) group(g *Group) *ruleGroup {
	out := &ruleGroup{
		Name: g.Name, File: g.File, Rules: []any{}, Interval: g.Interval.Seconds(), Limit: g.Limit,
		EvaluationTime: g.Evaluation.Took.Seconds(), LastEvaluation: g.Evaluation.At,
	}
	for i := range g.Rules {
		r := &g.Rules[i]
		if !allows(q.names, r.Name) || !matches(q.matchers, r.Labels) {
			continue
		}
		switch {
		case r.Alert != nil && q.alerting:
			out.Rules = append(out.Rules, alerting(r, q.excludeAlerts))
		case r.Alert == nil && q.recording:
			out.Rules = append(out.Rules, recording(r))
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

// token is Prometheus's for the page that begins with a group.
func token(g *Group) string {
	sum := sha256.Sum256([]byte(g.File + ";" + g.Name))
	return hex.EncodeToString(sum[:])
}

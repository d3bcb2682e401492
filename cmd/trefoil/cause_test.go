package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAlertLeadsToCause breaks one service of the shop far behind its front door.
// An alert on the front door fires, and from nothing but its message the guilty
// span, its logs and an exemplar of it are reached by calls of the API.
func TestAlertLeadsToCause(t *testing.T) {
	hook := newWebhook(t)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	writeFile(t, rules, `
groups:
  - name: front door
    type: traceql
    interval: 1s
    rules:
      - alert: VisitorsSeeErrors
        expr: '{ resource.service.name = "frontend" && kind = server && status = error } | rate() by(resource.service.name) with(range=1m)'
        labels: {severity: page}
`)
	p := startServe(t, newDataDir(t), "--rules", rules, "--alert-webhook", hook.url, "--alert-group-interval", "1s")
	shop := []string{"demo", "--endpoint", p.GRPC, "--rate", "25", "--duration", "7s", "--seed", "3"}
	for _, service := range []string{"frontend", "checkout", "cart", "inventory", "shipping"} {
		shop = append(shop, "--break", service+"=0")
	}
	invoke(t, append(shop, "--break", "payment=1")...)
	eventually(t, 40*time.Second, "the page", func() error {
		if n := len(hook.of("firing")); n == 0 {
			return fmt.Errorf("no firing message; rules: %s", ruleState(p))
		}
		return nil
	})
	alert := hook.of("firing")[0].Alerts[0]

	// What goes with the alert: among the links a failed request.
	var related struct {
		Links   []struct{ Kind, Title, Href string }
		Partial []any
	}
	p.ask(t, "/api/v1/correlate", map[string]any{"alert": map[string]any{"labels": alert.Labels, "at": alert.StartsAt}}, &related)
	trace := ""
	for _, l := range related.Links {
		if l.Kind == "trace" && strings.HasPrefix(l.Title, "a failed request") {
			trace = l.Href
			break
		}
	}
	if trace == "" || len(related.Partial) > 0 {
		t.Fatalf("the alert leads to no failed request: %+v", related)
	}

	// That request's own story: the failed span that no failed span is below.
	// The page may come before the last service's part of the trace is stored.
	var guilty cause
	eventually(t, 20*time.Second, "the whole trace", func() error {
		if guilty = p.guilty(t, trace); guilty.Service != "payment" || len(guilty.logs) == 0 {
			return fmt.Errorf("the cause is said to be %+v", guilty)
		}
		return nil
	})

	// Exemplars of requests that failed so, in one query, and the story of one.
	q := fmt.Sprintf(`{ resource.service.name = %q && name = %q && status = error } | logs |= "unavailable" | exemplars`, guilty.Service, guilty.Name)
	var found struct {
		Exemplars []struct {
			TraceID string `json:"trace_id"`
		}
	}
	eventually(t, 20*time.Second, "exemplars", func() error {
		if err := p.get("/api/v1/join?q="+url.QueryEscape(q), &found); err != nil || len(found.Exemplars) > 0 {
			return err
		}
		return fmt.Errorf("none of %s", q)
	})
	eventually(t, 20*time.Second, "the other trace", func() error {
		other := p.guilty(t, "/api/v1/traces/"+found.Exemplars[0].TraceID+"/context")
		if other.Service != guilty.Service || other.Name != guilty.Name || len(other.logs) == 0 || other.exemplars == 0 {
			return fmt.Errorf("the request an exemplar points at: %+v", other)
		}
		return nil
	})

	// The rule replayed over what is stored fires, too, and when it did.
	began := alert.StartsAt.Truncate(time.Second)
	replay := invoke(t, "rules", "backtest", "--server", "http://"+p.API, rules,
		"--from", began.Add(-20*time.Second).Format(time.RFC3339), "--to", began.Add(10*time.Second).Format(time.RFC3339))
	if !strings.Contains(replay, `VisitorsSeeErrors{alertname="VisitorsSeeErrors", resource_service_name="frontend", severity="page"}  fired at `) ||
		!strings.Contains(replay, "and goes on") || !strings.Contains(replay, "1 alerts fired, 0 were pending only") {
		t.Error(replay)
	}
}

// cause is the failed span that no failed span is below.
type cause struct {
	Service, Name string
	logs          []string // that its span or its service wrote in the trace, as errors or warnings
	exemplars     int      // that point at the trace
}

// guilty reads the context of a trace for its cause.
func (p *process) guilty(t testing.TB, path string) cause {
	t.Helper()
	var c struct {
		Trace struct {
			Spans []struct {
				SpanID        string `json:"span_id"`
				Service, Name string
				Depth         int
				Status        struct{ Code string }
			}
		}
		Logs struct {
			Records []struct {
				SpanID, Service, Severity string
				Body                      any
			}
		}
		Exemplars struct{ Items []any }
		Partial   []any
	}
	if err := p.get(path, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Partial) > 0 {
		t.Errorf("%s is partial: %v", path, c.Partial)
	}
	out, depth := cause{exemplars: len(c.Exemplars.Items)}, -1
	for _, s := range c.Trace.Spans {
		if s.Status.Code == "ERROR" && s.Depth > depth {
			out.Service, out.Name, depth = s.Service, s.Name, s.Depth
		}
	}
	for _, r := range c.Logs.Records {
		if r.Service == out.Service && (r.Severity == "ERROR" || r.Severity == "WARN") {
			out.logs = append(out.logs, fmt.Sprint(r.Body))
		}
	}
	return out
}

// ask sends JSON to the API and reads JSON.
func (p *process) ask(t testing.TB, path string, body, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.API+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(answer, into) != nil {
		t.Fatalf("POST %s %s: %s %s %v", path, text, res.Status, answer, err)
	}
}

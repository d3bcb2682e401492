package alerting

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/evidence"
)

// An alert that begins to fire carries evidence, the same after a restart; its
// end does not.
func TestEvidence(t *testing.T) {
	addr := database(t)
	src := newSource(20 * time.Millisecond)
	src.set(t, `up{job="web"}`, 0)
	asked := 0
	got := make(chan map[string]string, 100)
	hook := transport(func(r *http.Request) (*http.Response, error) {
		var m struct {
			Status string
			Alerts []struct{ Annotations map[string]string }
		}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		m.Alerts[0].Annotations["status"] = m.Status
		got <- m.Alerts[0].Annotations
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	cfg := quick(src, store(t, addr))
	cfg.RepeatInterval = 2 * time.Second
	cfg.Evidence = func(_ context.Context, a evidence.Alert) map[string]string {
		asked++
		if a.Expr != "up == 0" || a.Labels.Get("job") != "web" || a.Value != 0 || a.Sections != nil {
			t.Errorf("asked for %+v", a)
		}
		return map[string]string{"evidence_logs": "it broke"}
	}
	first := start(t, cfg, hook, quickRules)
	if page := <-got; page["evidence_logs"] != "it broke" || page["status"] != "firing" {
		t.Errorf("page %v", page)
	}
	first.stop()
	cfg.RuleFiles, cfg.Store = []string{first.files}, store(t, addr)
	start(t, cfg, hook, quickRules)
	if page := <-got; page["evidence_logs"] != "it broke" || page["status"] != "firing" || asked != 1 {
		t.Errorf("repeated after a restart: %v, asked %d times", page, asked)
	}
	src.set(t, `up{job="web"}`, 1)
	for page := range got {
		if page["status"] == "resolved" {
			if page["evidence_logs"] != "" {
				t.Errorf("the end %v", page)
			}
			break
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSections(t *testing.T) {
	if got := sections(""); got != nil {
		t.Error(got)
	}
	if got := sections("traces, logs"); len(got) != 2 || got[1] != "logs" {
		t.Error(got)
	}
	if got := sections("none"); len(got) != 1 {
		t.Error(got)
	}
}

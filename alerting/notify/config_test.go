package notify

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// team is an alertmanager.yml that uses most of what routes can do.
const team = `
global: {resolve_timeout: 5m}
templates: []
route:
  receiver: default
  group_by: [job]
  group_wait: 0s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  - matchers: ['severity="page"']
    receiver: oncall
    mute_time_intervals: [night]
receivers:
- name: default
  webhook_configs:
  - url: http://default/hook/s3cr3t-t0ken
- name: oncall
  webhook_configs:
  - url: http://oncall/hook/s3cr3t-t0ken
    http_config: {basic_auth: {username: trefoil, password: s3cr3t-t0ken}}
inhibit_rules:
- source_matchers: ['alertname="SiteDown"']
  target_matchers: ['severity="page"']
  equal: [site]
time_intervals:
- name: night
  time_intervals:
  - times: [{start_time: '02:00', end_time: '03:00'}]
`

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func page(name, job, site string) Alert {
	return Alert{
		Labels:   map[string]string{"alertname": name, "job": job, "site": site, "severity": "page"},
		StartsAt: time.Now(),
	}
}

func TestConfigFile(t *testing.T) {
	bubble(t, "routes, groups, inhibition and mute times", func(t *testing.T) {
		fallback, oncall := newPager(t, "default"), newPager(t, "oncall")
		d := run(t, &disk{}, Config{File: configFile(t, team)}, fallback, oncall)
		d.put(t, firing("a"), firing("b"), page("Slow", "a", "berlin"))
		time.Sleep(time.Minute)
		if n := len(fallback.pages()); n != 2 {
			t.Errorf("a group each for a and b: %v", fallback.pages())
		}
		oncall.want("0s firing (first notification) a!")
		d.put(t, Alert{Labels: map[string]string{"alertname": "SiteDown", "site": "paris"}, StartsAt: time.Now()})
		time.Sleep(time.Minute)
		d.put(t, page("Slow", "b", "paris"))
		time.Sleep(time.Hour + 58*time.Minute) // 02:00
		oncall.want("0s firing (first notification) a!")
		muted := page("Slow", "c", "rome")
		d.put(t, muted)
		time.Sleep(59 * time.Minute)
		oncall.want("0s firing (first notification) a!")
		time.Sleep(2 * time.Minute)
		if got := oncall.pages(); len(got) != 2 || !strings.Contains(got[1], "c!") {
			t.Errorf("after the night: %v", got)
		}
	})
	bubble(t, "a reload tells nobody again, a broken file changes nothing", func(t *testing.T) {
		fallback, oncall := newPager(t, "default"), newPager(t, "oncall")
		file := configFile(t, team)
		d := run(t, &disk{}, Config{File: file}, fallback, oncall)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		if err := d.Reload(); err != nil {
			t.Fatal(err)
		}
		broken := strings.Replace(team, "http://oncall/hook", "://oncall/hook", 1)
		if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Reload(); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("broken file: %v", err)
		}
		time.Sleep(time.Hour)
		fallback.want("0s firing (first notification) a!")
		moved := strings.Replace(team, "receiver: default\n  group_by", "receiver: oncall\n  group_by", 1)
		if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Reload(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		oncall.want("1h1m0s firing (first notification) a!")
	})
}

func TestRefusedFilesKeepSecrets(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML":       "receivers: [\n  url: http://x/" + secret + "\n  }",
		"wrong type":     "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: [" + secret + "]}]}]",
		"bad URL":        "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{api_url: 'ht!tp://x/" + secret + "'}]}]",
		"unknown field":  "route: {receiver: a}\nreceivers: [{name: a, pagerduty_configs: [{routing_key: " + secret + ", nonsense: 1}]}]",
		"token as a map": "route: {receiver: a}\nreceivers: [{name: a, telegram_configs: [{bot_token: {" + secret + ": 1}}]}]",
	} {
		if _, err := New(Config{File: configFile(t, text)}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// ask sends a request to the API.
func (r *running) ask(method, path, body string) (int, string) {
	req := httptest.NewRequest(method, Prefix+path, bytes.NewReader([]byte(body)))
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	r.Handler().ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

func TestAPI(t *testing.T) {
	bubble(t, "silences outlive the process, secrets are not served", func(t *testing.T) {
		p := newPager(t, "default")
		store := &disk{}
		cfg := Config{File: configFile(t, team)}
		d := run(t, store, cfg, p)
		time.Sleep(time.Second)
		silence, err := json.Marshal(map[string]any{
			"matchers": []any{map[string]any{"name": "job", "value": "a", "isRegex": false, "isEqual": true}},
			"startsAt": time.Now(), "endsAt": time.Now().Add(2 * time.Hour), "createdBy": "test", "comment": "maintenance",
		})
		if err != nil {
			t.Fatal(err)
		}
		store.refuse(func(Entry) error { return errKilled })
		if status, body := d.ask("POST", "/api/v2/silences", string(silence)); status != http.StatusServiceUnavailable {
			t.Errorf("a silence that is not stored: %d %s", status, body)
		}
		store.refuse(nil)
		if status, body := d.ask("POST", "/api/v2/silences", string(silence)); status != http.StatusOK {
			t.Errorf("a silence: %d %s", status, body)
		}
		if len(store.allSilences()) == 0 {
			t.Error("acknowledged, and not stored")
		}
		d.stop()
		d = run(t, store, cfg, p)
		d.put(t, firing("a"), firing("b"))
		time.Sleep(time.Hour)
		p.want("1s firing (first notification) b!")
		if status, body := d.ask("GET", "/api/v2/alerts?silenced=true&active=false", ""); status != 200 || !strings.Contains(body, `"state":"suppressed"`) {
			t.Errorf("silenced alerts: %d %s", status, body)
		}
		if status, body := d.ask("GET", "/api/v2/status", ""); status != 200 || strings.Contains(body, secret) || !strings.Contains(body, "<secret>") {
			t.Errorf("status: %d %s", status, body)
		}
		for _, path := range []string{"/api/v2/receivers", "/api/v2/alerts/groups", "/api/v2/silences", "/-/healthy"} {
			if status, body := d.ask("GET", path, ""); status != 200 || strings.Contains(body, secret) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		time.Sleep(2 * time.Hour)
		if got := p.pages(); len(got) != 2 || !strings.Contains(got[1], "a!") {
			t.Errorf("after the silence: %v", got)
		}
	})
}

// Alertmanager's own integrations talk to the real network, so this one runs
// in real time.
func TestForeignIntegrationKeepsSecrets(t *testing.T) {
	asked := make(chan string, 100)
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("no team " + secret))
	}))
	defer slack.Close()
	text := "route: {receiver: a, group_wait: 0s}\nreceivers: [{name: a, slack_configs: [{channel: x, api_url: '" + slack.URL + "/" + secret + "'}]}]"
	d := run(t, &disk{}, Config{File: configFile(t, text)})
	d.put(t, firing("a"))
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("slack is not told")
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(d.logs.String(), "no team"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say what is wrong:\n%s", d.logs)
		}
	}
}

func TestRemote(t *testing.T) {
	bubble(t, "changes at once, repetitions, an outage", func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex // guards the two
		var got []string
		down := false
		outage := func(is bool) {
			mu.Lock()
			defer mu.Unlock()
			down = is
		}
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			var alerts []Alert
			if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil || r.URL.Path != "/am/api/v2/alerts" {
				t.Errorf("%s: %v", r.URL, err)
			}
			if down {
				return &http.Response{StatusCode: 503, Body: http.NoBody}, nil
			}
			for _, a := range alerts {
				state := "firing"
				if !a.EndsAt.After(time.Now()) {
					state = "resolved"
				}
				got = append(got, time.Since(began).Round(time.Second).String()+" "+a.Labels["job"]+" "+state)
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})
		d := run(t, &disk{}, Config{Remotes: []string{"http://elsewhere/am/"}, Transport: transport})
		d.put(t, firing("a"))
		time.Sleep(90 * time.Second)
		d.put(t, firing("a"))
		time.Sleep(time.Second)
		outage(true)
		d.put(t, resolved("a"), firing("b"))
		time.Sleep(time.Second)
		d.put(t, resolved("b"), firing("c"))
		time.Sleep(10 * time.Minute)
		outage(false)
		time.Sleep(90 * time.Second)
		d.stop()
		text := strings.Join(got, "\n")
		if !strings.HasPrefix(text, "0s a firing\n1m0s a firing\n") || strings.Count(text, "a resolved") != 1 ||
			strings.Count(text, "b resolved") != 1 || strings.Count(text, "b firing") != 0 || strings.Count(text, "c firing") < 2 {
			t.Errorf("sent:\n%s", text)
		}
	})
}

// What has ended is told even if its receiver's configuration is exchanged
// between the end and the group's turn, and Alertmanager has forgotten it.
func TestReloadKeepsEnds(t *testing.T) {
	bubble(t, "ended before a reload", func(t *testing.T) {
		p := newPager(t, "default")
		slow := strings.Replace(team, "group_interval: 5m", "group_interval: 50m", 1)
		file := configFile(t, slow)
		d := run(t, &disk{}, Config{File: file}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		d.put(t, resolved("a"))
		time.Sleep(31 * time.Minute)
		if err := os.WriteFile(file, []byte(team), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Reload(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		p.want("0s firing (first notification) a!", "32m0s resolved (all alerts resolved) a-")
	})
}

package alerting

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var update = flag.Bool("update", false, "rewrite goldens")

// pager is the far end of a webhook, as an http.RoundTripper so that it works
// in virtual time; the sender in front of it is the real one.
type pager struct {
	t     *testing.T
	began time.Time
	mu    sync.Mutex
	got   []string
	keys  []string
}

func newPager(t *testing.T) *pager { return &pager{t: t, began: time.Now()} }

func (p *pager) RoundTrip(r *http.Request) (*http.Response, error) {
	var m struct {
		Status string
		Alerts []struct {
			Status      string
			Labels      map[string]string
			Annotations map[string]string
			StartsAt    time.Time
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		p.t.Error(err)
	}
	line := fmt.Sprintf("%v %s", time.Since(p.began).Round(time.Second), m.Status)
	for _, a := range m.Alerts {
		line += fmt.Sprintf(" %s{%s} %s", a.Labels["alertname"], a.Labels["job"], a.Status)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, line)
	p.keys = append(p.keys, r.Header.Get("Idempotency-Key"))
	return &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}}, nil
}

func (p *pager) pages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func (p *pager) want(lines ...string) {
	p.t.Helper()
	if diff := cmp.Diff(lines, p.pages()); diff != "" {
		p.t.Error(diff)
	}
}

// work is a manager at work.
type work struct {
	*Manager
	t     *testing.T
	files string
	stop  func()
	reg   *prometheus.Registry
}

// start runs a manager over the rules, which are written to a file of their
// own unless cfg names files.
func start(t *testing.T, cfg Config, p http.RoundTripper, rules string) *work {
	t.Helper()
	w := &work{t: t, reg: prometheus.NewRegistry()}
	if cfg.RuleFiles == nil {
		cfg.RuleFiles = []string{filepath.Join(t.TempDir(), "rules.yml")}
	}
	w.files = cfg.RuleFiles[0]
	w.write(rules)
	cfg.WebhookURLs = []string{"http://pager.example/hook"}
	cfg.Transport = p
	cfg.Registerer = w.reg
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Manager = m
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *work) write(rules string) {
	w.t.Helper()
	// In one step: a reload by the watch must not find the file half written.
	whole := filepath.Join(w.t.TempDir(), "whole.yml")
	if err := errors.Join(os.WriteFile(whole, []byte(rules), 0o644), os.Rename(whole, w.files)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *work) get(h http.Handler, query string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, "/?"+query, nil)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// states are the alerts the API shows, as `Down{cart} firing`.
func (w *work) states() []string {
	w.t.Helper()
	_, body := w.get(w.AlertsHandler(), "")
	var got struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, a := range got.Data.Alerts {
		out = append(out, fmt.Sprintf("%s{%s} %s", a.Labels["alertname"], a.Labels["job"], a.State))
	}
	return out
}

func (w *work) wantStates(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.states()); diff != "" {
		w.t.Error(diff)
	}
}

// health is what the API shows for the first rule.
func (w *work) health() (health, lastError string) {
	w.t.Helper()
	_, body := w.get(w.RulesHandler(), "")
	var got struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Health, LastError string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Data.Groups) == 0 {
		w.t.Fatalf("%v: %s", err, body)
	}
	first := got.Data.Groups[0].Rules[0]
	return first.Health, first.LastError
}

const downRules = `
groups:
- name: shop
  interval: 1m
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    annotations:
      summary: "{{ $labels.job }} is down, {{ with query \"count(up == 0)\" }}{{ . | first | value }}{{ end }} in all"
`

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestLife(t *testing.T) {
	bubble(t, "pending, firing, resolved", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="cart"}`, 1)
		src.set(t, `up{job="web"}`, 0)
		w := start(t, Config{Instant: src.instant}, p, downRules)
		time.Sleep(90 * time.Second)
		w.wantStates("Down{web} pending")
		p.want()
		time.Sleep(2 * time.Minute)
		w.wantStates("Down{web} firing")
		if n := len(p.pages()); n != 1 {
			t.Errorf("%d pages", n)
		}
		src.set(t, `up{job="cart"}`, 0)
		time.Sleep(90 * time.Second) // an interval, and a step until the next sample
		w.wantStates("Down{cart} pending", "Down{web} firing")
		src.set(t, `up{job="cart"}`, 1)
		src.set(t, `up{job="web"}`, 1)
		time.Sleep(10 * time.Minute)
		w.wantStates()
		if got := p.pages(); len(got) != 2 || !strings.HasSuffix(got[1], "resolved Down{web} resolved") {
			t.Error(got)
		}
	})
	bubble(t, "a query that fails resolves nothing", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="web"}`, 0)
		w := start(t, Config{Instant: src.instant}, p, downRules)
		time.Sleep(5 * time.Minute)
		if health, _ := w.health(); health != "ok" {
			t.Errorf("health %q", health)
		}
		src.fail(errors.New("store is away"))
		time.Sleep(time.Hour)
		w.wantStates("Down{web} firing")
		if health, text := w.health(); health != "err" || text != "store is away" {
			t.Errorf("health %q, %q", health, text)
		}
		src.fail(nil)
		time.Sleep(5 * time.Minute)
		w.wantStates("Down{web} firing")
		if health, text := w.health(); health != "ok" || text != "" {
			t.Errorf("health %q, %q", health, text)
		}
		if got := p.pages(); len(got) != 1 {
			t.Error(got)
		}
	})
	bubble(t, "a query that hangs is cut off, and missed turns are counted", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="web"}`, 0)
		w := start(t, Config{Instant: src.instant, EvaluationTimeout: 150 * time.Second}, p, downRules)
		src.delay(time.Hour)
		time.Sleep(30 * time.Minute)
		if health, text := w.health(); health != "err" || !strings.Contains(text, "deadline") {
			t.Errorf("health %q, %q", health, text)
		}
		key := w.files + ";shop"
		missed := testutil.ToFloat64(w.metrics.missed.WithLabelValues(key))
		all := testutil.ToFloat64(w.metrics.iterations.WithLabelValues(key))
		if missed < 10 || all < 28 || all > 31 {
			t.Errorf("%v of %v iterations missed", missed, all)
		}
	})
}

func TestSchedule(t *testing.T) {
	bubble(t, "slots", func(t *testing.T) {
		now := time.Now()
		seen := map[time.Duration]bool{}
		for i := range 100 {
			id := stableID(fmt.Sprint(i))
			slot := nextSlot(id, time.Minute, now)
			if d := slot.Sub(now); d <= 0 || d > time.Minute {
				t.Errorf("slot %v from now", d)
			}
			if again := nextSlot(id, time.Minute, slot); again != slot.Add(time.Minute) {
				t.Errorf("after %v comes %v", slot, again)
			}
			if again := nextSlot(id, time.Minute, slot.Add(-time.Nanosecond)); again != slot {
				t.Errorf("before %v comes %v", slot, again)
			}
			seen[slot.Sub(now).Truncate(6*time.Second)] = true
		}
		if len(seen) < 9 {
			t.Errorf("100 groups fall into %d of ten parts of the interval", len(seen))
		}
	})
	bubble(t, "as many groups at once as allowed", func(t *testing.T) {
		src := newSource(15 * time.Second)
		var rules strings.Builder
		rules.WriteString("groups:\n")
		for i := range 20 {
			fmt.Fprintf(&rules, "- name: g%d\n  interval: 1m\n  rules: [{alert: A, expr: up == 0}]\n", i)
		}
		src.delay(20 * time.Second)
		w := start(t, Config{Instant: src.instant, Concurrency: 2}, newPager(t), rules.String())
		time.Sleep(10 * time.Minute)
		// Two at a time, 20 s each: 6 a minute and not 20.
		if n := src.queries(); n < 50 || n > 62 {
			t.Errorf("%d queries", n)
		}
		w.stop()
		// What was left out is counted, and nothing else is.
		due, missed := total(t, w, "trefoil_rule_group_iterations_total"), total(t, w, "trefoil_rule_group_iterations_missed_total")
		if evaluated := total(t, w, "trefoil_rule_evaluations_total"); missed < 100 || due-missed < evaluated || due-missed > evaluated+20 {
			t.Errorf("%v were due, %v missed, %v evaluated", due, missed, evaluated)
		}
	})
}

// group is the i-th group now; the watch of the files may replace them.
func (w *work) group(i int) *group {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.groups[i]
}

func TestReload(t *testing.T) {
	bubble(t, "a bad file keeps the old rules", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="web"}`, 0)
		w := start(t, Config{Instant: src.instant}, p, downRules)
		time.Sleep(5 * time.Minute)
		w.write("groups:\n- name: shop\n  rules: [{alert: Down, expr: 'up =='}]\n")
		err := w.Reload(t.Context())
		if _, ok := errors.AsType[rulefile.Problems](err); !ok || !strings.Contains(err.Error(), ":3:") {
			t.Errorf("reload: %v", err)
		}
		if ok := testutil.ToFloat64(w.metrics.reloadOK); ok != 0 {
			t.Error("the metric says the reload succeeded")
		}
		time.Sleep(10 * time.Minute)
		w.wantStates("Down{web} firing")
		if err := os.Remove(w.files); err != nil {
			t.Fatal(err)
		}
		if err := w.Reload(t.Context()); err == nil {
			t.Error("a file that is gone is taken for an empty one")
		}
	})
	bubble(t, "what did not change goes on, what is gone is resolved", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="web"}`, 0)
		w := start(t, Config{Instant: src.instant, GroupInterval: time.Minute}, p, downRules+`
- name: other
  rules: [{alert: Other, expr: up == 0, labels: {job: x}}]
- name: still
  rules: [{alert: Still, expr: up == 0, labels: {job: y}}]
`)
		time.Sleep(5 * time.Minute)
		w.wantStates("Other{x} firing", "Down{web} firing", "Still{y} firing")
		still := w.group(2)
		// The expression and the times of Down change, Other goes.
		w.write(strings.ReplaceAll(strings.ReplaceAll(downRules, "up == 0", "up < 1"), "2m", "3m") + `
- name: still
  rules: [{alert: Still, expr: up == 0, labels: {job: y}}]
`)
		if err := w.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantStates("Down{web} firing", "Still{y} firing")
		if w.group(1) != still {
			t.Error("an unchanged group was replaced")
		}
		time.Sleep(10 * time.Minute)
		w.wantStates("Down{web} firing", "Still{y} firing")
		var resolved []string
		for _, page := range p.pages() {
			if strings.Contains(page, "resolved") {
				_, text, _ := strings.Cut(page, " ")
				resolved = append(resolved, text)
			}
		}
		if diff := cmp.Diff([]string{"resolved Other{x} resolved"}, resolved); diff != "" || len(p.pages()) != 4 {
			t.Error(diff, p.pages())
		}
		if n, err := testutil.GatherAndCount(w.reg, "trefoil_rule_group_rules"); err != nil || n != 2 {
			t.Errorf("%d groups in the metrics: %v", n, err)
		}
	})
	bubble(t, "a longer `for` takes a firing alert back", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="web"}`, 0)
		w := start(t, Config{Instant: src.instant, GroupInterval: time.Minute}, p, downRules)
		time.Sleep(5 * time.Minute)
		w.write(strings.ReplaceAll(downRules, "for: 2m", "for: 20m"))
		if err := w.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		w.wantStates("Down{web} pending")
		time.Sleep(20 * time.Minute)
		w.wantStates("Down{web} firing")
		if got := p.pages(); len(got) != 3 || !strings.Contains(got[1], " resolved ") {
			t.Error(got)
		}
	})
}

func TestRecording(t *testing.T) {
	rules := `
groups:
- name: record
  interval: 1m
  query_offset: 30s
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {team: shop}
  - alert: Down
    expr: up == 0
`
	path := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(path, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{Instant: newSource(time.Second).instant, RuleFiles: []string{path}})
	if err == nil || !strings.Contains(err.Error(), `rules.yml:7:1: group "record": rule "job:up:sum": recording rules cannot be used`) {
		t.Errorf("without a place to write: %v", err)
	}
	statements := filepath.Join(t.TempDir(), "sql.yml")
	if err := os.WriteFile(statements, []byte("groups:\n- name: s\n  type: sql\n  rules: [{alert: A, expr: SELECT 1 AS value}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = New(Config{Instant: newSource(time.Second).instant, RuleFiles: []string{statements}})
	if err == nil || !strings.Contains(err.Error(), `sql.yml:2:1: group "s": groups of type sql need an external ClickHouse`) {
		t.Errorf("without a user for SQL: %v", err)
	}

	bubble(t, "series and stale markers", func(t *testing.T) {
		src := newSource(15 * time.Second)
		src.set(t, `up{job="web"}`, 0)
		var mu sync.Mutex
		written := map[string]int{}
		fail := false
		record := func(_ context.Context, id tenant.ID, samples promql.Vector) error {
			mu.Lock()
			defer mu.Unlock()
			if fail {
				return errors.New("no room")
			}
			for _, s := range samples {
				if age := time.Since(time.UnixMilli(s.T)); age.Round(time.Second) != 30*time.Second {
					t.Errorf("%v is %v old", s.Metric, age)
				}
				key := s.Metric.String()
				if value.IsStaleNaN(s.F) {
					key += " stale"
				}
				written[key]++
			}
			return nil
		}
		w := start(t, Config{Instant: src.instant, Record: record}, newPager(t), rules)
		time.Sleep(3*time.Minute - time.Second)
		src.set(t, `up{job="web"}`, 1)
		time.Sleep(2 * time.Minute)
		src.remove(t, `up{job="web"}`)
		time.Sleep(5 * time.Minute)
		mu.Lock()
		got := strings.Join(slices.Sorted(func(yield func(string) bool) {
			for k := range written {
				yield(k)
			}
		}), "\n")
		fail = true
		mu.Unlock()
		want := strings.Join([]string{
			`{__name__="ALERTS", alertname="Down", alertstate="firing", job="web"}`,
			`{__name__="ALERTS", alertname="Down", alertstate="firing", job="web"} stale`,
			`{__name__="ALERTS_FOR_STATE", alertname="Down", job="web"}`,
			`{__name__="ALERTS_FOR_STATE", alertname="Down", job="web"} stale`,
			`{__name__="job:up:sum", job="web", team="shop"}`,
			`{__name__="job:up:sum", job="web", team="shop"} stale`,
		}, "\n")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		src.set(t, `up{job="web"}`, 1)
		time.Sleep(2 * time.Minute)
		if health, text := w.health(); health != "err" || text != "record: no room" {
			t.Errorf("health %q, %q", health, text)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(good, []byte(downRules), 0o644); err != nil {
		t.Fatal(err)
	}
	src := newSource(time.Second)
	for name, cfg := range map[string]Config{
		"no Instant":       {},
		"no such file":     {Instant: src.instant, RuleFiles: []string{"absent.yml"}},
		"bad webhook":      {Instant: src.instant, WebhookURLs: []string{"pager/s3cret"}},
		"webhook twice":    {Instant: src.instant, WebhookURLs: []string{"http://a/s3cret", "http://a/s3cret"}},
		"bad external URL": {Instant: src.instant, ExternalURL: "trefoil.example"},
	} {
		if _, err := New(cfg); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{Instant: src.instant, RuleFiles: []string{good}}); err != nil {
		t.Error(err)
	}
}

// TestAPI holds the answers in virtual time against goldens, whose shape is
// Prometheus's.
func TestAPI(t *testing.T) {
	rules := `
groups:
- name: record
  rules: [{record: "job:up:sum", expr: sum by(job) (up), labels: {team: shop}}]
- name: shop
  interval: 30s
  limit: 10
  rules:
  - alert: Down
    expr: up   ==   0
    for: 2m
    keep_firing_for: 5m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }} is down"}
  - alert: Broken
    expr: up * on (job) other_up
`
	bubble(t, "goldens", func(t *testing.T) {
		src := newSource(15 * time.Second)
		src.set(t, `up{job="web", instance="a"}`, 0)
		src.set(t, `up{job="cart", instance="b"}`, 1)
		src.set(t, `other_up{job="web", instance="x"}`, 1)
		src.set(t, `other_up{job="web", instance="y"}`, 1)
		t.Chdir(t.TempDir())
		w := start(t, Config{
			RuleFiles: []string{"rules.yml"}, Instant: src.instant,
			Record: func(context.Context, tenant.ID, promql.Vector) error { return nil },
		}, newPager(t), rules)
		var got strings.Builder
		show := func(what string, h http.Handler, query string) {
			status, body := w.get(h, query)
			var out strings.Builder
			var parsed any
			if err := json.Unmarshal([]byte(body), &parsed); err != nil {
				t.Fatal(err)
			}
			enc := json.NewEncoder(&out)
			enc.SetIndent("", "  ")
			_ = enc.Encode(parsed)
			decoded, _ := url.QueryUnescape(query)
			fmt.Fprintf(&got, "# %s: %s ?%s\n%d %s\n", time.Since(epoch()).Round(time.Second), what, decoded, status, out.String())
		}
		rulesH, alertsH := w.RulesHandler(), w.AlertsHandler()
		show("rules", rulesH, "")
		show("alerts", alertsH, "")
		time.Sleep(4 * time.Minute)
		show("rules", rulesH, "")
		show("alerts", alertsH, "")
		src.set(t, `up{job="web", instance="a"}`, 1)
		time.Sleep(2 * time.Minute)
		show("alerts", alertsH, "")
		show("rules", rulesH, "exclude_alerts=true&rule_name[]=Down")
		names := func(query string) (next string) {
			_, body := w.get(rulesH, query)
			var parsed struct {
				Error string
				Data  struct {
					GroupNextToken string
					Groups         []struct {
						Name  string
						Rules []struct{ Name string }
					}
				}
			}
			if err := json.Unmarshal([]byte(body), &parsed); err != nil {
				t.Fatal(err)
			}
			decoded, _ := url.QueryUnescape(query)
			fmt.Fprintf(&got, "?%s: %v %s %.8s\n", decoded, parsed.Data.Groups, parsed.Error, parsed.Data.GroupNextToken)
			return parsed.Data.GroupNextToken
		}
		token := names("group_limit=1")
		for _, query := range []string{
			"type=alert", "type=record", "type=none", "rule_group[]=shop", "rule_group[]=none", "file[]=rules.yml", "file[]=x",
			"rule_name[]=Down&rule_name[]=Broken", "match[]=" + url.QueryEscape(`{severity="page"}`),
			"match[]=" + url.QueryEscape(`{team="shop"}`) + "&match[]=" + url.QueryEscape(`{severity=~".+"}`),
			"match[]=" + url.QueryEscape(`{severity=""}`), "match[]=x{", "exclude_alerts=perhaps",
			"group_limit=1&group_next_token=" + token, "group_limit=5&group_next_token=" + token, "group_limit=0", "group_limit=x",
			"group_next_token=x", "group_limit=1&group_next_token=x",
		} {
			names(query)
		}
		golden := "api.golden"
		check(t, golden, strings.ReplaceAll(got.String(), token[:8], "(token)"))
	})
	bubble(t, "another tenant sees nothing", func(t *testing.T) {
		src := newSource(15 * time.Second)
		w := start(t, Config{Instant: src.instant}, newPager(t), downRules)
		for _, h := range []http.Handler{w.RulesHandler(), w.AlertsHandler()} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r.WithContext(tenant.NewContext(r.Context(), "other")))
			if body := rec.Body.String(); rec.Code != 200 || strings.Contains(body, "Down") {
				t.Error(rec.Code, body)
			}
		}
	})
}

// epoch is when a bubble's clock begins.
func epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// testdata is found before a test changes its directory.
var testdata = func() string {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		panic(err)
	}
	return dir
}()

func check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if *update {
		if err := os.MkdirAll(testdata, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// A rule's key must not change by accident: state is kept under it.
func TestRuleKey(t *testing.T) {
	def := &rulefile.Rule{Alert: "Down", Labels: map[string]string{"b": "2", "a": `"1`}}
	if got, want := ruleKey("g", def), `"g" alert "Down" "a"="\"1" "b"="2"`; got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	if got := stableID("x"); got != 0x2d711642b726b044 {
		t.Errorf("id %#x", got)
	}
	if def.Alert = ""; ruleKey("g", def) == ruleKey("g", &rulefile.Rule{Alert: "", Record: "r", Labels: def.Labels}) {
		t.Error("an alert and a record have one key")
	}
}

package alerting

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errAway = errors.New("the store is away")

func policyRules(policies string) string {
	return `
groups:
- name: shop
  interval: 1m
  rules:
  - alert: Slow
    expr: latency > 1
    ` + policies + `
`
}

func TestNoAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		policies string
		broken   bool
		want     string
	}{
		"no data resolves, as in Prometheus":   {"", false, "Slow{web} resolved"},
		"no data keeps":                        {"no_data: keep", false, ""},
		"no data alerts":                       {"no_data: {then: alerting, for: 5m}", false, "Slow{web} firing Slow{} firing"},
		"no data is told of":                   {"no_data: nodata", false, "RuleNoData{} firing"},
		"an error keeps":                       {"", true, ""},
		"an error resolves if wanted":          {"on_error: ok", true, "Slow{web} resolved"},
		"an error alerts":                      {"on_error: {then: alerting, for: 5m}", true, "Slow{web} firing Slow{} firing"},
		"an error does what no data would not": {"{no_data: ok, on_error: nodata}", true, "RuleNoData{} firing"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, p := newSource(time.Minute), newPager(t)
				src.set(t, `latency{job="web"}`, 2)
				policies := strings.NewReplacer("{no_data: ok, ", "no_data: ok\n    ", "nodata}", "nodata").Replace(tt.policies)
				if !strings.HasPrefix(tt.policies, "{") {
					policies = tt.policies
				}
				w := start(t, Config{Instant: src.instant}, p, policyRules(policies))
				time.Sleep(10 * time.Minute)
				if tt.broken {
					src.fail(errors.New("bad data"))
				} else {
					src.remove(t, `latency{job="web"}`)
				}
				time.Sleep(time.Hour)
				got := p.pages()
				switch {
				case len(got) == 0 || !strings.HasSuffix(got[0], "Slow{web} firing"):
					t.Fatalf("pages %v", got)
				case tt.want == "" && len(got) != 1, tt.want != "" && (len(got) != 2 || !strings.HasSuffix(got[1], tt.want)):
					t.Errorf("pages %v, want %q", got, tt.want)
				}
				src.fail(nil)
				src.set(t, `latency{job="web"}`, 0)
				time.Sleep(time.Hour)
				w.wantStates()
				last := p.pages()[len(p.pages())-1]
				if !strings.Contains(last, "resolved") || strings.Contains(last, " firing") {
					t.Errorf("at the end: %s", last)
				}
			})
		})
	}
}

// However many rules notice that the store is away, it is one alert, and none
// of the others is resolved.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, p := newSource(time.Minute), newPager(t)
		src.set(t, `latency{job="web"}`, 2)
		rules := policyRules("on_error: alerting")
		rules += strings.NewReplacer("groups:\n", "", "name: shop", "name: cart", "alert: Slow", "alert: Slower").Replace(rules)
		w := start(t, Config{
			Instant: src.instant, Unavailable: func(err error) bool { return errors.Is(err, errAway) },
		}, p, rules)
		time.Sleep(10 * time.Minute)
		src.fail(errAway)
		time.Sleep(time.Hour)
		w.wantStates("Slower{web} firing", "Slow{web} firing")
		src.fail(nil)
		time.Sleep(time.Hour)
		var got []string
		for _, page := range p.pages() {
			_, what, _ := strings.Cut(page, " ")
			got = append(got, what)
		}
		want := "firing TrefoilStoreUnavailable{} firing,resolved TrefoilStoreUnavailable{} resolved"
		if len(got) != 4 || strings.Join(got[2:], ",") != want {
			t.Errorf("pages %v, want two and %s", got, want)
		}
	})
}

// An evaluation waits for what came in before it, but not for ever.
func TestSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, p := newSource(time.Minute), newPager(t)
		began := time.Now()
		var behind atomic.Int64
		behind.Store(int64(3 * time.Second))
		w := start(t, Config{
			Instant: src.instant, Settled: func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) },
		}, p, policyRules(""))
		time.Sleep(10*time.Minute - time.Second)
		if got := src.queries(); got < 9 {
			t.Errorf("%d evaluations in %v", got, time.Since(began))
		}
		if n := total(t, w, "trefoil_rule_group_evaluations_unsettled_total"); n != 0 {
			t.Errorf("%v unsettled evaluations", n)
		}
		behind.Store(int64(time.Hour))
		time.Sleep(10 * time.Minute)
		if n := total(t, w, "trefoil_rule_group_evaluations_unsettled_total"); n < 9 {
			t.Errorf("%v unsettled evaluations after the store fell behind", n)
		}
		if got := src.queries(); got < 18 {
			t.Errorf("%d evaluations", got)
		}
	})
}

func total(t *testing.T, w *work, name string) float64 {
	t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// Files are read again when they change; what is wrong is said and not taken.
func TestChangedFiles(t *testing.T) {
	src, p := newSource(time.Second), newPager(t)
	src.set(t, `latency{job="web"}`, 2)
	w := start(t, Config{Instant: src.instant, WatchInterval: 20 * time.Millisecond}, p, policyRules(""))
	eventually(t, "ready", func() bool { return w.Ready() == nil })
	names := func() string {
		var out []string
		for _, r := range w.rules() {
			out = append(out, r.name())
		}
		return strings.Join(out, " ")
	}
	w.write(strings.Replace(policyRules(""), "Slow", "VerySlow", 1))
	eventually(t, "the new rule", func() bool { return names() == "VerySlow" })

	w.write("groups: [{name: x, rules: [{alert: A, expr: 'x ='}]}]")
	rec := httptest.NewRecorder()
	w.ReloadHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/-/reload", nil))
	if rec.Code != 500 || !strings.Contains(rec.Body.String(), `group "x": rule "A"`) || names() != "VerySlow" {
		t.Errorf("%d %s; rules %s", rec.Code, rec.Body, names())
	}
	rec = httptest.NewRecorder()
	w.ReloadHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/-/reload", nil))
	if rec.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", rec.Code)
	}
	w.write(policyRules(""))
	rec = httptest.NewRecorder()
	w.ReloadHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/-/reload", nil))
	if rec.Code != 200 || names() != "Slow" {
		t.Errorf("%d %s; rules %s", rec.Code, rec.Body, names())
	}
}

// What fires goes on while a second condition holds, which begins nothing by
// itself; and changes of state are counted.
func TestHysteresis(t *testing.T) {
	bubble(t, "keep_firing_while", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		w := start(t, Config{Instant: src.instant, GroupInterval: time.Minute}, p, `
groups:
- name: shop
  interval: 1m
  rules:
  - alert: Long
    expr: queue > 100
    keep_firing_while: queue > 80
`)
		for _, step := range []struct {
			queue  float64
			states []string
		}{
			{90, nil}, {101, []string{"Long{web} firing"}}, {90, []string{"Long{web} firing"}}, {120, []string{"Long{web} firing"}},
			{81, []string{"Long{web} firing"}}, {80, nil}, {95, nil},
		} {
			src.set(t, `queue{job="web"}`, step.queue)
			time.Sleep(3 * time.Minute)
			w.wantStates(step.states...)
		}
		if n := len(p.pages()); n != 2 {
			t.Errorf("pages %v", p.pages())
		}
		_, rules := w.get(w.RulesHandler(), "")
		if !strings.Contains(rules, `"stateChangesLastHour":2`) || !strings.Contains(rules, `"keepFiringWhile":"queue \u003e 80"`) {
			t.Error(rules)
		}
		if n := total(t, w, "trefoil_rule_group_state_changes_last_hour"); n != 2 {
			t.Errorf("%v changes", n)
		}
		time.Sleep(time.Hour)
		if n := total(t, w, "trefoil_rule_group_state_changes_last_hour"); n != 0 {
			t.Errorf("%v changes an hour later", n)
		}
	})
}

package alerting

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/maintenance"
	"github.com/trefoil-o11y/trefoil/query/fault"
)

// failed answers an error as its code and parameter.
func failed(w http.ResponseWriter, e *fault.Error) {
	http.Error(w, string(e.Code)+" "+e.Param, e.Code.Status())
}

// window asks for maintenance windows.
func (w *work) window(method, path, body string, into any) int {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.MaintenanceHandler(failed).ServeHTTP(rec, httptest.NewRequest(method, maintenance.Path+path, strings.NewReader(body)))
	if rec.Code == http.StatusOK && json.Unmarshal(rec.Body.Bytes(), into) != nil {
		w.t.Fatal(rec.Body)
	}
	return rec.Code
}

// In a window nobody is told of what matches, on every day that it has, until
// it is ended. What still fires at its end is told then.
func TestMaintenance(t *testing.T) {
	bubble(t, "every day", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		src.set(t, `up{job="web"}`, 1)
		src.set(t, `up{job="cart"}`, 1)
		w := start(t, Config{Instant: src.instant, GroupInterval: time.Minute}, p, downRules)
		time.Sleep(time.Minute)
		began := time.Now()
		var made maintenance.Window
		body := fmt.Sprintf(`{"matchers": ["job=~\"web|db\""], "starts_at": %q, "ends_at": %q, "repeat": {}, "created_by": "me", "comment": "disks"}`,
			began.Add(time.Hour).Format(time.RFC3339), began.Add(2*time.Hour).Format(time.RFC3339))
		if code := w.window(http.MethodPost, "", body, &made); code != 200 || made.State != maintenance.Planned || made.Matchers[0] != `job=~"web|db"` {
			t.Fatalf("%d %+v", code, made)
		}
		pages := 0
		told := func(when string, want ...string) {
			t.Helper()
			got := p.pages()[pages:]
			pages += len(got)
			if len(got) != len(want) {
				t.Fatalf("%s: %q, want %q", when, got, want)
			}
			for i := range want {
				if !strings.HasSuffix(got[i], want[i]) {
					t.Errorf("%s: %q, want %q", when, got, want)
				}
			}
		}
		for day := range 3 {
			time.Sleep(time.Until(began.Add(time.Duration(day)*24*time.Hour + 70*time.Minute)))
			src.set(t, `up{job="web"}`, 0)
			if day == 0 {
				src.set(t, `up{job="cart"}`, 0)
			}
			time.Sleep(30 * time.Minute)
			var list struct{ Windows []maintenance.Window }
			w.window(http.MethodGet, "", "", &list)
			if len(list.Windows) != 1 || list.Windows[0].State != maintenance.Active || !list.Windows[0].StartsAt.Equal(began.Add(time.Duration(day)*24*time.Hour+time.Hour).Truncate(time.Second)) {
				t.Fatalf("day %d: %+v", day, list)
			}
			if day == 0 {
				told("in the first window", "Down{cart} firing")
				time.Sleep(time.Hour)
				told("after it", "Down{web} firing") // beside that of cart
				src.set(t, `up{job="cart"}`, 1)
				src.set(t, `up{job="web"}`, 1)
				time.Sleep(time.Hour)
				pages = len(p.pages())
				continue
			}
			told("in a later window")
			if day == 2 {
				break
			}
			src.set(t, `up{job="web"}`, 1)
			time.Sleep(2 * time.Hour)
			told("what was over before the window was")
		}
		var ended maintenance.Window
		if code := w.window(http.MethodDelete, "/"+made.ID, "", &ended); code != 200 || ended.State != maintenance.Over {
			t.Errorf("%d %+v", code, ended)
		}
		time.Sleep(5 * time.Minute)
		told("at the end", "Down{web} firing")
		time.Sleep(36 * time.Hour)
		if active := activeSilences(t, w); active != 0 {
			t.Errorf("%d silences a day after the end", active)
		}
	})
	bubble(t, "mistakes", func(t *testing.T) {
		src, p := newSource(15*time.Second), newPager(t)
		w := start(t, Config{Instant: src.instant}, p, downRules)
		time.Sleep(time.Second)
		for _, tt := range []struct {
			method, path, body string
			want               int
		}{
			{http.MethodDelete, "/none", "", 404},
			{http.MethodPost, "", `{"matchers": []}`, 400},
			{http.MethodPost, "", `{"matcher": []}`, 400},
			{http.MethodPost, "", `{} {}`, 400},
			{http.MethodPost, "", `{"comment": "` + strings.Repeat("x", 1<<17) + `"}`, 422},
			{http.MethodPut, "", `{}`, 405},
		} {
			if code := w.window(tt.method, tt.path, tt.body, nil); code != tt.want {
				t.Errorf("%s %s %.40s: %d, want %d", tt.method, tt.path, tt.body, code, tt.want)
			}
		}
	})
}

// activeSilences counts those that are in force or planned.
func activeSilences(t *testing.T, w *work) (n int) {
	t.Helper()
	silences, err := w.notifier().Silences()
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := silences.Query(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.EndsAt.AsTime().After(time.Now()) {
			n++
		}
	}
	return n
}

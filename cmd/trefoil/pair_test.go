package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/engine"
	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

// outside runs a ClickHouse that several processes share, and answers its DSN.
func outside(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	library, err := enginelib.Locate("")
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Start(ctx, engine.Config{DataDir: newDataDir(t), Library: library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	a := e.Endpoint()
	_, httpPort, _ := strings.Cut(a.HTTPAddr, ":")
	dsn := url.URL{
		Scheme: "clickhouse", User: url.UserPassword(a.User, a.Password), Host: a.TCPAddr, Path: a.Database,
		RawQuery: url.Values{"http_port": {httpPort}, "read_user": {a.ReadUser}, "read_password": {a.ReadPassword},
			"sql_user": {a.ReadUser}, "sql_password": {a.ReadPassword}}.Encode(),
	}
	return dsn.String()
}

// pair are two processes over one ClickHouse.
type pair struct {
	t     *testing.T
	hook  *webhook
	rules string
	flags []string
}

func (p *pair) start(dir string) *process { return startServe(p.t, dir, p.flags...) }

// write changes what the two rules see.
func (p *pair) write(down, slow string) {
	writeFile(p.t, p.rules, fmt.Sprintf(`
groups:
  - name: shop
    interval: 500ms
    rules:
      - {alert: Down, expr: 'vector(%s) > 0', for: 1s}
      - {alert: Slow, expr: 'vector(%s) > 0', for: 15s}
  - name: statements
    type: sql
    interval: 1s
    rules:
      - {alert: Leased, expr: "SELECT 'x' AS of, count() AS value FROM alert_leases HAVING value > 0"}
`, down, slow))
}

// told counts the messages about an alert.
func (p *pair) told(status, alert string) (n int) {
	for _, m := range p.hook.of(status) {
		for _, a := range m.Alerts {
			if a.Labels["alertname"] == alert {
				n++
			}
		}
	}
	return n
}

func (p *pair) awaitTold(status, alert string) {
	p.t.Helper()
	eventually(p.t, time.Minute, status+" "+alert, func() error {
		if p.told(status, alert) == 0 {
			return fmt.Errorf("not told")
		}
		return nil
	})
}

// leads says by a process's own metrics whether it evaluates.
func leads(t testing.TB, p *process) bool {
	t.Helper()
	res, err := http.Get("http://" + p.API + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), "\ntrefoil_alert_leader 1\n")
}

func awaitLead(t testing.TB, p *process, want bool) {
	t.Helper()
	eventually(t, time.Minute, fmt.Sprintf("trefoil_alert_leader %v", want), func() error {
		if leads(t, p) != want {
			return fmt.Errorf("trefoil_alert_leader is not %v", want)
		}
		return nil
	})
}

// awaitCharge waits until a process has restored the state and evaluated.
func awaitCharge(t testing.TB, p *process) {
	t.Helper()
	awaitLead(t, p, true)
	eventually(t, time.Minute, "evaluations", func() error {
		var rules struct {
			Data struct {
				Groups []struct{ Rules []struct{ Health string } }
			}
		}
		if err := p.get("/prometheus/api/v1/rules", &rules); err != nil {
			return err
		}
		for _, g := range rules.Data.Groups {
			for _, r := range g.Rules {
				if r.Health != "ok" {
					return fmt.Errorf("health %s", r.Health)
				}
			}
		}
		return nil
	})
}

func reload(t testing.TB, p *process) {
	t.Helper()
	res, err := http.Post("http://"+p.API+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
}

// Two processes share a ClickHouse. One of them evaluates; when it is killed
// or stands still the other one goes on where it was: nothing is told again and
// nothing is forgotten.
func TestPair(t *testing.T) {
	p := &pair{t: t, hook: newWebhook(t), rules: filepath.Join(t.TempDir(), "rules.yaml")}
	p.write("1", "1")
	p.flags = []string{
		"--clickhouse-dsn", outside(t), "--rules", p.rules, "--alert-webhook", p.hook.url,
		"--alert-group-interval", "1s", "--alert-takeover", "4s",
	}
	dirA, dirB := newDataDir(t), newDataDir(t)
	a := p.start(dirA)
	awaitLead(t, a, true)
	b := p.start(dirB)
	p.awaitTold("firing", "Down")
	p.awaitTold("firing", "Leased") // a rule in SQL, at a server that is not inside

	// Who is not in charge answers with what the other one knows.
	var alerts struct {
		Data struct{ Alerts []struct{ State string } }
	}
	if err := b.get("/prometheus/api/v1/alerts", &alerts); err != nil || len(alerts.Data.Alerts) != 3 {
		t.Errorf("%v, %+v", err, alerts)
	}
	var silence struct{ SilenceID string }
	b.ask(t, "/alertmanager/api/v2/silences", map[string]any{
		"matchers": []any{map[string]any{"name": "alertname", "value": "Other", "isRegex": false, "isEqual": true}},
		"startsAt": time.Now(), "endsAt": time.Now().Add(time.Hour), "createdBy": "me", "comment": "planned work",
	}, &silence)
	if err := a.get("/alertmanager/api/v2/silence/"+silence.SilenceID, nil); err != nil {
		t.Error(err)
	}
	if leads(t, b) {
		t.Fatal("both are in charge")
	}

	a.kill() // while Down fires and Slow is pending
	awaitCharge(t, b)
	if err := b.get("/alertmanager/api/v2/silence/"+silence.SilenceID, nil); err != nil {
		t.Error(err)
	}
	p.awaitTold("firing", "Slow")
	a = p.start(dirA)
	p.write("0", "1")
	reload(t, b)
	p.awaitTold("resolved", "Down")

	// A process that stands still and comes back finds that it is not in charge.
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitCharge(t, a)
	p.write("0", "0")
	reload(t, a)
	p.awaitTold("resolved", "Slow")
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	awaitLead(t, b, false)

	// An orderly stop hands over at once; and then nothing is told again.
	a.stop()
	awaitCharge(t, b)
	time.Sleep(3 * time.Second) // three group intervals
	for _, want := range []struct{ status, alert string }{
		{"firing", "Down"}, {"firing", "Slow"}, {"firing", "Leased"}, {"resolved", "Down"}, {"resolved", "Slow"},
	} {
		if n := p.told(want.status, want.alert); n != 1 {
			t.Errorf("%s %s: told %d times", want.status, want.alert, n)
		}
	}
}

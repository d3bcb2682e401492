//go:build conformance

package alerting

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/maintenance"
)

// program finds one of Debian's programs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not here: install Debian's package prometheus-alertmanager", name)
	}
	return path
}

// served are the handlers of a manager on a real port.
func served(t *testing.T, w *work) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/alertmanager/", w.AlertmanagerHandler())
	mux.Handle("/prometheus/api/v1/rules", w.RulesHandler())
	mux.Handle("/api/v1/maintenance", w.MaintenanceHandler(failed))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// TestAmtool drives the embedded Alertmanager with Alertmanager's own tool.
func TestAmtool(t *testing.T) {
	tool := program(t, "amtool")
	src, p := newSource(20*time.Millisecond), newPager(t)
	src.set(t, `up{job="web"}`, 0)
	src.set(t, `up{job="cart"}`, 0)
	config := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(config, []byte(`
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers:
- name: team
  webhook_configs: [{url: 'http://pager.example/hook?token=s3cr3t'}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := quick(src, nil)
	cfg.AlertmanagerConfig = config
	w := start(t, cfg, p, quickRules)
	url := served(t, w) + "/alertmanager"
	amtool := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), tool, append(args, "--alertmanager.url="+url)...)
		var failures strings.Builder // and a warning about versions
		cmd.Stderr = &failures
		said, err := cmd.Output()
		if err != nil {
			t.Fatalf("amtool %v: %v\n%s%s", args, err, said, &failures)
		}
		return string(said)
	}
	eventually(t, "page", func() bool { return p.count("firing") >= 1 })
	if said := amtool("alert", "query", "-o", "extended"); !strings.Contains(said, `job="web"`) || !strings.Contains(said, `job="cart"`) {
		t.Errorf("alerts:\n%s", said)
	}
	id := strings.TrimSpace(amtool("silence", "add", "job=web", "--duration=1h", "--author=me", "--comment=maintenance"))
	if said := amtool("silence", "query", "-o", "extended"); !strings.Contains(said, id) || !strings.Contains(said, "maintenance") {
		t.Errorf("silences:\n%s", said)
	}
	if said := amtool("alert", "query", "--active"); strings.Contains(said, "web") {
		t.Logf("active alerts (by name):\n%s", said)
	}
	if said := amtool("alert", "query", "--silenced", "-o", "extended"); !strings.Contains(said, `job="web"`) || strings.Contains(said, `job="cart"`) {
		t.Errorf("silenced alerts:\n%s", said)
	}
	amtool("silence", "expire", id)
	if said := amtool("silence", "query", "-q"); strings.Contains(said, id) {
		t.Errorf("the silence has not ended:\n%s", said)
	}
	var window maintenance.Window
	if code := w.window(http.MethodPost, "", fmt.Sprintf(`{"matchers": ["job=\"web\""], "starts_at": %q, "ends_at": %q, "created_by": "me", "comment": "new disks"}`,
		time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339)), &window); code != 200 {
		t.Fatal(code)
	}
	if said := amtool("silence", "query", "-o", "extended"); !strings.Contains(said, window.Silences[0]) || !strings.Contains(said, "new disks") {
		t.Errorf("a window's silence:\n%s", said)
	}
	if said := amtool("alert", "query", "--silenced", "-o", "extended"); !strings.Contains(said, `job="web"`) {
		t.Errorf("alerts in a window:\n%s", said)
	}
	amtool("silence", "expire", window.Silences[0])
	var list struct{ Windows []maintenance.Window }
	if w.window(http.MethodGet, "", "", &list); len(list.Windows) != 1 || list.Windows[0].State != maintenance.Over {
		t.Errorf("a window that amtool has ended: %+v", list)
	}
	if said := amtool("config", "show"); strings.Contains(said, "s3cr3t") || !strings.Contains(said, "<secret>") {
		t.Errorf("configuration:\n%s", said)
	}
	if said := amtool("config", "routes", "test", "--config.file="+config, "job=web"); strings.TrimSpace(said) != "team" {
		t.Errorf("route: %s", said)
	}
	amtool("alert", "add", "Manual", "job=bench")
	eventually(t, "page of an alert from amtool", func() bool { return strings.Contains(fmt.Sprint(p.pages()), "Manual{bench} firing") })
	if said := amtool("cluster", "show"); !strings.Contains(said, "disabled") {
		t.Logf("cluster: %s", said)
	}
}

// TestDebianAlertmanager sends alerts to Debian's Alertmanager, in real time.
func TestDebianAlertmanager(t *testing.T) {
	path := program(t, "prometheus-alertmanager")
	src, ours, theirs := newSource(20*time.Millisecond), newPager(t), newPager(t)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := theirs.RoundTrip(r); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer hook.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	text := "route: {receiver: team, group_by: [alertname], group_wait: 1s, group_interval: 1s}\n" +
		"receivers: [{name: team, webhook_configs: [{url: '" + hook.URL + "', send_resolved: true}]}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.CommandContext(t.Context(), path, "--config.file="+config, "--storage.path="+dir,
		"--web.listen-address="+address, "--cluster.listen-address=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()

	src.set(t, `up{job="web"}`, 0)
	cfg := quick(src, nil)
	cfg.AlertmanagerURLs = []string{"http://" + address}
	cfg.Transport = byHost{"pager.example": ours}
	w := start(t, cfg, cfg.Transport, quickRules)
	eventually(t, "page by Debian's", func() bool { return theirs.count("firing") == 1 })
	time.Sleep(3 * time.Second) // several of its turns
	src.set(t, `up{job="web"}`, 1)
	eventually(t, "resolution by Debian's", func() bool { return theirs.count("resolved") == 1 })
	time.Sleep(2 * time.Second)
	if got := theirs.pages(); len(got) != 2 {
		t.Errorf("Debian's Alertmanager told: %v", got)
	}
	if got := ours.pages(); len(got) != 2 {
		t.Errorf("the embedded one told: %v", got)
	}
	w.stop()
}

// byHost brings requests to receivers in this process, and the others out.
type byHost map[string]http.RoundTripper

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if inside, ok := b[r.URL.Host]; ok {
		return inside.RoundTrip(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

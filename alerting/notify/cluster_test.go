package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// desk counts the messages of a real webhook by status.
type desk struct {
	url string
	mu  sync.Mutex
	got map[string]int
}

func newDesk(t *testing.T) *desk {
	d := &desk{got: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Status string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.got[m.Status]++
	}))
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

func (d *desk) count(status string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.got[status]
}

// member is an Alertmanager with memory of its own in a cluster.
func member(t *testing.T, d *desk, peers ...string) (a *Alertmanager, c *Cluster, stop func()) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	c, err := Join(ClusterConfig{Listen: "127.0.0.1:0", Peers: peers, PeerTimeout: 3 * time.Second, Logger: quiet, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	a, err = New(Config{Default: Default{Webhooks: []string{d.url}, GroupInterval: time.Second}, Cluster: c, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	a.Restore(nil, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
		if err := c.Leave(5 * time.Second); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return a, c, stop
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func ask(a *Alertmanager, method, path, body string) string {
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w.Body.String()
}

// Two Alertmanagers get the same alerts; by gossip one page goes out, and the
// other one goes on when the first is gone.
func TestGossip(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a, ca, stopA := member(t, d)
	b, cb, stopB := member(t, d, ca.Address())
	until(t, "two members", func() bool { return ca.peer.ClusterSize() == 2 && cb.peer.ClusterSize() == 2 })
	until(t, "settled", func() bool { return ca.peer.Ready() && cb.peer.Ready() })
	if said := ask(b, http.MethodGet, "/api/v2/status", ""); !strings.Contains(said, `"ready"`) || !strings.Contains(said, ca.Address()) {
		t.Errorf("status: %s", said)
	}

	if said := ask(a, http.MethodPost, "/api/v2/silences", fmt.Sprintf(
		`{"matchers":[{"name":"job","value":"quiet","isRegex":false,"isEqual":true}],"startsAt":%q,"endsAt":%q,"createdBy":"me","comment":"planned work"}`,
		time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))); !strings.Contains(said, "silenceID") {
		t.Fatal(said)
	}
	until(t, "the silence at the other one", func() bool {
		return strings.Contains(ask(b, http.MethodGet, "/api/v2/silences", ""), "planned work")
	})

	quiet, loud := firingNow("quiet"), firingNow("loud")
	quiet.Labels["alertname"] = "Other"
	for _, m := range []*Alertmanager{a, b} {
		if err := m.Put(quiet, loud); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "a page", func() bool { return d.count("firing") > 0 })
	time.Sleep(8 * time.Second) // more than twice the wait of the second
	if n := d.count("firing"); n != 1 {
		t.Errorf("paged %d times", n)
	}

	// The one whose turn is first goes away.
	first, rest := stopA, b
	if cb.peer.Position() == 0 {
		first, rest = stopB, a
	}
	first()
	if err := rest.Put(over(loud)); err != nil {
		t.Fatal(err)
	}
	until(t, "the resolution", func() bool { return d.count("resolved") > 0 })
	time.Sleep(3 * time.Second)
	if f, r := d.count("firing"), d.count("resolved"); f != 1 || r != 1 {
		t.Errorf("paged %d times, resolved %d times", f, r)
	}
}

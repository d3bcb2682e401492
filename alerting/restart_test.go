package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Variables that make the test binary a process with a manager in it, for
// TestKilledProcess to kill.
const (
	childAddr  = "TREFOIL_TEST_ALERTING_ADDR"
	childHook  = "TREFOIL_TEST_ALERTING_HOOK"
	childRules = "TREFOIL_TEST_ALERTING_RULES"
)

func TestMain(m *testing.M) {
	if os.Getenv(childAddr) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	storagetest.Main(m)
}

// database is a fresh database with all tables, to which any number of
// connections can be made.
func database(t *testing.T) conn.Addr {
	t.Helper()
	addr := storagetest.Addr(storagetest.Database(t, storagetest.Start(t)))
	db := open(t, func() conn.Addr { return addr })
	if _, err := schema.Migrate(t.Context(), db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	return addr
}

func open(t *testing.T, addr func() conn.Addr) *conn.DB {
	t.Helper()
	db, err := conn.Open(conn.Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func store(t *testing.T, addr conn.Addr) *alertstore.Store {
	t.Helper()
	return alertstore.New(open(t, func() conn.Addr { return addr }), 30)
}

// quick are rules and settings that make minutes of alerting a second.
const quickRules = `
groups:
- name: shop
  interval: 100ms
  rules:
  - alert: Down
    expr: up == 0
    for: 300ms
`

func quick(src *source, s *alertstore.Store) Config {
	return Config{
		Instant: src.instant, Store: s, GroupInterval: 200 * time.Millisecond,
		RestoreGrace: 500 * time.Millisecond, StoreTimeout: 5 * time.Second,
	}
}

// eventually waits for something that takes a moment.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (p *pager) count(status string) int {
	n := 0
	for _, page := range p.pages() {
		if strings.Contains(page, " "+status+" ") {
			n++
		}
	}
	return n
}

// TestRestart: a manager is stopped and another one begins over the same store.
func TestRestart(t *testing.T) {
	addr := database(t)
	src, p := newSource(20*time.Millisecond), newPager(t)
	src.set(t, `up{job="web"}`, 0)
	cfg := quick(src, store(t, addr))
	first := start(t, cfg, p, quickRules)
	eventually(t, "page", func() bool { return p.count("firing") == 1 })
	activeAt := first.rules()[0].active()[0].ActiveAt
	first.stop()

	cfg.RuleFiles, cfg.Store = []string{first.files}, store(t, addr)
	second := start(t, cfg, p, quickRules)
	eventually(t, "ready", func() bool { return second.Ready() == nil })
	second.wantStates("Down{web} firing") // Before it has evaluated anything.
	if got := second.rules()[0].active()[0].ActiveAt; !got.Equal(activeAt) {
		t.Errorf("active at %v, was %v", got, activeAt)
	}
	time.Sleep(time.Second)
	second.wantStates("Down{web} firing")
	if n := len(p.pages()); n != 1 {
		t.Fatalf("%d pages after the restart: %v", n, p.pages())
	}
	src.set(t, `up{job="web"}`, 1)
	eventually(t, "resolution", func() bool { return p.count("resolved") == 1 })
	second.stop()

	cfg.Store = store(t, addr)
	third := start(t, cfg, p, quickRules)
	time.Sleep(time.Second)
	third.wantStates()
	src.set(t, `up{job="web"}`, 0)
	eventually(t, "a new page", func() bool { return p.count("firing") == 2 })
	if n := len(p.pages()); n != 3 {
		t.Errorf("%d pages: %v", n, p.pages())
	}
	third.stop()
	wantHistory(t, store(t, addr), "pending", "firing", "notified", "resolved", "notified", "pending", "firing", "notified")
}

func wantHistory(t *testing.T, s *alertstore.Store, want ...string) {
	t.Helper()
	events, err := s.History(t.Context(), tenant.Default, alertstore.HistoryQuery{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	names := map[alertstore.Kind]string{
		alertstore.BecamePending: "pending", alertstore.BeganFiring: "firing", alertstore.WasResolved: "resolved",
		alertstore.WasDropped: "dropped", alertstore.WasNotified: "notified",
	}
	var got []string
	for _, e := range slices.Backward(events) {
		got = append(got, names[e.Kind])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history: %s", diff)
	}
}

// TestRestartPending: a pending alert goes on waiting after a restart.
func TestRestartPending(t *testing.T) {
	addr := database(t)
	src, p := newSource(20*time.Millisecond), newPager(t)
	src.set(t, `up{job="web"}`, 0)
	rules := strings.ReplaceAll(quickRules, "for: 300ms", "for: 1h")
	cfg := quick(src, store(t, addr))
	first := start(t, cfg, p, rules)
	eventually(t, "pending", func() bool { return len(first.states()) == 1 })
	time.Sleep(300 * time.Millisecond)
	activeAt := first.rules()[0].active()[0].ActiveAt
	first.stop()
	time.Sleep(time.Second)

	cfg.RuleFiles, cfg.Store = []string{first.files}, store(t, addr)
	second := start(t, cfg, p, rules)
	eventually(t, "ready", func() bool { return second.Ready() == nil })
	second.wantStates("Down{web} pending")
	// The second in which nobody looked does not count.
	moved := second.rules()[0].active()[0].ActiveAt.Sub(activeAt)
	if moved < 500*time.Millisecond || moved > 10*time.Second {
		t.Errorf("active since %v later", moved)
	}
	p.want()
}

// TestRemovedWhileDown: the rule of a firing alert is gone at the next start.
func TestRemovedWhileDown(t *testing.T) {
	addr := database(t)
	src, p := newSource(20*time.Millisecond), newPager(t)
	src.set(t, `up{job="web"}`, 0)
	cfg := quick(src, store(t, addr))
	first := start(t, cfg, p, quickRules)
	eventually(t, "page", func() bool { return p.count("firing") == 1 })
	first.stop()
	for range 2 {
		cfg.RuleFiles, cfg.Store = []string{first.files}, store(t, addr)
		next := start(t, cfg, p, "groups: []")
		eventually(t, "resolution", func() bool { return p.count("resolved") == 1 })
		time.Sleep(500 * time.Millisecond)
		next.stop()
	}
	if n := len(p.pages()); n != 2 {
		t.Errorf("pages %v", p.pages())
	}
}

// lastWords is a transport that can end its manager's process, as far as
// anybody outside can tell: the connection to the store is shut, and no
// request gets out any more.
type lastWords struct {
	http.RoundTripper
	db     *conn.DB
	before bool // die before the request, not after it
	dead   atomic.Bool
	died   chan struct{}
}

func (l *lastWords) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.dead.Load() {
		return nil, io.ErrUnexpectedEOF
	}
	if !l.before {
		if _, err := l.RoundTripper.RoundTrip(r); err != nil {
			return nil, err
		}
	}
	l.dead.Store(true)
	l.db.Close()
	close(l.died)
	return nil, io.ErrUnexpectedEOF
}

// TestKilledAroundSend ends a manager between intent and request, and between
// request and outcome.
func TestKilledAroundSend(t *testing.T) {
	for name, before := range map[string]bool{"before the request": true, "after the request": false} {
		t.Run(name, func(t *testing.T) {
			addr := database(t)
			src, p := newSource(20*time.Millisecond), newPager(t)
			src.set(t, `up{job="web"}`, 0)
			// The HTTP side of a closed connection would still write, so the
			// address goes away with it.
			dying := &lastWords{RoundTripper: p, before: before, died: make(chan struct{})}
			dying.db = open(t, func() conn.Addr {
				if dying.dead.Load() {
					return conn.Addr{TCPAddr: "127.0.0.1:1", HTTPAddr: "127.0.0.1:1"}
				}
				return addr
			})
			cfg := quick(src, alertstore.New(dying.db, 30))
			cfg.StoreTimeout = 500 * time.Millisecond
			first := start(t, cfg, dying, quickRules)
			select {
			case <-dying.died:
			case <-time.After(20 * time.Second):
				t.Fatal("nothing was sent")
			}
			first.stop()

			log, err := store(t, addr).Notifications(t.Context(), tenant.Default)
			if err != nil || len(log) != 1 || log[0].Intent.ID == "" || log[0].Sent.ID != "" {
				t.Fatalf("log after the kill: %+v, %v", log, err)
			}
			cfg.RuleFiles, cfg.Store, cfg.StoreTimeout = []string{first.files}, store(t, addr), 20*time.Second
			second := start(t, cfg, p, quickRules)
			want := map[bool]int{true: 1, false: 2}[before]
			eventually(t, "page", func() bool { return p.count("firing") >= want })
			time.Sleep(time.Second)
			if n := p.count("firing"); n != want {
				t.Errorf("%d pages, want %d", n, want)
			}
			for _, key := range p.keys {
				if key != log[0].Intent.ID {
					t.Errorf("keys %v, intent %s", p.keys, log[0].Intent.ID)
				}
			}
			src.set(t, `up{job="web"}`, 1)
			eventually(t, "resolution", func() bool { return p.count("resolved") == 1 })
			second.stop()
		})
	}
}

// TestStoreAway: alerting waits for the store at the start, and goes on
// without it later.
func TestStoreAway(t *testing.T) {
	addr := database(t)
	var away atomic.Bool
	away.Store(true)
	db := open(t, func() conn.Addr {
		if away.Load() {
			return conn.Addr{TCPAddr: "127.0.0.1:1", HTTPAddr: "127.0.0.1:1"}
		}
		return addr
	})
	src, p := newSource(20*time.Millisecond), newPager(t)
	src.set(t, `up{job="web"}`, 0)
	cfg := quick(src, alertstore.New(db, 30))
	cfg.StoreTimeout = 500 * time.Millisecond
	first := start(t, cfg, p, quickRules)
	time.Sleep(time.Second)
	if first.Ready() == nil || src.queries() != 0 || len(p.pages()) != 0 {
		t.Error("evaluated without the state")
	}
	away.Store(false)
	eventually(t, "page", func() bool { return p.count("firing") == 1 })

	// Away again: cart begins to fire, and people hear of it.
	away.Store(true)
	src.set(t, `up{job="cart"}`, 0)
	eventually(t, "page without a store", func() bool { return p.count("firing") == 2 })
	if testutil.ToFloat64(first.metrics.storeFailures) == 0 {
		t.Error("no failure is counted")
	}
	away.Store(false)
	s := store(t, addr)
	eventually(t, "state catching up", func() bool {
		first.journal.Flush(t.Context())
		rows, err := s.Instances(t.Context(), tenant.Default, time.Now())
		return err == nil && len(rows) == 2 && rows[0].State == alertstore.Firing && rows[1].State == alertstore.Firing
	})
	eventually(t, "notification log catching up", func() bool {
		log, err := s.Notifications(t.Context(), tenant.Default)
		return err == nil && len(log) == 1 && len(log[0].Sent.Firing) == 2
	})
	first.stop()

	cfg.RuleFiles, cfg.Store = []string{first.files}, store(t, addr)
	second := start(t, cfg, p, quickRules)
	time.Sleep(time.Second)
	second.wantStates("Down{cart} firing", "Down{web} firing")
	if n := len(p.pages()); n != 2 {
		t.Errorf("pages %v", p.pages())
	}
}

// child is a process with a manager in it that never ends by itself.
func child() error {
	var addr conn.Addr
	if err := json.Unmarshal([]byte(os.Getenv(childAddr)), &addr); err != nil {
		return err
	}
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }})
	if err != nil {
		return err
	}
	src := newSource(20 * time.Millisecond)
	m, err := New(Config{
		RuleFiles: []string{os.Getenv(childRules)}, Instant: src.instant, Store: alertstore.New(db, 30),
		WebhookURLs: []string{os.Getenv(childHook)}, GroupInterval: 200 * time.Millisecond,
		RestoreGrace: 500 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	return m.Run(context.Background())
}

// killer is a webhook that kills the process that posts to it, as long as it
// is told to, and a place to start that process.
type killer struct {
	t     *testing.T
	env   []string
	rules string

	mu    sync.Mutex
	cmd   *exec.Cmd
	kills int       // how many requests are still to be answered with a kill
	last  time.Time // when the last request came
	// unsure counts the kills so soon after a request that its outcome may not
	// have been stored yet.
	unsure int
	keys   map[string][]string // status → idempotency keys, as they came
}

func (k *killer) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var m struct{ Status string }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		k.t.Error(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[m.Status] = append(k.keys[m.Status], r.Header.Get("Idempotency-Key"))
	k.last = time.Now()
	if k.kills > 0 {
		k.kills--
		_ = k.cmd.Process.Kill()
	}
}

// count answers how many requests came with a status, and with how many keys.
func (k *killer) count(status string) (requests, distinct int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.keys[status]), len(slices.Compact(slices.Sorted(slices.Values(k.keys[status]))))
}

// run lives one life of the process: until it is killed by its own request, or
// for a time.
func (k *killer) run(life time.Duration) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), k.env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	k.mu.Lock()
	if err := cmd.Start(); err != nil {
		k.t.Error(err)
	}
	k.cmd = cmd
	k.mu.Unlock()
	timer := time.AfterFunc(life, func() {
		_ = cmd.Process.Kill()
		k.mu.Lock()
		defer k.mu.Unlock()
		if time.Since(k.last) < 2*time.Second {
			k.unsure++
		}
	})
	_ = cmd.Wait()
	timer.Stop()
	if strings.Contains(said.String(), "panic") {
		k.t.Errorf("the process said:\n%s", said.String())
	}
}

// runUntil lives until so many requests with a status have come, each life twice as
// long as the one before: nobody knows how long a busy machine needs for what is left
// to be done.
func (k *killer) runUntil(status string, requests int) {
	for life := 3 * time.Second; life < 2*time.Minute; life *= 2 {
		if n, _ := k.count(status); n >= requests {
			return
		}
		k.run(life)
	}
}

// write changes the rule. The rule is its own data: the process knows no
// series.
func (k *killer) write(expr string) {
	text := strings.ReplaceAll(quickRules, "up == 0", expr)
	if err := os.WriteFile(k.rules, []byte(text), 0o644); err != nil {
		k.t.Fatal(err)
	}
}

// TestKilledProcess kills a real process with SIGKILL in the life of an alert:
// at its own requests, at arbitrary moments, and counts what the receiver got.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	addr, err := json.Marshal(database(t))
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{t: t, rules: filepath.Join(t.TempDir(), "rules.yml"), keys: map[string][]string{}}
	hook := httptest.NewServer(k)
	defer hook.Close()
	k.env = []string{childAddr + "=" + string(addr), childHook + "=" + hook.URL + "/hook", childRules + "=" + k.rules}

	for _, phase := range []struct{ expr, status, never string }{
		{"vector(1)", "firing", "resolved"},
		{"vector(1) > 1", "resolved", ""},
	} {
		k.write(phase.expr)
		before, _ := k.count("firing")
		const atRequest = 3
		k.mu.Lock()
		k.kills = atRequest
		k.mu.Unlock()
		for range atRequest {
			k.run(time.Minute)
		}
		for i := range 6 {
			k.run(time.Duration(100+150*i) * time.Millisecond)
		}
		k.runUntil(phase.status, atRequest+1)
		k.run(2 * time.Second)
		requests, distinct := k.count(phase.status)
		if requests < atRequest+1 || requests > atRequest+1+k.unsure || distinct != 1 {
			t.Errorf("%s: %d requests with %d keys; want %d with one: %d kills were at a request, %d soon after one",
				phase.status, requests, distinct, atRequest+1, atRequest, k.unsure)
		}
		k.unsure = 0
		if n, _ := k.count(phase.never); n != 0 {
			t.Errorf("%d requests say %s", n, phase.never)
		}
		if after, _ := k.count("firing"); phase.status == "resolved" && after != before {
			t.Errorf("%d pages after the resolution", after-before)
		}
	}
}

var kills = flag.Int("kills", 5, "how often TestKilledAtRandom kills")

// TestKilledAtRandom kills a real process with SIGKILL at random points of the
// lives of alerts. Whatever the moment, each beginning and each end is told
// under one id, and told twice only where the kill came so soon after the
// telling that its outcome may not have been stored.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	addr, err := json.Marshal(database(t))
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{t: t, rules: filepath.Join(t.TempDir(), "rules.yml"), keys: map[string][]string{}}
	hook := httptest.NewServer(k)
	defer hook.Close()
	k.env = []string{childAddr + "=" + string(addr), childHook + "=" + hook.URL + "/hook", childRules + "=" + k.rules}

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for done := 0; done < *kills; {
		for _, phase := range []struct{ expr, status, never string }{
			{"vector(1)", "firing", "resolved"}, {"vector(1) > 1", "resolved", "firing"},
		} {
			k.write(phase.expr)
			k.mu.Lock()
			k.keys, k.unsure = map[string][]string{}, 0
			k.mu.Unlock()
			for range 1 + random.IntN(3) {
				k.run(time.Duration(random.IntN(1500)) * time.Millisecond)
				done++
			}
			k.runUntil(phase.status, 1)
			k.run(2 * time.Second) // In which it could be told again.
			requests, distinct := k.count(phase.status)
			if distinct != 1 || requests > 1+k.unsure {
				t.Errorf("kill %d: %s: %d requests with %d keys, %d kills soon after one", done, phase.status, requests, distinct, k.unsure)
			}
			if n, _ := k.count(phase.never); n != 0 {
				t.Errorf("kill %d: %d requests say %s", done, n, phase.never)
			}
		}
	}
}

package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	amwebhook "github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/client_golang/prometheus"
)

// pipeListener is a listener in memory, so that a real HTTP server and client
// can talk in virtual time.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pager is a webhook receiver.
type pager struct {
	t         *testing.T
	host, url string
	transport http.RoundTripper
	// answer makes the status of a request; nil is 200.
	answer func(w http.ResponseWriter, r *http.Request, n int)

	mu    sync.Mutex
	n     int
	began time.Time
	// got are the accepted notifications, as `minutes status reason a! b-`.
	got []string
	ids []string
}

const secret = "s3cr3t-t0ken"

func newPager(t *testing.T, name string) *pager {
	p := &pager{t: t, began: time.Now(), host: name, url: "http://user:" + secret + "@" + name + "/hook/" + secret + "?key=" + secret}
	listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: p}
	go func() { _ = server.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial}
	p.transport = transport
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return p
}

func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.URL.Path != "/hook/"+secret || r.Header.Get("Content-Type") != "application/json" {
		p.t.Errorf("request %s %v", r.URL, r.Header)
	}
	p.mu.Lock()
	p.n++
	n, answer := p.n, p.answer
	p.mu.Unlock()
	if answer != nil {
		before := &statusWriter{ResponseWriter: w, status: 200}
		answer(before, r, n)
		if before.status != 200 {
			return
		}
	}
	var m amwebhook.Message
	if err := json.Unmarshal(body, &m); err != nil {
		p.t.Error(err)
	}
	line := fmt.Sprintf("%v %s (%s)", time.Since(p.began).Round(time.Second), m.Status, m.NotificationReason)
	for _, a := range m.Alerts {
		mark := map[string]string{"firing": "!", "resolved": "-"}[a.Status]
		line += " " + a.Labels["job"] + mark
	}
	p.mu.Lock()
	p.got = append(p.got, line)
	p.ids = append(p.ids, r.Header.Get("Idempotency-Key"))
	p.mu.Unlock()
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (p *pager) pages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func (p *pager) behave(answer func(http.ResponseWriter, *http.Request, int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *pager) attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func (p *pager) want(lines ...string) {
	p.t.Helper()
	if diff := cmp.Diff(lines, p.pages()); diff != "" {
		p.t.Error(diff)
	}
}

// network brings requests to pagers by their hosts.
type network []*pager

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, p := range n {
		if p.host == r.URL.Host {
			return p.transport.RoundTrip(r)
		}
	}
	return nil, errors.New("no such host")
}

// disk is a notification log that outlives its process.
type disk struct {
	mu       sync.Mutex
	entries  map[Key]Entry
	silences map[string]Silence
	fail     func(Entry) error
}

func (d *disk) record(_ context.Context, e Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail(e); err != nil {
			return err
		}
	}
	if d.entries == nil {
		d.entries = map[Key]Entry{}
	}
	d.entries[e.Key] = e
	return nil
}

func (d *disk) recordSilence(_ context.Context, s Silence) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail(Entry{}); err != nil {
			return err
		}
	}
	if d.silences == nil {
		d.silences = map[string]Silence{}
	}
	d.silences[s.ID] = s
	return nil
}

// refuse sets what is asked before each write; nil is nobody.
func (d *disk) refuse(fail func(Entry) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

func (d *disk) all() []Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.entries))
}

func (d *disk) allSilences() []Silence {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.silences))
}

// running is an Alertmanager at work.
type running struct {
	*Alertmanager
	stop func()
	logs *syncBuffer
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func run(t *testing.T, d *disk, cfg Config, pagers ...*pager) *running {
	t.Helper()
	for _, p := range pagers {
		if cfg.File == "" {
			cfg.Default.Webhooks = append(cfg.Default.Webhooks, p.url)
		}
	}
	if cfg.Transport == nil {
		cfg.Transport = network(pagers)
	}
	logs := &syncBuffer{}
	cfg.Scope, cfg.ExternalURL, cfg.Record, cfg.RecordSilence = "default", "https://trefoil.example", d.record, d.recordSilence
	cfg.Logger = slog.New(slog.NewTextHandler(logs, nil))
	alertmanager, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	alertmanager.Restore(d.all(), d.allSilences())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	r := &running{Alertmanager: alertmanager, logs: logs}
	go func() {
		defer close(done)
		alertmanager.Run(ctx)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(func() {
		r.stop()
		if strings.Contains(logs.String(), secret) {
			t.Errorf("the secret is in the log:\n%s", logs)
		}
	})
	return r
}

func (r *running) put(t *testing.T, alerts ...Alert) {
	t.Helper()
	if err := r.Put(alerts...); err != nil {
		t.Error(err)
	}
}

// epoch of the alerts' times; the bubble's clock begins in 2000.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func firing(job string) Alert {
	return Alert{Labels: map[string]string{"alertname": "Down", "job": job}, StartsAt: epoch}
}

func resolved(job string) Alert { return over(firing(job)) }

// firingNow begins to fire now, as far as receivers are told.
func firingNow(job string) Alert {
	a := firing(job)
	a.StartsAt = time.Now()
	return a
}

func over(a Alert) Alert {
	a.EndsAt = time.Now()
	return a
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestLife(t *testing.T) {
	bubble(t, "paged once, repeated, resolved", func(t *testing.T) {
		p := newPager(t, "pager")
		d := run(t, &disk{}, Config{}, p)
		for range 599 { // Nearly ten hours of evaluations.
			d.put(t, firing("a"))
			time.Sleep(time.Minute)
		}
		time.Sleep(30 * time.Second)
		d.put(t, resolved("a"))
		time.Sleep(time.Hour)
		p.want("0s firing (first notification) a!", "4h5m0s firing (repeat interval elapsed) a!",
			"8h10m0s firing (repeat interval elapsed) a!", "10h0m0s resolved (all alerts resolved) a-")
		if len(slices.Compact(slices.Sorted(slices.Values(p.ids)))) != 4 {
			t.Errorf("ids are not distinct: %v", p.ids)
		}
	})
	bubble(t, "changes wait for the group interval", func(t *testing.T) {
		p := newPager(t, "pager")
		d := run(t, &disk{}, Config{}, p)
		d.put(t, firing("a"), firing("b"))
		time.Sleep(time.Minute)
		d.put(t, firing("c"), resolved("a"))
		time.Sleep(10 * time.Minute)
		d.put(t, resolved("b"), resolved("c"))
		time.Sleep(10 * time.Minute)
		p.want("0s firing (first notification) a! b!", "5m0s firing (new alerts added) a- b! c!",
			"15m0s resolved (all alerts resolved) b- c-")
	})
	bubble(t, "firing again is a new group", func(t *testing.T) {
		p := newPager(t, "pager")
		d := run(t, &disk{}, Config{Default: Default{GroupWait: 30 * time.Second}}, p)
		a := firingNow("a")
		d.put(t, a)
		time.Sleep(time.Minute)
		d.put(t, over(a))
		time.Sleep(9 * time.Minute)
		d.put(t, firingNow("a"))
		time.Sleep(10 * time.Minute)
		p.want("30s firing (first notification) a!", "5m30s resolved (all alerts resolved) a-", "10m30s firing (first notification) a!")
	})
	bubble(t, "fired and resolved unnoticed, and back before the turn", func(t *testing.T) {
		p := newPager(t, "pager")
		d := run(t, &disk{}, Config{Default: Default{GroupWait: 2 * time.Minute}}, p)
		a := firingNow("a")
		d.put(t, a)
		time.Sleep(time.Minute)
		d.put(t, over(a))
		time.Sleep(10 * time.Minute)
		p.want()
		a = firingNow("a")
		d.put(t, a)
		time.Sleep(3 * time.Minute)
		d.put(t, over(a))
		time.Sleep(time.Minute)
		d.put(t, firingNow("a"))
		time.Sleep(time.Hour)
		p.want("13m0s firing (first notification) a!")
	})
	bubble(t, "a thousand alerts put together are told together", func(t *testing.T) {
		p := newPager(t, "pager")
		d := run(t, &disk{}, Config{}, p)
		var all []Alert
		for i := range 1000 {
			all = append(all, firing(fmt.Sprint(i)))
		}
		d.put(t, all...)
		time.Sleep(time.Hour)
		if got := p.pages(); len(got) != 1 || strings.Count(got[0], "!") != 1000 {
			t.Errorf("%d notifications, the first with %d alerts", len(got), strings.Count(got[0], "!"))
		}
	})
}

func TestFailingReceivers(t *testing.T) {
	status := func(codes ...int) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, n int) {
			if n <= len(codes) {
				w.Header().Set("Retry-After", map[int]string{429: "20"}[codes[n-1]])
				w.WriteHeader(codes[n-1])
			}
		}
	}
	bubble(t, "500 is retried with one id", func(t *testing.T) {
		p := newPager(t, "pager")
		seen := map[string]int{}
		p.answer = func(w http.ResponseWriter, r *http.Request, n int) {
			seen[r.Header.Get("Idempotency-Key")]++
			status(500, 503, 502)(w, r, n)
		}
		d := run(t, &disk{}, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		if len(p.pages()) != 1 || len(seen) != 1 || seen[p.ids[0]] != 4 {
			t.Errorf("pages %v, attempts %v", p.pages(), seen)
		}
	})
	bubble(t, "429 waits as long as it is asked to", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = status(429)
		d := run(t, &disk{}, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		p.want("20s firing (first notification) a!")
	})
	bubble(t, "400 and redirects are not retried but told again", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Location", "http://elsewhere/"+secret+"%zz")
			status(400, 307)(w, r, n)
		}
		store := &disk{}
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(4 * time.Minute)
		if p.attempts() != 1 || store.all()[0].Intent.ID != "" {
			t.Errorf("%d attempts, log %v", p.attempts(), store.all())
		}
		time.Sleep(16 * time.Minute)
		p.want("10m0s firing (first notification) a!")
	})
	bubble(t, "an answer that is not HTTP and echoes the secret", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
			if n == 1 {
				w.Header().Set("X-Echo", secret+"\x7f")
				w.WriteHeader(500)
			}
		}
		d := run(t, &disk{}, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		if len(p.pages()) != 1 || !strings.Contains(d.logs.String(), "malformed MIME header") {
			t.Errorf("pages %v, log:\n%s", p.pages(), d.logs)
		}
	})
	bubble(t, "one hangs, the other is paged", func(t *testing.T) {
		hanging, healthy := newPager(t, "hanging"), newPager(t, "healthy")
		hanging.answer = func(w http.ResponseWriter, r *http.Request, n int) {
			if time.Since(hanging.began) < time.Hour {
				<-r.Context().Done()
				w.WriteHeader(500)
			}
		}
		var reg *prometheus.Registry
		d := run(t, &disk{}, Config{Registry: func(r *prometheus.Registry) { reg = r }}, hanging, healthy)
		d.put(t, firing("a"))
		time.Sleep(29 * time.Minute)
		d.put(t, firing("b"))
		time.Sleep(10 * time.Minute)
		d.put(t, resolved("a"), resolved("b"))
		time.Sleep(time.Hour)
		healthy.want("0s firing (first notification) a!", "30m0s firing (new alerts added) a! b!", "40m0s resolved (all alerts resolved) a- b-")
		// It may have read before it hung that they fire, so it hears the end.
		if got := hanging.pages(); len(got) != 1 || !strings.HasSuffix(got[0], "resolved (all alerts resolved) a- b-") {
			t.Errorf("the receiver that hung: %v", got)
		}
		families, err := reg.Gather()
		if err != nil || strings.Contains(fmt.Sprint(families), secret) {
			t.Errorf("metrics: %v %v", err, families)
		}
	})
	bubble(t, "what could not be delivered is delivered later, up to date", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
			if time.Since(p.began) < time.Hour {
				w.WriteHeader(500)
			}
		}
		d := run(t, &disk{}, Config{}, p)
		d.put(t, firing("a"), firing("b"))
		time.Sleep(30 * time.Minute)
		d.put(t, resolved("a"))
		time.Sleep(2 * time.Hour)
		if got := p.pages(); len(got) != 1 || !strings.HasSuffix(got[0], "firing (first notification) a- b!") {
			t.Error(got)
		}
	})
	bubble(t, "what was refused while it fired need not be resolved", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
			if time.Since(p.began) < time.Hour {
				w.WriteHeader(429)
			}
		}
		store := &disk{}
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(30 * time.Minute)
		d.put(t, resolved("a"))
		time.Sleep(2 * time.Hour)
		p.want()
		if e := store.all()[0]; e.Intent.ID != "" {
			t.Errorf("log %+v", e)
		}
	})
	bubble(t, "a receiver that is not there", func(t *testing.T) {
		p := newPager(t, "nowhere")
		d := run(t, &disk{}, Config{Transport: network(nil)}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Hour)
		if !strings.Contains(d.logs.String(), "no such host") {
			t.Errorf("the log does not say what is wrong:\n%s", d.logs)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, bad := range []string{"", "pager/" + secret, "ftp://pager/" + secret, "http://%zz" + secret, "http:///" + secret, "http://pager/{{" + secret} {
		for _, cfg := range []Config{{Default: Default{Webhooks: []string{bad}}}, {Remotes: []string{bad}}} {
			if _, err := New(cfg); err == nil && !strings.Contains(bad, "{{") || err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	twice := []string{"http://pager/a", "http://pager/b", "http://pager/a"}
	if _, err := New(Config{Default: Default{Webhooks: twice}}); err == nil {
		t.Error("one receiver twice is taken")
	}
}

func TestFull(t *testing.T) {
	bubble(t, "full", func(t *testing.T) {
		p := newPager(t, "pager")
		d := run(t, &disk{}, Config{MaxAlerts: 2}, p)
		d.put(t, firing("a"))
		if err := d.Put(firing("a"), firing("b"), firing("c")); !errors.Is(err, ErrFull) {
			t.Errorf("third alert: %v", err)
		}
		d.put(t, resolved("a"))
		time.Sleep(31 * time.Minute)
		d.put(t, firing("c"))
		time.Sleep(10 * time.Minute)
		got := p.pages()
		if len(got) == 0 || !strings.Contains(got[len(got)-1], "c!") {
			t.Errorf("the refused alert is not taken once there is room: %v", got)
		}
	})
}

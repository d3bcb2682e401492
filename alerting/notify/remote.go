package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/webhook"
)

const (
	// resendEvery is how often a firing alert is repeated, as Prometheus does.
	resendEvery = time.Minute
	// remoteLife is how long another Alertmanager believes an alert that is not
	// repeated: a process that ends does not leave alerts behind.
	remoteLife = 4 * resendEvery
	// remoteBatch is the number of alerts in one request.
	remoteBatch = 256
)

// remote is an Alertmanager elsewhere. It gets what Prometheus sends: every
// change at once, what fires again each minute. It holds the present state of
// the alerts, not a queue of events, so a long outage loses nothing.
type remote struct {
	target    string
	host      string
	transport http.RoundTripper
	redact    *strings.Replacer
	cfg       *Config
	log       *slog.Logger
	metrics   *metrics
	woken     chan struct{}

	mu     sync.Mutex
	alerts map[uint64]*remoteAlert
}

type remoteAlert struct {
	Alert
	due time.Time
}

func newRemote(raw string, cfg *Config, m *metrics) (*remote, error) {
	base, err := webhook.ParseURL(raw)
	if err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	return &remote{
		target: strings.TrimSuffix(base.String(), "/") + "/api/v2/alerts", host: base.Host,
		transport: transport, redact: webhook.Redactor(raw), cfg: cfg, metrics: m,
		log: cfg.Logger.With("alertmanager", base.Host), woken: make(chan struct{}, 1), alerts: map[uint64]*remoteAlert{},
	}, nil
}

// put takes the present state of alerts.
func (r *remote) put(alerts []Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range alerts {
		next := &remoteAlert{Alert: alerts[i]}
		fp := next.Fingerprint()
		before := r.alerts[fp]
		switch {
		case before == nil && (next.Resolved() || len(r.alerts) >= r.cfg.MaxAlerts):
			continue
		case before != nil && before.EndsAt.Equal(next.EndsAt) && before.StartsAt.Equal(next.StartsAt):
			next.due = before.due // it goes out at its turn, annotations up to date
		}
		r.alerts[fp] = next
	}
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// run sends until the context ends.
func (r *remote) run(ctx context.Context) {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		err := r.send(ctx)
		if err == nil {
			pause = 0
			r.rest(ctx)
			continue
		}
		pause = min(max(2*pause, time.Second), time.Minute)
		r.metrics.lost.WithLabelValues(r.host).Inc()
		r.log.Error("alerts are not delivered to the other Alertmanager", "again_in", pause, "err", err)
		sleep(ctx, pause)
	}
}

// rest waits for a change or for the next alert that is due.
func (r *remote) rest(ctx context.Context) {
	timer := time.NewTimer(time.Until(r.nextDue()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-r.woken:
	case <-timer.C:
	}
}

func (r *remote) nextDue() time.Time {
	next := time.Now().Add(resendEvery)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.alerts {
		if a.due.Before(next) {
			next = a.due
		}
	}
	return next
}

// send delivers all alerts that are due.
func (r *remote) send(ctx context.Context) error {
	for {
		now := time.Now()
		batch := r.dueAt(now)
		if len(batch) == 0 {
			return nil
		}
		if err := r.post(ctx, batch, now); err != nil {
			return err
		}
		r.metrics.remote.WithLabelValues(r.host).Add(float64(len(batch)))
		r.accepted(batch, now)
	}
}

func (r *remote) dueAt(now time.Time) []*remoteAlert {
	r.mu.Lock()
	defer r.mu.Unlock()
	var batch []*remoteAlert
	for _, a := range r.alerts {
		if len(batch) < remoteBatch && !a.due.After(now) {
			batch = append(batch, a)
		}
	}
	return batch
}

// accepted notes what has arrived, unless it has changed meanwhile.
func (r *remote) accepted(batch []*remoteAlert, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range batch {
		fp := a.Fingerprint()
		switch {
		case r.alerts[fp] != a:
		case a.Resolved():
			delete(r.alerts, fp)
		default:
			a.due = now.Add(resendEvery)
		}
	}
}

// post sends one request of Alertmanager's API v2.
func (r *remote) post(ctx context.Context, batch []*remoteAlert, now time.Time) error {
	type wire struct {
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations,omitempty"`
		StartsAt     time.Time         `json:"startsAt"`
		EndsAt       time.Time         `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL,omitempty"`
	}
	out := make([]wire, len(batch))
	for i, a := range batch {
		out[i] = wire{a.Labels, a.Annotations, a.StartsAt, a.EndsAt, a.GeneratorURL}
		if !a.Resolved() {
			out[i].EndsAt = now.Add(remoteLife)
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	ctx, cancel := outlive(ctx, r.cfg.AttemptTimeout, r.cfg.StopTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.target, bytes.NewReader(body))
	if err != nil {
		return errors.New("its URL is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Trefoil")
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return errors.New(r.redact.Replace(err.Error()))
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s: %s", webhook.StatusText(resp.StatusCode), r.redact.Replace(string(said)))
	}
	return nil
}

package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

const (
	// collectEvery is how often resolved alerts are forgotten, as in
	// Alertmanager. Groups hold them on their own until receivers know.
	collectEvery = 30 * time.Minute
	// tidyEvery is how often the notification log is looked through.
	tidyEvery = 30 * time.Second
)

// ErrFull says that as many alerts are held as may be.
var ErrFull = errors.New("notify: too many alerts are held")

// Alertmanager is Prometheus's, in this process. Restore comes first if at
// all, then Put what was restored, then Run; Put, Reload and the handler work
// from any goroutine.
type Alertmanager struct {
	cfg         Config
	log         *slog.Logger
	externalURL *url.URL
	metrics     *metrics

	alerts      *mem.Alerts
	capacity    *capacity
	silences    *silence.Silences
	silencer    *silence.Silencer
	book        *silenceBook
	notified    *log
	groupMarker marker.GroupMarker
	remotes     []*remote

	api               *api.API
	handler           http.Handler
	pipelineMetrics   *amnotify.Metrics
	dispatcherMetrics *dispatch.DispatcherMetrics

	// drain counts the notifications under way.
	drain drain
	// reloading is held, as a token, while the pieces below are exchanged.
	reloading chan struct{}
	running   bool
	loaded    configuration // what is in force
	routes    atomic.Pointer[dispatch.Route]
	dispatch  atomic.Pointer[dispatch.Dispatcher]
	inhibit   atomic.Pointer[inhibit.Inhibitor]

	// mu makes a Put whole, and guards batches.
	mu      sync.Mutex
	batches map[string]*batch
}

// New reads the configuration; an error holds no secret. It reaches nobody.
func New(cfg Config) (*Alertmanager, error) {
	cfg.setDefaults()
	conf, err := cfg.load()
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	return newAlertmanager(cfg, conf)
}

// Successor makes one that knows nothing, with the configuration that is in
// force here, whatever the file has come to. This one is of no use after Run.
func (a *Alertmanager) Successor() (*Alertmanager, error) {
	a.reloading <- struct{}{}
	defer func() { <-a.reloading }()
	return newAlertmanager(a.cfg, a.loaded)
}

func newAlertmanager(cfg Config, conf configuration) (*Alertmanager, error) {
	external, err := url.Parse(cfg.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("notify: external URL: %w", err)
	}
	a := &Alertmanager{
		cfg: cfg, log: cfg.Logger, externalURL: external, groupMarker: marker.NewGroupMarker(),
		reloading: make(chan struct{}, 1), batches: map[string]*batch{},
	}
	a.loaded = conf
	registry := prometheus.NewRegistry()
	if a.metrics, err = newMetrics(registry); err != nil {
		return nil, fmt.Errorf("notify: metrics: %w", err)
	}
	for i, raw := range cfg.Remotes {
		r, err := newRemote(raw, &a.cfg, a.metrics)
		if err != nil {
			return nil, fmt.Errorf("notify: alertmanager %d: %w", i+1, err)
		}
		a.remotes = append(a.remotes, r)
	}
	if err := a.build(registry); err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	if err := a.apply(conf.Config); err != nil {
		a.alerts.Close()
		return nil, fmt.Errorf("notify: %w", err)
	}
	cfg.Registry(registry)
	return a, nil
}

// build makes what lives until the end of Run.
func (a *Alertmanager) build(reg *prometheus.Registry) error {
	flags := featurecontrol.NoopFlags{}
	notified, err := nflog.New(nflog.Options{Retention: retention, Logger: a.log, Metrics: reg})
	if err != nil {
		return err
	}
	a.notified = &log{
		inner: notified, record: a.cfg.Record, timeout: a.cfg.RecordTimeout, logger: a.log, metrics: a.metrics,
		entries: map[Key]*line{},
	}
	a.silences, err = silence.New(silence.Options{Retention: retention, Logger: a.log, Metrics: reg})
	if err != nil {
		return err
	}
	a.book = &silenceBook{
		record: a.cfg.RecordSilence, timeout: a.cfg.RecordTimeout, log: a.log,
		turn: make(chan struct{}, 1), pending: map[string]Silence{},
	}
	a.silencer = silence.NewSilencer(a.silences, a.log, eventrecorder.Recorder{})
	a.capacity = &capacity{Silencer: a.silencer, max: int64(a.cfg.MaxAlerts)}
	a.alerts, err = mem.NewAlerts(context.Background(), collectEvery, 0, a.capacity, a.log, eventrecorder.Recorder{}, reg, flags)
	if err != nil {
		return err
	}
	a.pipelineMetrics = amnotify.NewMetrics(reg, flags)
	a.dispatcherMetrics = dispatch.NewDispatcherMetrics(false, reg, flags)
	return a.mount(reg)
}

// apply exchanges the routes, receivers and inhibitions. A configuration that
// cannot be carried out leaves the old ones at work. The caller holds
// reloading, or is New.
func (a *Alertmanager) apply(conf *amconfig.Config) error {
	tmpl, err := template.FromGlobs(conf.Templates)
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	tmpl.ExternalURL = a.externalURL
	routes := dispatch.NewRoute(conf.Route, nil)
	used := map[string]bool{}
	routes.Walk(func(r *dispatch.Route) { used[r.RouteOpts.Receiver] = true })
	receivers := map[string][]amnotify.Integration{}
	for _, rcv := range conf.Receivers {
		if !used[rcv.Name] {
			continue
		}
		if receivers[rcv.Name], err = a.integrations(rcv, tmpl); err != nil {
			return fmt.Errorf("receiver %q: %w", rcv.Name, err)
		}
	}
	times := map[string][]timeinterval.TimeInterval{}
	for _, t := range conf.MuteTimeIntervals {
		times[t.Name] = t.TimeIntervals
	}
	for _, t := range conf.TimeIntervals {
		times[t.Name] = t.TimeIntervals
	}

	owed := a.owed()
	a.halt()
	if err := a.alerts.Put(context.Background(), owed...); err != nil {
		a.log.Error("ended alerts are not carried over to the new configuration", "err", err)
	}
	inhibitor := inhibit.NewInhibitor(a.alerts, conf.InhibitRules, a.log, eventrecorder.Recorder{})
	pipeline := a.pipeline(receivers, inhibitor, timeinterval.NewIntervener(times))
	dispatcher := dispatch.NewDispatcher(a.alerts, routes, pipeline, a.groupMarker, nil, tidyEvery, nil, a.log,
		eventrecorder.Recorder{}, a.dispatcherMetrics, tmpl)
	a.api.Update(conf, func(ctx context.Context, labels model.LabelSet) {
		inhibitor.Mutes(ctx, labels)
		a.silencer.Mutes(ctx, labels)
	})
	a.routes.Store(routes)
	a.inhibit.Store(inhibitor)
	a.dispatch.Store(dispatcher)
	if a.running {
		a.begin()
	}
	return nil
}

// owed are ended alerts that only the groups of the present dispatcher still
// know: their receivers may not have heard yet.
func (a *Alertmanager) owed() []*amalert.Alert {
	if !a.running {
		return nil
	}
	groups, _, err := a.dispatch.Load().Groups(context.Background(), func(*dispatch.Route) bool { return true },
		func(alert *amalert.Alert, now time.Time) bool { return alert.ResolvedAt(now) })
	if err != nil {
		a.log.Error("groups cannot be read", "err", err)
	}
	var out []*amalert.Alert
	for _, g := range groups {
		for _, alert := range g.Alerts {
			if _, err := a.alerts.Get(alert.Fingerprint()); err != nil {
				out = append(out, alert)
			}
		}
	}
	return out
}

// begin sets the present inhibitor and dispatcher to work: first what inhibits
// is known, then all alerts there are, and only then is anybody told.
func (a *Alertmanager) begin() {
	inhibitor, dispatcher := a.inhibit.Load(), a.dispatch.Load()
	go inhibitor.Run()
	inhibitor.WaitForLoading()
	go dispatcher.Run(time.Now())
	dispatcher.WaitForLoading()
}

// halt stops them, and waits for the notifications under way: what they come
// to must be known before the next dispatcher decides.
func (a *Alertmanager) halt() {
	if !a.running {
		return
	}
	a.dispatch.Load().Stop()
	a.inhibit.Load().Stop()
	a.drain.wait()
}

// Reload reads the configuration again. A mistake leaves the old one at work;
// so does one that has not changed, since exchanging it disturbs the timers.
func (a *Alertmanager) Reload() error {
	conf, err := a.cfg.load()
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	a.reloading <- struct{}{}
	defer func() { <-a.reloading }()
	if conf.text == a.loaded.text {
		return nil
	}
	if err := a.apply(conf.Config); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	a.loaded = conf
	return nil
}

// Restore puts the notification log and the silences of an earlier process
// back. Call it before Run.
func (a *Alertmanager) Restore(entries []Entry, silences []Silence) {
	a.notified.restore(entries)
	for _, s := range silences {
		if err := a.silences.Merge(s.Data); err != nil {
			a.log.Error("a stored silence cannot be read", "id", s.ID, "err", err)
		}
	}
	a.silences.SetBroadcast(a.book.note)
}

// Put tells the present state of alerts. Putting the same state again does
// nothing. A resolved alert nobody can have heard of is ignored. With ErrFull
// some of the alerts were not taken: put them again later.
func (a *Alertmanager) Put(alerts ...Alert) error {
	for _, r := range a.remotes {
		r.put(alerts)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	var changed, fresh []*amalert.Alert
	for i := range alerts {
		next := alerts[i].forAlertmanager(now)
		before, err := a.alerts.Get(next.Fingerprint())
		switch {
		case err == nil && sameState(before, next):
			continue
		case err != nil && next.Resolved() && a.running:
			continue
		case !next.Resolved():
			fresh = append(fresh, next)
		}
		changed = append(changed, next)
	}
	if len(changed) == 0 {
		return nil
	}
	a.remember(a.routes.Load(), fresh)
	refused := a.capacity.refused.Load()
	if err := a.alerts.Put(context.Background(), changed...); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	a.metrics.alerts.Set(float64(a.capacity.held.Load()))
	if n := a.capacity.refused.Load() - refused; n > 0 {
		a.metrics.refused.Add(float64(n))
		return fmt.Errorf("%w: %d, and %d more were put", ErrFull, a.capacity.held.Load(), n)
	}
	return nil
}

// Run delivers until the context ends. Then attempts under way get
// StopTimeout, and what was not delivered stays in the log as an intent.
func (a *Alertmanager) Run(ctx context.Context) {
	var others sync.WaitGroup
	for _, r := range a.remotes {
		others.Go(func() { r.run(ctx) })
	}
	a.reloading <- struct{}{}
	a.mu.Lock()
	a.running = true
	a.mu.Unlock()
	a.begin()
	<-a.reloading

	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			a.tidy(ctx)
		}
	}
	a.reloading <- struct{}{}
	a.halt()
	a.mu.Lock()
	a.running = false
	a.mu.Unlock()
	<-a.reloading
	a.alerts.Close()
	a.tidy(ctx)
	others.Wait()
}

func (a *Alertmanager) tidy(ctx context.Context) {
	a.notified.tidy(ctx)
	if _, err := a.silences.GC(); err != nil {
		a.log.Error("silences cannot be tidied", "err", err)
	}
	if err := a.book.flush(ctx); err != nil {
		a.log.Error("silences are in force but not stored", "err", err)
	}
}

// capacity bounds the alerts that are held.
type capacity struct {
	*silence.Silencer
	max           int64
	held, refused atomic.Int64
}

// PreStore is asked before an alert is taken.
func (c *capacity) PreStore(alert *amalert.Alert, existing bool) error {
	if !existing && c.held.Load() >= c.max {
		c.refused.Add(1)
		return ErrFull
	}
	return c.Silencer.PreStore(alert, existing)
}

// PostStore is told after one was taken.
func (c *capacity) PostStore(alert *amalert.Alert, existing bool) {
	if !existing {
		c.held.Add(1)
	}
	c.Silencer.PostStore(alert, existing)
}

// PostDelete is told after one was forgotten.
func (c *capacity) PostDelete(alert *amalert.Alert) {
	c.held.Add(-1)
	c.Silencer.PostDelete(alert)
}

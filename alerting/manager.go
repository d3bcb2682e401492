package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/trefoil-o11y/trefoil/alerting/election"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"golang.org/x/time/rate"
)

const (
	// heartbeat is how often the groups' last evaluations are stored.
	heartbeat = 30 * time.Second
	// refresh is how often active state is stored although it has not
	// changed, so that it does not expire.
	refresh = 12 * time.Hour
)

// Manager evaluates rule groups and tells receivers. Make it with New, then
// Run it; the handlers and Reload work at any time.
type Manager struct {
	cfg         Config
	log         *slog.Logger
	externalURL *url.URL
	metrics     *metrics
	journal     *journal
	// alertmanager is a new one in each term; amMetrics shows its metrics.
	alertmanager atomic.Pointer[notify.Alertmanager]
	amMetrics    latest
	standby      atomic.Bool
	term         atomic.Pointer[election.Term] // nil without an election and before the first
	forward      *forwarder
	slots        chan struct{} // one for each evaluation under way
	outage       *outage
	rounds       rounds
	gathering    *rate.Limiter // of evidence

	reloading sync.Mutex

	mu     sync.RWMutex
	groups []*group // by file and name
	// ctx is that of the present term, once the state is restored; nil before
	// and after.
	ctx context.Context
}

// New reads the rule files; mistakes in them are a rulefile.Problems. It
// reaches neither the store nor a receiver.
func New(cfg Config) (*Manager, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	external, err := parseExternalURL(cfg.ExternalURL)
	if err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, log: cfg.Logger, externalURL: external, slots: make(chan struct{}, cfg.Concurrency), outage: &outage{},
		gathering: rate.NewLimiter(rate.Every(gatheredEvery), gatheredAtOnce)}
	if m.metrics, err = newMetrics(cfg.Registerer, m.countAlerts); err != nil {
		return nil, err
	}
	m.journal = &journal{store: cfg.Store, tenant: cfg.Tenant, timeout: cfg.StoreTimeout, log: m.log, metrics: m.metrics}
	m.forward = newForwarder(m)
	m.standby.Store(cfg.Election != nil)
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(&m.amMetrics); err != nil {
			return nil, fmt.Errorf("alerting: metrics: %w", err)
		}
	}
	am, err := m.newAlertmanager()
	if err != nil {
		return nil, fmt.Errorf("alerting: %w", err)
	}
	m.alertmanager.Store(am)
	if err := m.reloadRules(context.Background()); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Manager) newAlertmanager() (*notify.Alertmanager, error) {
	cfg := notify.Config{
		File: m.cfg.AlertmanagerConfig,
		Default: notify.Default{
			Webhooks: m.cfg.WebhookURLs, Emails: m.cfg.Emails, Smarthost: m.cfg.Smarthost, From: m.cfg.EmailFrom,
			GroupWait: m.cfg.GroupWait, GroupInterval: m.cfg.GroupInterval, RepeatInterval: m.cfg.RepeatInterval,
		},
		Remotes:       m.cfg.AlertmanagerURLs,
		Transport:     m.cfg.Transport,
		Scope:         string(m.cfg.Tenant),
		ExternalURL:   m.cfg.ExternalURL,
		RecordTimeout: m.cfg.StoreTimeout,
		Logger:        m.log,
		Registry:      m.amMetrics.at.Store,
		Confirm:       m.confirm,
		Cluster:       m.cfg.Cluster,
	}
	if m.cfg.Store != nil {
		cfg.Record, cfg.RecordSilence = m.recordNotification, m.recordSilence
	}
	return notify.New(cfg)
}

// keepAlive stores what must not grow old, until the context ends.
func (m *Manager) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	refreshed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !m.certain() {
			continue
		}
		m.journal.flush(ctx)
		m.beat(ctx)
		if time.Since(refreshed) >= refresh {
			m.storeActive(ctx)
			refreshed = time.Now()
		}
	}
}

// reloadRules reads the rule files. A mistake leaves the old rules at work and
// is returned as rulefile.Problems. Groups that did not change are not
// disturbed; rules that are gone are resolved.
func (m *Manager) reloadRules(ctx context.Context) error {
	m.reloading.Lock()
	defer m.reloading.Unlock()
	files, err := m.load()
	if err != nil {
		m.metrics.reloadOK.Set(0)
		return err
	}
	m.mu.RLock()
	old, running := m.groups, m.ctx
	m.mu.RUnlock()

	groups, leaving := m.arrange(files, old)
	for _, g := range leaving {
		g.stop()
	}
	inherited := inherit(groups, leaving)
	m.mu.Lock()
	m.groups = groups
	m.mu.Unlock()
	for _, g := range leaving {
		if !slices.ContainsFunc(groups, func(n *group) bool { return n.key() == g.key() }) {
			m.metrics.forget(g.key())
		}
		for _, r := range g.rules {
			if !inherited[r.id] {
				r.retire(ctx, time.Now())
			}
		}
	}
	for _, g := range groups {
		m.metrics.describe(g)
		if running != nil && g.cancel == nil {
			g.start(running)
		}
	}
	m.metrics.reloadOK.Set(1)
	m.metrics.reloadTime.SetToCurrentTime()
	return nil
}

// load reads the files and refuses what cannot be carried out here.
func (m *Manager) load() ([]*rulefile.File, error) {
	files, err := rulefile.Load(m.cfg.RuleFiles, rulefile.Options{Languages: m.cfg.Languages})
	if err != nil {
		return nil, err
	}
	var problems rulefile.Problems
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Record != "" && m.cfg.Record == nil {
					problems = append(problems, rulefile.Problem{
						File: f.Path, Line: r.Line, Column: 1, Group: g.Name, Rule: r.Record,
						Message: "recording rules cannot be used: this server has nowhere to write their series",
					})
				}
			}
		}
	}
	return files, problems.Err()
}

// arrange makes the groups of the files, keeping those that are unchanged, and
// answers the old ones that leave.
func (m *Manager) arrange(files []*rulefile.File, old []*group) (groups, leaving []*group) {
	leaving = slices.Clone(old)
	counts := map[string]int{}
	for _, f := range files {
		for _, def := range f.Groups {
			fresh := m.newGroup(f.Path, def)
			for i := range def.Rules {
				key := ruleKey(def.Name, &def.Rules[i])
				counts[key]++
				id := stableID(fmt.Sprintf("%s #%d", key, counts[key]))
				fresh.rules = append(fresh.rules, newRule(id, fresh, def.Language, &def.Rules[i]))
			}
			i := slices.IndexFunc(leaving, func(g *group) bool { return g.same(f.Path, def) && sameIDs(g, fresh) })
			if i >= 0 {
				fresh = leaving[i]
				leaving = slices.Delete(leaving, i, i+1)
			}
			groups = append(groups, fresh)
		}
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		return strings.Compare(a.def.Name, b.def.Name)
	})
	return groups, leaving
}

func sameIDs(a, b *group) bool {
	return slices.EqualFunc(a.rules, b.rules, func(x, y *liveRule) bool { return x.id == y.id })
}

// inherit gives rules the state of their predecessors in groups that leave,
// and answers the rules that have a successor.
func inherit(groups, leaving []*group) map[uint64]bool {
	before := map[uint64]*liveRule{}
	for _, g := range leaving {
		for _, r := range g.rules {
			before[r.id] = r
		}
	}
	inherited := map[uint64]bool{}
	for _, g := range groups {
		for _, r := range g.rules {
			if b := before[r.id]; b != nil {
				r.ruleState = b.ruleState
				inherited[r.id] = true
			}
		}
	}
	return inherited
}

// rules answers all rules there are.
func (m *Manager) rules() []*liveRule {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []*liveRule
	for _, g := range m.groups {
		out = append(out, g.rules...)
	}
	return out
}

func (m *Manager) notifier() *notify.Alertmanager { return m.alertmanager.Load() }

// put puts alerts before the receivers.
func (m *Manager) put(alerts []notify.Alert) {
	if err := m.notifier().Put(alerts...); err != nil {
		m.log.Error("alerts are not taken for notification; they are put again at the next evaluation", "err", err)
	}
}

func (m *Manager) countAlerts(ch chan<- prometheus.Metric) {
	counts := map[rule.State]int{}
	flaps := map[string]int{}
	for _, r := range m.rules() {
		r.mu.Lock()
		for _, in := range r.set.Instances() {
			counts[in.State]++
		}
		r.mu.Unlock()
		if r.alert != nil {
			flaps[r.group.key()] += r.changedInLastHour()
		}
	}
	for key, n := range flaps {
		ch <- prometheus.MustNewConstMetric(flappingDesc(), prometheus.GaugeValue, float64(n), key)
	}
	for _, state := range []rule.State{rule.Pending, rule.Firing} {
		ch <- prometheus.MustNewConstMetric(alertsDesc(), prometheus.GaugeValue, float64(counts[state]), state.String())
	}
}

// queryURL is where the answer to a rule's expression can be read.
func (m *Manager) queryURL(language rulefile.Language, expr string) string {
	path := "/prometheus/api/v1/query"
	if language != rulefile.PromQL {
		path = "/" + string(language) + "/api/v1/query"
	}
	return strings.TrimSuffix(m.cfg.ExternalURL, "/") + path + "?query=" + url.QueryEscape(expr)
}

// Ready answers nil once the state is restored and groups are evaluated, here
// or by another instance.
func (m *Manager) Ready() error {
	if m.standby.Load() && m.cfg.Election.Seen().Holder != "" {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.ctx == nil {
		return errors.New("alerting: the state is not restored yet")
	}
	return nil
}

package alerting

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/trefoil-o11y/trefoil/alerting/election"
	"github.com/trefoil-o11y/trefoil/alerting/evidence"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Config of a Manager.
type Config struct {
	// RuleFiles are file names and patterns.
	RuleFiles []string
	// Languages are the values a group's `type` may have. Default: all.
	Languages rulefile.Languages
	// Tenant owns the rules, the data they read and their alerts. Default:
	// tenant.Default.
	Tenant tenant.ID

	// Instant evaluates an expression at a time; a scalar comes as a vector of
	// one element without labels. The vector is the caller's. Required.
	Instant func(ctx context.Context, t tenant.ID, language, expr string, at time.Time) (promql.Vector, annotations.Annotations, error)
	// SQL is Instant for groups of type sql. Nil: they are refused.
	SQL func(ctx context.Context, t tenant.ID, statement string, at time.Time) (promql.Vector, error)
	// Ahead reads at once what the expressions of many rules will. Under the
	// contexts that the answer makes, Instant takes it from there;
	// query.Service.Ahead. Nil: each rule reads for itself.
	Ahead func(ctx context.Context, t tenant.ID, queries []language.Query) (with func(context.Context) context.Context)
	// Record writes the samples of recording rules, and the ALERTS and
	// ALERTS_FOR_STATE series of alerting rules. A vanished series ends with
	// Prometheus's stale marker. Nil: files with recording rules are refused.
	Record func(ctx context.Context, t tenant.ID, samples promql.Vector) error
	// Store keeps state and notification log. Nil keeps them in memory only,
	// so that a restart forgets them.
	Store *alertstore.Store

	// Cluster is whom the Alertmanager gossips with; nil is nobody.
	Cluster *notify.Cluster
	// Election says when this process is in charge, among several over one
	// store. Nil: there is no other, and it always is.
	Election *election.Election

	// AlertmanagerConfig is the name of an alertmanager.yml that says who is
	// told of what. Without one WebhookURLs and Emails are told of everything.
	AlertmanagerConfig string
	// WebhookURLs are receivers. They are secrets.
	WebhookURLs []string
	// Emails are receivers' addresses; Smarthost and EmailFrom are
	// notify.Default's.
	Emails               []string
	Smarthost, EmailFrom string
	// AlertmanagerURLs are Alertmanagers elsewhere that get all alerts. They
	// are secrets.
	AlertmanagerURLs []string
	// Transport carries the webhooks' requests; nil is a transport of its own.
	Transport http.RoundTripper
	// ExternalURL is where people reach this server; it goes into links.
	ExternalURL string
	// ExternalLabels are put on what receivers are told, unless the alert has
	// them, and are the templates' $externalLabels.
	ExternalLabels map[string]string

	// Settled answers a time before which everything that was taken in can be
	// read. Evaluations wait for it, so that what is still on its way to the
	// store makes neither gaps nor false alarms. Nil: nothing is waited for.
	Settled func() time.Time
	// SettleTimeout bounds that wait. It is never more than half the group's
	// interval. Default 10s.
	SettleTimeout time.Duration
	// Unavailable says whether an error of Instant means that the store cannot
	// be asked at all. That is then one alert of its own, TrefoilStoreUnavailable,
	// whatever the rules' policies are. Nil: no error does.
	Unavailable func(error) bool
	// Evidence answers annotations about an alert that begins to fire, within
	// a bounded time; evidence.Collector.Collect. Nil: there is none.
	Evidence func(context.Context, evidence.Alert) map[string]string
	// OutageFor is how long that lasts before it alerts. Default 1m.
	OutageFor time.Duration
	// WatchInterval is how often files are looked at for changes. Default 10s.
	WatchInterval time.Duration

	// EvaluationInterval is that of groups that set none. Default 1m.
	EvaluationInterval time.Duration
	// EvaluationTimeout bounds one rule's queries. Default 2m.
	EvaluationTimeout time.Duration
	// QueryOffset is that of groups that set none.
	QueryOffset time.Duration
	// Concurrency is the number of rules evaluated at once. Default 4.
	Concurrency int

	// GroupWait, GroupInterval and RepeatInterval are notify.Default's.
	GroupWait, GroupInterval, RepeatInterval time.Duration
	// RestoreGrace is how long after a start an alert that fired before is
	// kept although its rule does not see it: senders come back one by one.
	// Default 5m.
	RestoreGrace time.Duration
	// PendingForget is the longest gap a pending alert survives. Default 1h.
	PendingForget time.Duration
	// StoreTimeout bounds one access to the store. Default 5s.
	StoreTimeout time.Duration

	// Logger defaults to slog.Default().
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (c *Config) setDefaults() error {
	if c.Instant == nil {
		return fmt.Errorf("alerting: Config.Instant is not set")
	}
	if c.Election != nil && c.Store == nil {
		return fmt.Errorf("alerting: an election needs Config.Store")
	}
	if c.Tenant == "" {
		c.Tenant = tenant.Default
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.EvaluationInterval, time.Minute},
		{&c.EvaluationTimeout, 2 * time.Minute},
		{&c.RestoreGrace, 5 * time.Minute},
		{&c.PendingForget, time.Hour},
		{&c.StoreTimeout, 5 * time.Second},
		{&c.SettleTimeout, 10 * time.Second},
		{&c.OutageFor, time.Minute},
		{&c.WatchInterval, 10 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 4
	}
	if c.Unavailable == nil {
		c.Unavailable = func(error) bool { return false }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
}

// parseExternalURL accepts nothing at all, too.
func parseExternalURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || text != "" && u.Host == "" {
		return nil, fmt.Errorf("alerting: external URL %q is not an absolute URL", text)
	}
	return u, nil
}

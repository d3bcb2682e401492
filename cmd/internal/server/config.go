package server

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/election"
	"github.com/trefoil-o11y/trefoil/cmd/internal/backend"
	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/selftel"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// config is what the flags of serve say.
type config struct {
	backend.Flags
	httpAddr, grpcAddr, otlpAddr string
	roles                        []string
	tls                          edge.TLS

	migrate       bool
	retentionDays int
	walMaxBytes   int64

	rules     []string
	webhooks  []string
	emails    []string
	smarthost string
	emailFrom string

	alertmanagerConfig string
	alertmanagers      []string

	gossipListen, gossipAdvertise string
	gossipPeers                   []string

	advertiseURL string
	takeover     time.Duration

	externalURL                   string
	grafanaURL, grafanaDatasource string

	groupWait, groupInterval, repeatInterval time.Duration

	tenantLimits quota.Limits
	limitsFile   string
	limitsOf     map[tenant.ID]quota.Limits // of single tenants, from limitsFile

	maxRequest   int64
	maxInflight  int64
	queryTimeout time.Duration
	queryRows    int64
	querySamples int64
	queryCache   int64
	sampleCache  int64
	lookback     time.Duration
	featureNames []string
	features     promexpr.Features // of these names

	log    selftel.LogConfig
	traces selftel.TraceConfig

	flags   map[string]string // all of them as set, secrets hidden
	started time.Time
}

// The parts of the program that --roles can choose.
const (
	roleIngest = "ingest"
	roleQuery  = "query"
	roleAlert  = "alert"
)

func (c *config) has(role string) bool { return slices.Contains(c.roles, role) }

func (c *config) declare(set *flagset.Set) {
	set.File()
	set.Section("Where it listens")
	set.String(&c.httpAddr, "http-addr", "127.0.0.1:8733", "`address` of the HTTP API: queries, health, own metrics")
	set.String(&c.grpcAddr, "otlp-grpc-addr", "127.0.0.1:4317", "`address` of OTLP over gRPC")
	set.String(&c.otlpAddr, "otlp-http-addr", "127.0.0.1:4318", "`address` of OTLP over HTTP")
	set.String(&c.tls.CertFile, "tls-cert", "", "PEM `file` with the certificate for all three; empty: no TLS")
	set.String(&c.tls.KeyFile, "tls-key", "", "PEM `file` with the certificate's key")
	set.String(&c.tls.ClientCAFile, "tls-client-ca", "", "PEM `file`; when set, clients must show a certificate it signed")
	set.Section("What it runs")
	set.Strings(&c.roles, "roles", []string{roleIngest, roleQuery, roleAlert}, "`parts` to run: ingest, query, alert (alert needs query in the same process)")
	set.Section("Storage")
	c.Flags.Declare(set)
	set.Bool(&c.migrate, "migrate", true, "bring the tables up to date at the start; false where the server's user may not create tables: then they must be as this version wants them, for which there is 'trefoil migrate apply'")
	set.Bytes(&c.walMaxBytes, "wal-max-bytes", 4<<30, "`size` of the write-ahead log, which holds what ClickHouse has not taken yet; beyond it clients are told to come back")
	set.Int(&c.retentionDays, "retention-days", 30, "`days` that telemetry is kept")
	set.Section("Alerting")
	set.Strings(&c.rules, "rules", nil, "`pattern` of Prometheus rule files; may be repeated")
	set.Strings(&c.webhooks, "alert-webhook", nil, "`URL` that gets alerts as Alertmanager's webhook JSON; may be repeated")
	set.Secret("alert-webhook")
	set.Strings(&c.emails, "alert-email", nil, "`address` that gets alerts by e-mail; may be repeated")
	set.String(&c.smarthost, "alert-smarthost", "127.0.0.1:25", "`host:port` of the mail server for --alert-email; one that wants a password is configured in --alertmanager-config")
	set.String(&c.emailFrom, "alert-email-from", "", "`address` that e-mails come from; empty: trefoil@ and this host's name")
	set.String(&c.alertmanagerConfig, "alertmanager-config", "", "`file` alertmanager.yml, which says who is told of what; instead of the flags that begin with --alert-")
	set.Strings(&c.alertmanagers, "alertmanager-url", nil, "`URL` of an Alertmanager that gets all alerts, as Prometheus sends them; may be repeated")
	set.Secret("alertmanager-url")
	set.Duration(&c.groupWait, "alert-group-wait", 0, "`time` the first message about a group of alerts waits for more of them")
	set.Duration(&c.groupInterval, "alert-group-interval", 5*time.Minute, "`time` until the next message about a group that changed, resolved alerts included")
	set.Duration(&c.repeatInterval, "alert-repeat-interval", 4*time.Hour, "`time` until a message is repeated while nothing changed")
	set.String(&c.gossipListen, "alertmanager-cluster-listen", "", "`address` for gossip with other Alertmanagers that get the same alerts, such as 127.0.0.1:9094; it is neither encrypted nor authenticated; empty: none")
	set.String(&c.gossipAdvertise, "alertmanager-cluster-advertise", "", "`address` that they are told; empty: the one above")
	set.Strings(&c.gossipPeers, "alertmanager-cluster-peer", nil, "`address` of another one's gossip; may be repeated")
	set.String(&c.advertiseURL, "advertise-url", "", "`URL` under which other instances over the same ClickHouse reach this one's HTTP API; empty: http://<http-addr>")
	set.Duration(&c.takeover, "alert-takeover", election.DefaultLife, "`time` after which another instance over the same ClickHouse evaluates the rules when the one that does gives no sign of life; the same for all of them")
	set.String(&c.externalURL, "external-url", "", "`URL` under which people reach the HTTP API, for links in alerts; empty: http://<http-addr>")
	set.String(&c.grafanaURL, "grafana-url", "", "`URL` of Grafana, for links in alerts; empty: no links there")
	set.String(&c.grafanaDatasource, "grafana-datasource", "trefoil-prometheus", "`uid` of the Prometheus data source that these links open")
	set.Section("Limits")
	set.Bytes(&c.maxRequest, "max-request-bytes", 16<<20, "`size` of one OTLP request as it arrives")
	set.Bytes(&c.maxInflight, "max-inflight-bytes", 192<<20, "`size` of all OTLP requests being worked on; beyond it clients are told to come back")
	set.Duration(&c.queryTimeout, "query-timeout", time.Minute, "`time` a query may take")
	set.Int64(&c.queryRows, "query-max-rows", 0, "`rows` a query may read; 0: no limit")
	set.Int64(&c.querySamples, "query-max-samples", 50_000_000, "`samples` a metric query may hold in memory")
	set.Duration(&c.lookback, "lookback-delta", 5*time.Minute, "`time` that PromQL looks back for the last sample of a series")
	set.Strings(&c.featureNames, "enable-feature", nil, "`name` of a part of PromQL that is off unless asked for, as Prometheus's flag calls it: promql-experimental-functions, promql-binop-fill-modifiers, promql-unquoted-utf8-names, promql-delayed-name-removal or use-start-timestamps; may be repeated")
	set.Bytes(&c.queryCache, "query-cache-bytes", 64<<20, "`size` of the answers of PromQL range queries that are kept in memory, so that asking again evaluates only what is new; 0: none")
	set.Bytes(&c.sampleCache, "sample-cache-bytes", 128<<20, "`size` of the packed samples that are kept in memory once read, some 50 million samples in 64 MiB; they are read again when the parts of their day have changed; 0: none")
	set.Section("What each tenant may send")
	declareTenant(set, &c.tenantLimits)
	set.String(&c.limitsFile, "limits", "", "YAML `file` with other values for single tenants: names of tenants, and below each the flags of this section that differ")
	set.Section("Its own telemetry")
	set.String(&c.log.Level, "log-level", "info", "`level`: debug, info, warn or error")
	set.String(&c.log.Format, "log-format", "text", "`format`: text or json")
	set.String(&c.traces.Endpoint, "self-traces-endpoint", "", "send own traces to this OTLP gRPC `address`; empty: none")
	set.Float(&c.traces.Ratio, "self-traces-ratio", 0.01, "`share` of own traces that is sent, 0 to 1")
}

func (c *config) check() error {
	known := []string{roleIngest, roleQuery, roleAlert}
	for _, r := range c.roles {
		if !slices.Contains(known, r) {
			return fmt.Errorf("flag --roles: %q is not one of %s", r, strings.Join(known, ", "))
		}
	}
	if len(c.roles) == 0 {
		return fmt.Errorf("flag --roles: nothing to run")
	}
	if c.has(roleAlert) && !c.has(roleQuery) {
		return fmt.Errorf("flag --roles: alert evaluates through query, so query must be there too")
	}
	if c.retentionDays < 1 || c.retentionDays > 3650 {
		return fmt.Errorf("flag --retention-days: %d is not between 1 and 3650", c.retentionDays)
	}
	if len(c.gossipPeers) > 0 && c.gossipListen == "" {
		return fmt.Errorf("flag --alertmanager-cluster-peer: needs --alertmanager-cluster-listen")
	}
	var err error
	if c.features, err = promexpr.ParseFeatures(c.featureNames); err != nil {
		return fmt.Errorf("flag --enable-feature: %w", err)
	}
	if c.lookback < time.Millisecond {
		return fmt.Errorf("flag --lookback-delta: %s is shorter than a millisecond", c.lookback)
	}
	if c.takeover < time.Second {
		return fmt.Errorf("flag --alert-takeover: %v is less than a second", c.takeover)
	}
	if c.alertmanagerConfig != "" && len(c.webhooks)+len(c.emails) > 0 {
		return fmt.Errorf("flag --alertmanager-config: receivers are in the file then; --alert-webhook and --alert-email would not be told")
	}
	return c.Flags.Check()
}

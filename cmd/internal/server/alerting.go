package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/trefoil-o11y/trefoil/alerting"
	"github.com/trefoil-o11y/trefoil/alerting/election"
	"github.com/trefoil-o11y/trefoil/alerting/evidence"
	"github.com/trefoil-o11y/trefoil/alerting/maintenance"
	"github.com/trefoil-o11y/trefoil/alerting/notify"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// addAlerting runs the rules. Its API stands among Prometheus's, so that
// Grafana finds it there.
func (s *server) addAlerting(mux *http.ServeMux, service *query.Service, pipeline *ingest.Pipeline) error {
	external := s.cfg.externalURL
	if external == "" {
		external = s.apiURL()
	}
	store := alertstore.New(s.backend.DB, uint16(s.cfg.retentionDays))
	elected, err := s.newElection(store)
	if err != nil {
		return err
	}
	var cluster *notify.Cluster
	if s.cfg.gossipListen != "" {
		if cluster, err = s.gossip(); err != nil {
			return err
		}
	}
	sql, err := s.sqlRules()
	if err != nil {
		return err
	}
	manager, err := alerting.New(alerting.Config{
		RuleFiles: s.cfg.rules,
		Languages: rulefile.AllLanguages(s.cfg.features),
		Instant:   service.Instant,
		SQL:       sql,
		Ahead:     service.Ahead,
		Record:    recorder(pipeline),
		Store:     store,
		Election:  elected,
		Cluster:   cluster,

		Unavailable: storeAway,
		Settled:     s.settled,
		Evidence: evidence.New(evidence.Config{
			Exemplars: service.Exemplars, Logs: logstore.New(s.backend.DB, resourcestore.New(s.backend.DB)),
			ExternalURL: external, GrafanaURL: s.cfg.grafanaURL, GrafanaDatasource: s.cfg.grafanaDatasource,
		}).Collect,

		AlertmanagerConfig: s.cfg.alertmanagerConfig,
		AlertmanagerURLs:   s.cfg.alertmanagers,
		WebhookURLs:        s.cfg.webhooks,
		Emails:             s.cfg.emails,
		Smarthost:          s.cfg.smarthost,
		EmailFrom:          s.cfg.emailFrom,

		ExternalURL: external,
		Logger:      s.log,
		Registerer:  s.registry,

		GroupWait:      s.cfg.groupWait,
		GroupInterval:  s.cfg.groupInterval,
		RepeatInterval: s.cfg.repeatInterval,
	})
	if err != nil {
		return err
	}
	mux.Handle("/prometheus/api/v1/rules", manager.RulesHandler())
	mux.Handle("/prometheus/api/v1/alerts", manager.AlertsHandler())
	mux.Handle("/-/reload", manager.ReloadHandler())
	mux.Handle("/prometheus/-/reload", manager.ReloadHandler())
	mux.Handle(notify.Prefix+"/", manager.AlertmanagerHandler())
	mux.Handle(maintenance.Path, manager.MaintenanceHandler(nativejson.WriteError))
	mux.Handle(maintenance.Path+"/", manager.MaintenanceHandler(nativejson.WriteError))
	s.health.Add("alerting", manager.Ready)
	s.addActor(manager.Run)
	s.addActor(func(ctx context.Context) error { return reloadOnHangup(ctx, manager, s.log) })
	return nil
}

// instanceFile holds this instance's name among others over one ClickHouse. It
// is the data directory's, which one process at a time has.
const instanceFile = "instance"

// newElection is nil with the embedded ClickHouse, which nobody else has.
func (s *server) newElection(store *alertstore.Store) (*election.Election, error) {
	if s.backend.Engine != nil {
		return nil, nil
	}
	path := filepath.Join(s.cfg.DataDir, instanceFile)
	name, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		name = []byte(strings.ToLower(rand.Text()))
		err = os.WriteFile(path, name, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	address := s.cfg.advertiseURL
	if address == "" {
		address = s.apiURL()
	}
	return election.New(election.Config{
		Store: store, Tenant: tenant.Default, Instance: string(name), Process: strings.ToLower(rand.Text()), URL: address,
		Life: s.cfg.takeover, Logger: s.log,
	}), nil
}

// gossip joins other Alertmanagers, and leaves them at the end.
func (s *server) gossip() (*notify.Cluster, error) {
	c, err := notify.Join(notify.ClusterConfig{
		Listen: s.cfg.gossipListen, Advertise: s.cfg.gossipAdvertise, Peers: s.cfg.gossipPeers, Logger: s.log, Registerer: s.registry,
	})
	if err != nil {
		return nil, err
	}
	if !edge.Loopback(c.Address()) {
		s.log.Warn("gossip beyond this machine is neither encrypted nor authenticated", "address", c.Address())
	}
	s.addActor(func(ctx context.Context) error {
		<-ctx.Done()
		return c.Leave(2 * time.Second)
	})
	return c, nil
}

// storeAway says whether a query failed because the store cannot be asked.
func storeAway(err error) bool {
	failure, ok := errors.AsType[*fault.Error](err)
	return ok && failure.Code == fault.Unavailable
}

// settled is a time before which all that was taken in can be read. What other
// processes have taken in and not stored yet is not known here.
func (s *server) settled() time.Time {
	now := time.Now()
	if oldest := s.spool.log.Stats().Oldest; !oldest.IsZero() {
		return oldest
	}
	return now
}

// reloadOnHangup reads the rule files again on SIGHUP. Files with a mistake
// leave the rules as they are.
func reloadOnHangup(ctx context.Context, manager *alerting.Manager, log *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		}
		if err := manager.Reload(ctx); err != nil {
			log.Error("rules not reloaded, the old ones stay", "error", err)
			continue
		}
		log.Info("rules reloaded")
	}
}

// recorder writes what rules record through the same pipeline that everything
// else comes in by: one ack, one place that validates.
func recorder(p *ingest.Pipeline) func(context.Context, tenant.ID, promql.Vector) error {
	return func(ctx context.Context, t tenant.ID, samples promql.Vector) error {
		for _, sample := range samples {
			if sample.H != nil {
				return fmt.Errorf("record: %s is a native histogram, which OTLP cannot carry with its fractional counts; record a function of it, such as histogram_quantile", sample.Metric)
			}
		}
		built, err := otlpdata.Metrics(p, t, recorded(samples))
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		result, err := built.Store(ctx)
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		if result.Rejected > 0 {
			return fmt.Errorf("record: %s", result.Message())
		}
		return nil
	}
}

// recorded makes gauges of samples, one metric a sample. The series ends with
// Prometheus's stale marker, which OTLP calls a point without a recorded value.
func recorded(samples promql.Vector) pmetric.Metrics {
	out := pmetric.NewMetrics()
	metrics := out.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, sample := range samples {
		m := metrics.AppendEmpty()
		m.SetName(sample.Metric.Get(model.MetricNameLabel))
		point := m.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetTimestamp(pcommon.Timestamp(sample.T * 1e6))
		if value.IsStaleNaN(sample.F) {
			point.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		} else {
			point.SetDoubleValue(sample.F)
		}
		sample.Metric.Range(func(l labels.Label) {
			if l.Name != model.MetricNameLabel {
				point.Attributes().PutStr(l.Name, l.Value)
			}
		})
	}
	return out
}

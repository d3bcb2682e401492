package server

import (
	"context"
	"net/http"
	"strconv"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// addQuery mounts the query side.
func (s *server) addQuery(ctx context.Context, mux *http.ServeMux) (*query.Service, error) {
	db := s.backend.DB
	engineVersion, err := db.Version(ctx)
	if err != nil {
		return nil, err
	}
	resources := resourcestore.New(db)
	metrics := metricstore.New(db, resources)
	metrics.Remember(s.cfg.sampleCache)
	service := query.New(query.Config{
		Logs:      logstore.New(db, resources),
		Traces:    tracestore.New(db, resources),
		Metrics:   metrics,
		Resources: resources,
		Alerts:    alertstore.New(db, uint16(s.cfg.retentionDays)),
		Limits:    query.Limits{Timeout: s.cfg.queryTimeout, MaxSamples: int(s.cfg.querySamples)}, Lookback: s.cfg.lookback, Features: s.cfg.features,
		CacheBytes: s.cfg.queryCache,
		Version:    s.build.Version,
		Program: query.Program{
			Revision: s.build.Commit, BuildDate: s.build.Time, Started: s.cfg.started,
			Retention: strconv.Itoa(s.cfg.retentionDays) + "d", Flags: s.cfg.flags,
		},
		Ready: func() query.Readiness {
			r := s.health.Readiness()
			out := query.Readiness{Ready: r.Ready, State: "ready", EngineVersion: engineVersion}
			for _, c := range r.Components {
				if !c.Ready {
					out.State, out.Error = "not ready", c.Name+": "+c.Reason
				}
			}
			return out
		},
		Registerer: s.registry, Tracer: s.tracing.Tracer("query"), Logger: s.log,
	})
	mux.Handle("/", service.Handler())
	return service, nil
}

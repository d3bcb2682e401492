package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/cluster"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
)

// Prefix is where Handler is mounted.
const Prefix = "/alertmanager"

// apiTimeout bounds one request.
const apiTimeout = 30 * time.Second

// Handler answers Alertmanager's API v2 under Prefix.
func (a *Alertmanager) Handler() http.Handler { return a.handler }

func (a *Alertmanager) mount(reg prometheus.Registerer) error {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "alertmanager_http_request_duration_seconds",
		Help:    "Histogram of latencies for HTTP requests.",
		Buckets: prometheus.DefBuckets,
	}, []string{"handler", "method", "code"})
	if err := reg.Register(duration); err != nil {
		return err
	}
	var err error
	var peer cluster.ClusterPeer // a nil pointer in it would not be nil
	if a.cfg.Cluster != nil {
		peer = a.cfg.Cluster.peer
	}
	a.api, err = api.New(api.Options{
		Peer: peer, Alerts: a.alerts, Silences: a.silences, GroupMutedFunc: a.groupMarker.Muted,
		Timeout: apiTimeout, Logger: a.log, Registry: reg, RequestDuration: duration, GroupFunc: a.groups,
	})
	if err != nil {
		return err
	}
	router := route.New()
	for _, path := range []string{"/-/healthy", "/-/ready"} {
		router.Get(Prefix+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) })
	}
	a.handler = strict(a.durably(a.api.Register(router, Prefix)))
	return nil
}

func (a *Alertmanager) groups(ctx context.Context, routes func(*dispatch.Route) bool, alerts func(*amalert.Alert, time.Time) bool) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
	return a.dispatch.Load().Groups(ctx, routes, alerts)
}

// durably acknowledges a change of silences only when it is stored. A request
// that comes before the silences of the last process are back is refused.
func (a *Alertmanager) durably(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		running := a.running
		a.mu.Unlock()
		if !running {
			refuse(w, http.StatusServiceUnavailable, notRestored)
			return
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		answer := &held{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if answer.status/100 == 2 {
			if err := a.book.flush(r.Context()); err != nil {
				a.log.Error("silences are in force but not stored", "err", err)
				refuse(w, http.StatusServiceUnavailable, "the change is in force but could not be stored, so a restart now would undo it; it is stored as soon as the store is back")
				return
			}
		}
		maps.Copy(w.Header(), answer.header)
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes())
	})
}

// refuse answers instead of Alertmanager, in its shape.
func refuse(w http.ResponseWriter, status int, message string) {
	text, _ := json.Marshal(message)
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// held is an answer that is not given yet.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

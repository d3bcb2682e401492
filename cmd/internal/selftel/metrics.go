package selftel

import (
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Build is what this binary was built from.
type Build struct {
	Version, Commit, GoVersion string
	Time                       string // of the commit, RFC 3339
}

// NewRegistry returns a registry with the process, the Go runtime and the
// build in it.
func NewRegistry(b Build) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "trefoil_build_info",
		Help:        "What this binary was built from; the value is always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "goversion": b.GoVersion},
	})
	info.Set(1)
	// How long goroutines wait for a thread and how long all stand still: what an ack waits for beside the disk.
	waits := collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/sched/(latencies|pauses/total/gc):seconds$")}
	registry.MustRegister(info, collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(waits)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Handler serves /metrics. A collector that fails is logged and left out, the
// rest is served.
func Handler(registry *prometheus.Registry, logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		ErrorHandling:     promhttp.ContinueOnError,
		Registry:          registry,
		EnableOpenMetrics: true,
		Timeout:           10 * time.Second,
	})
}

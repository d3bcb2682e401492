package chaos

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// How an exporter tries again; patience is more than a restart takes.
const (
	retryFirst = 50 * time.Millisecond
	retryLast  = 500 * time.Millisecond
	patience   = 40 * time.Second
)

// loadConfig is how much is sent.
type loadConfig struct {
	workers int           // exporters per signal and door
	batch   int           // records of an export
	pause   time.Duration // of a worker between exports
	filler  int           // bytes in each record that hardly compress
	series  uint64        // records of metrics share so many IDs; 0: each has its own
}

// load is the exporters at work.
type load struct {
	ledger  *ledger
	answers *answers
	hurry   atomic.Bool // no pauses: many requests are under way
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// startLoad begins to send to s.
func startLoad(t *testing.T, s *server, cfg loadConfig) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{ledger: &ledger{}, answers: newAnswers(), stop: cancel}
	for sig := range signals {
		for d := range doors {
			if !d.takes(sig) {
				continue
			}
			for range cfg.workers {
				size := cfg.filler
				if cfg.series > 0 && (sig == gauges || sig == histograms) {
					size = 0 // it is a label, and would make a series of each record
				}
				send, err := newExporter(sig, d, s, l.answers, size)
				if err != nil {
					t.Fatal(err)
				}
				l.workers.Go(func() { l.work(ctx, sig, d, send, cfg) })
			}
		}
	}
	t.Cleanup(cancel)
	return l
}

// end stops sending and waits until every export has ended.
func (l *load) end() {
	l.stop()
	l.workers.Wait()
}

// work sends until ctx ends. One export in twenty gives up at once, so that
// there are records of which nobody knows whether they are stored.
func (l *load) work(ctx context.Context, s signal, d door, send export, cfg loadConfig) {
	for ctx.Err() == nil {
		ids := l.ledger.take(s, d, cfg.batch)
		limit := patience + 5*time.Second
		hasty := rand.IntN(20) == 0
		if hasty {
			limit = time.Duration(rand.Int64N(int64(10 * time.Millisecond)))
		}
		// Not ctx: an export that has begun may end.
		exporting, attempts := countAttempts(context.Background())
		exporting, cancel := context.WithTimeout(exporting, limit)
		err := send(exporting, cfg.sent(s, ids))
		cancel()
		if err != nil && !hasty {
			l.ledger.failed.Add(1)
		}
		l.ledger.settle(s, d, ids, err == nil, attempts.Load() > 1)
		if l.hurry.Load() {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(cfg.pause):
		}
	}
}

// sent are the IDs that records carry.
func (c *loadConfig) sent(s signal, ids []uint64) []uint64 {
	if c.series == 0 || s != gauges && s != histograms {
		return ids
	}
	few := make([]uint64, len(ids))
	for i, id := range ids {
		few[i] = id % c.series
	}
	return few
}

// newExporter is an exporter of the SDK, or a sender of remote write, with a
// connection of its own.
func newExporter(s signal, d door, to *server, a *answers, size int) (export, error) {
	ctx := context.Background()
	dial := []grpc.DialOption{
		grpc.WithUnaryInterceptor(a.unary),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: retryLast}, MinConnectTimeout: time.Second}),
	}
	client := &http.Client{Transport: &watched{door: d, next: &http.Transport{}, answers: a}, Timeout: patience}
	if d == overJSON {
		if s == logs {
			return jsonLogs(&writer{client: client, url: "http://" + to.otlp + "/v1/logs", patient: true}, size), nil
		}
		return jsonGauges(&writer{client: client, url: "http://" + to.otlp + "/v1/metrics", patient: true}, size), nil
	}
	switch s {
	case logs:
		if d == overPush {
			return pushExport(&writer{client: client, url: "http://" + to.api + "/loki/api/v1/push", patient: true}, size), nil
		}
		if d == overGRPC {
			to, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(to.grpc), otlploggrpc.WithInsecure(), otlploggrpc.WithDialOption(dial...), otlploggrpc.WithTimeout(patience),
				otlploggrpc.WithRetry(otlploggrpc.RetryConfig{Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLast, MaxElapsedTime: patience}))
			return logExport(to, size), err
		}
		to, err := otlploghttp.New(ctx, otlploghttp.WithEndpoint(to.otlp), otlploghttp.WithInsecure(), otlploghttp.WithHTTPClient(client), otlploghttp.WithTimeout(patience),
			otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLast, MaxElapsedTime: patience}))
		return logExport(to, size), err
	case spans:
		if d == overGRPC {
			to, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(to.grpc), otlptracegrpc.WithInsecure(), otlptracegrpc.WithDialOption(dial...), otlptracegrpc.WithTimeout(patience),
				otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLast, MaxElapsedTime: patience}))
			return spanExport(to, size), err
		}
		to, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(to.otlp), otlptracehttp.WithInsecure(), otlptracehttp.WithHTTPClient(client), otlptracehttp.WithTimeout(patience),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLast, MaxElapsedTime: patience}))
		return spanExport(to, size), err
	}
	points := gaugeExport
	if s == histograms {
		points = histogramExport
	}
	switch d {
	case overWrite:
		to := &writer{client: client, url: "http://" + to.api + "/prometheus/api/v1/write"}
		if s == histograms {
			return histogramWrite(to, size), nil
		}
		return gaugeWrite(to, size), nil
	case overGRPC:
		to, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(to.grpc), otlpmetricgrpc.WithInsecure(), otlpmetricgrpc.WithDialOption(dial...), otlpmetricgrpc.WithTimeout(patience),
			otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLast, MaxElapsedTime: patience}))
		return points(to, size), err
	}
	metricTo, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(to.otlp), otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithHTTPClient(client), otlpmetrichttp.WithTimeout(patience),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: true, InitialInterval: retryFirst, MaxInterval: retryLast, MaxElapsedTime: patience}))
	return points(metricTo, size), err
}

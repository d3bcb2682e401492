//go:build conformance

package promwrite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// target is a program that Prometheus scrapes: every scrape changes it.
func target(t *testing.T) *httptest.Server {
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shop_requests_total", Help: "Requests served."}, []string{"code"})
	heap := prometheus.NewGauge(prometheus.GaugeOpts{Name: "shop_heap_bytes", Help: "Bytes in use."})
	classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "shop_latency_seconds", Help: "Latency.", Buckets: []float64{.1, 1}})
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "shop_size_bytes", Help: "Sizes.", NativeHistogramBucketFactor: 1.1})
	registry.MustRegister(requests, heap, classic, native)
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := float64(n.Add(1))
		requests.WithLabelValues("200").Add(v)
		requests.WithLabelValues("500").Inc()
		heap.Set(math.Sqrt(v))
		classic.(prometheus.ExemplarObserver).ObserveWithExemplar(v/10, prometheus.Labels{"trace_id": fmt.Sprintf("%032x", n.Load())})
		native.Observe(v * v)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// flaky passes requests on, but for a time answers as an overloaded door does.
// Once in a while it loses an answer on the way back.
func flaky(t *testing.T, to string, down *atomic.Bool) *httptest.Server {
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(at)
	proxy.ModifyResponse = func(r *http.Response) error {
		if n.Add(1)%4 == 0 {
			r.StatusCode = http.StatusBadGateway // stored, but the sender does not hear of it
		}
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// startPrometheus runs the distribution's program until the test ends.
func startPrometheus(t *testing.T, scrape, write string) (api string) {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("no prometheus in PATH: apt-get install --no-install-recommends prometheus")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf(`
global: {scrape_interval: 500ms, scrape_timeout: 400ms}
scrape_configs:
- job_name: shop
  static_configs: [{targets: [%q]}]
remote_write:
- url: %s
  send_exemplars: true
  send_native_histograms: true
  metadata_config: {send: true, send_interval: 1s}
  queue_config: {min_backoff: 50ms, max_backoff: 500ms, batch_send_deadline: 300ms}
`, scrape, write)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--enable-feature=native-histograms,exemplar-storage", "--log.level=warn")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	return "http://" + addr
}

// points are values by series and time: samples, and the counts and sums of
// histograms.
type points map[string]float64

func key(name string, labels map[string]string, ms int64) string {
	delete(labels, "__name__")
	return fmt.Sprintf("%s %v %d", name, labels, ms) // maps print sorted
}

// scraped asks Prometheus for everything it has.
func scraped(t *testing.T, api string) points {
	t.Helper()
	resp, err := http.Get(api + "/api/v1/query?query=" + url.QueryEscape(`{__name__!=""}[10m]`))
	if err != nil {
		return nil // not listening yet
	}
	defer resp.Body.Close()
	var body struct {
		Data struct {
			Result []struct {
				Metric     map[string]string
				Values     [][2]any
				Histograms [][2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return nil // not ready yet
	}
	all := points{}
	number := func(v any) (f float64) {
		if _, err := fmt.Sscan(v.(string), &f); err != nil {
			t.Fatal(v, err)
		}
		return f
	}
	for _, s := range body.Data.Result {
		name := s.Metric["__name__"]
		for _, v := range s.Values {
			all[key(name, s.Metric, int64(math.Round(v[0].(float64)*1000)))] = number(v[1])
		}
		for _, v := range s.Histograms {
			h, ms := v[1].(map[string]any), int64(math.Round(v[0].(float64)*1000))
			all[key(name+" count", s.Metric, ms)], all[key(name+" sum", s.Metric, ms)] = number(h["count"]), number(h["sum"])
		}
	}
	return all
}

// stored reads everything we have and counts stale markers. A point that is
// there twice fails the test.
func (s *stack) stored(t *testing.T) (all points, stales int) {
	t.Helper()
	all = points{}
	put := func(name string, labels map[string]string, ms int64, v float64) {
		k := key(name, labels, ms)
		if _, twice := all[k]; twice {
			t.Errorf("%s is stored twice", k)
		}
		all[k] = v
	}
	read := func(sql string, each func(rows driver.Rows) error) {
		t.Helper()
		if _, err := s.DB.Select(t.Context(), conn.Query{SQL: sql}, each); err != nil {
			t.Fatal(err)
		}
	}
	const ofSeries = " JOIN (SELECT DISTINCT fingerprint, metric_name, labels FROM series) AS s USING fingerprint"
	read("SELECT s.metric_name, s.labels, ts, value FROM samples"+ofSeries, func(rows driver.Rows) error {
		var name string
		var labels map[string]string
		var ts []int64
		var values []float64
		err := rows.Scan(&name, &labels, &ts, &values)
		for i := range ts {
			if math.Float64bits(values[i]) == staleNaN {
				stales++
			} else {
				put(name, labels, ts[i], values[i])
			}
		}
		return err
	})
	read("SELECT s.metric_name, s.labels, toUnixTimestamp64Milli(time), point_count, point_sum FROM histograms"+ofSeries+" WHERE bitAnd(flags, 127) = 1", func(rows driver.Rows) error {
		var name string
		var labels map[string]string
		var ms int64
		var count uint64
		var sum float64
		err := rows.Scan(&name, &labels, &ms, &count, &sum)
		put(name+" count", labels, ms, float64(count))
		put(name+" sum", labels, ms, sum)
		return err
	})
	return all, stales
}

// TestPrometheusWritesToUs runs Prometheus on a target, away and back, and holds
// what we stored to what it has itself: every point, once.
func TestPrometheusWritesToUs(t *testing.T) {
	s := newStack(t)
	var down atomic.Bool
	shop := target(t)
	api := startPrometheus(t, shop.Listener.Addr().String(), flaky(t, s.url, &down).URL)
	time.Sleep(5 * time.Second)
	down.Store(true)
	time.Sleep(3 * time.Second)
	down.Store(false)
	time.Sleep(2 * time.Second)
	shop.Close() // its series go stale
	time.Sleep(2 * time.Second)

	var missing, want int
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Second) {
		has := scraped(t, api)
		s.lines(t, "SELECT ''")
		got, stales := s.stored(t)
		missing, want = 0, len(has)
		for k, v := range has {
			if w, ok := got[k]; !ok || w != v {
				missing++
				if time.Now().After(deadline) {
					t.Errorf("%s: %v, want %v", k, w, v)
				}
			}
		}
		if missing == 0 && stales > 0 && want > 100 {
			t.Logf("%d points of Prometheus are stored, each once; %d stale markers", want, stales)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d points are missing, %d stale markers", missing, want, stales)
		}
	}
	about := s.lines(t, `SELECT DISTINCT concat(metric_name, ' ', argMax(toString(type), type != 'unknown'), ' ', max(description)) FROM series
		WHERE metric_name IN ('shop_requests_total', 'shop_heap_bytes', 'shop_latency_seconds_bucket', 'shop_size_bytes') GROUP BY metric_name, labels ORDER BY metric_name`)
	wantAbout := "shop_heap_bytes gauge Bytes in use.\nshop_latency_seconds_bucket sum Latency.\nshop_requests_total sum Requests served.\nshop_size_bytes exponential_histogram Sizes."
	if about != wantAbout {
		t.Errorf("series say\n%s\nwant\n%s", about, wantAbout)
	}
	if n := s.lines(t, "SELECT toString(uniq(trace_id)) FROM exemplars WHERE metric_name = 'shop_latency_seconds_bucket'"); n == "0" || n == "" {
		t.Errorf("%s exemplars", n)
	}
}

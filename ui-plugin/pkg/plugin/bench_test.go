package plugin_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

// What the plugin adds to an answer of 1,000 series of 1,000 points: "http" reads
// it and throws it away, "plugin" turns it into frames on Grafana's side of gRPC.
func BenchmarkMillionPoints(b *testing.B) {
	series := make([]apitest.Series, 1000)
	for i := range series {
		s := apitest.Series{Labels: map[string]string{"__name__": "m", "series": strconv.Itoa(i)}}
		for at := range 1000 {
			if i%250 == 0 { // where Trefoil begins a batch
				s.Times = append(s.Times, noon.UnixMilli()+int64(at)*15000)
			}
			s.Values = append(s.Values, float64(i*at))
		}
		series[i] = s
	}
	answer := apitest.Metrics(nil, series)
	mux := api()
	mux.Handle("POST /api/v1/query", apitest.Answer(apitest.ArrowType, answer))
	url := serve(b, mux)
	b.Run("http", func(b *testing.B) {
		b.SetBytes(int64(len(answer)))
		for b.Loop() {
			res, err := http.Post(url+"/api/v1/query", "application/json", nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				b.Fatal(err)
			}
			res.Body.Close()
		}
	})
	b.Run("plugin", func(b *testing.B) {
		h := start(b, config{url: url})
		b.SetBytes(int64(len(answer)))
		for b.Loop() {
			if r := h.query("metrics", map[string]any{"expr": "m"}, noon); r.Error != nil || len(r.Frames) != 1 || len(r.Frames[0].Fields) != 1001 {
				b.Fatal(len(r.Frames), r.Error)
			}
		}
	})
}

// What the plugin adds to Trefoil's own work for 1,000 series of 1,000 points: in
// CPU time, of trefoil with its engine and of the plugin's process, and in time
// until the answer is there, read by a plain client or as frames by Grafana. The
// plain client asks for what the plugin does, the same query in the same form, and
// for JSON, which is the form of those who do not say. Trefoil evaluates each, or
// remembers the answer. The relay does no more than to send the bytes on.
func BenchmarkMillionPointsOfTrefoil(b *testing.B) {
	for _, answers := range []struct{ name, cache string }{{"evaluated", "0"}, {"remembered", "64MiB"}} {
		p := startTrefoil(b, "--query-cache-bytes", answers.cache)
		end := time.Now().Truncate(time.Minute)
		for from := 0; from < 1000; from += 50 {
			check(b, remoteWrite(p.url, gauges(from, from+50, end)))
		}
		h := start(b, config{url: p.url})
		for _, q := range []struct{ name, expr string }{{"selector", "bench_gauge"}, {"rate", "sum by (series) (rate(bench_gauge[2m]))"}} {
			b.Run(answers.name+"/"+q.name, func(b *testing.B) { besideTrefoil(b, p, h, q.expr, end) })
		}
		p.stop()
	}
}

// gauges are series of 1,000 points, the last of them at end.
func gauges(from, to int, end time.Time) *prompb.WriteRequest {
	var w prompb.WriteRequest
	for i := from; i < to; i++ {
		s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "bench_gauge"}, {Name: "job", Value: "bench"}, {Name: "series", Value: strconv.Itoa(i)}}}
		for at := range 1000 {
			s.Samples = append(s.Samples, prompb.Sample{Timestamp: end.Add(time.Duration(at-999) * 15 * time.Second).UnixMilli(), Value: float64(i) + float64(at%97)/7})
		}
		w.Timeseries = append(w.Timeseries, s)
	}
	return &w
}

// besideTrefoil asks for an expression of 1,000 series in turns, directly and
// through the plugin, so that what else the machine does is the same for both.
func besideTrefoil(b *testing.B, p *trefoil, h *host, expr string, end time.Time) {
	from := end.Add(-999 * 15 * time.Second)
	through := func() int {
		q := dataQuery(b, "A", "metrics", map[string]any{"expr": expr, "step": "15s"}, end)
		q.TimeRange.FromEpochMS = from.UnixMilli()
		res, err := h.QueryRaw(deadline(b), nil, q)
		check(b, err)
		r := res.Responses["A"]
		if r.Error != "" || len(r.Frames) != 1 {
			b.Fatal(len(r.Frames), r.Error)
		}
		return len(r.Frames[0])
	}
	// In the form in which the plugin asks, and in that of a client without wishes.
	asked := fmt.Sprintf(`{"query":%q,"start":%q,"end":%q,"step":15`, expr, from.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
	inArrow := question{p.url, apitest.ArrowType, asked + `,"shared_times":true}`}
	inJSON := question{p.url, "application/json", asked + "}"}
	direct := func(q question) int {
		n, err := q.ask(io.Discard)
		check(b, err)
		return int(n)
	}
	relayPID, relayed := startRelay(b)
	warm := 0
	eventually(b, time.Minute, func() error {
		if n := through(); n < leastAnswer {
			return fmt.Errorf("%d bytes", n)
		}
		if warm++; warm < 5 {
			return errors.New("not warm")
		}
		return nil
	})
	var arrow, json, plugin, least cost
	for b.Loop() {
		arrow.add(b, p.cmd.Process.Pid, func() int { return direct(inArrow) })
		json.add(b, p.cmd.Process.Pid, func() int { return direct(inJSON) })
		plugin.add(b, h.PID(), through)
		least.add(b, relayPID, func() int { return relayed(inArrow) })
	}
	b.ReportMetric(arrow.ms(b, arrow.cpu), "api-cpu-ms/op")
	b.ReportMetric(json.ms(b, json.cpu), "api-json-cpu-ms/op")
	b.ReportMetric(plugin.ms(b, plugin.cpu), "plugin-cpu-ms/op")
	b.ReportMetric(least.ms(b, least.cpu), "relay-cpu-ms/op")
	b.ReportMetric(100*plugin.cpu.Seconds()/arrow.cpu.Seconds(), "cpu-overhead-%")
	b.ReportMetric(100*plugin.cpu.Seconds()/json.cpu.Seconds(), "json-cpu-overhead-%")
	b.ReportMetric(arrow.ms(b, arrow.time), "api-ms/op")
	b.ReportMetric(json.ms(b, json.time), "api-json-ms/op")
	b.ReportMetric(plugin.ms(b, plugin.time), "through-plugin-ms/op")
	b.ReportMetric(least.ms(b, least.time), "through-relay-ms/op")
	b.ReportMetric(100*(plugin.time-arrow.time).Seconds()/arrow.time.Seconds(), "time-overhead-%")
}

// leastAnswer is the bytes of a million values, or nearly.
const leastAnswer = 7_900_000

// cost is CPU time of a process, and time.
type cost struct{ cpu, time time.Duration }

func (c *cost) add(b *testing.B, pid int, ask func() int) {
	cpu, began := cpuOf(b, pid), time.Now()
	if n := ask(); n < leastAnswer {
		b.Fatalf("%d bytes", n)
	}
	c.time += time.Since(began)
	c.cpu += cpuOf(b, pid) - cpu
}

func (c *cost) ms(b *testing.B, d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }

// cpuOf is the CPU time of a process and of those it started.
func cpuOf(t testing.TB, pid int) time.Duration {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(t, err)
	total := time.Duration(0)
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, ok := strings.Cut(string(raw), ") ")
		f := strings.Fields(rest)
		if !ok || len(f) < 13 || (filepath.Base(filepath.Dir(path)) != strconv.Itoa(pid) && f[1] != strconv.Itoa(pid)) {
			continue
		}
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		total += time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
	}
	return total
}

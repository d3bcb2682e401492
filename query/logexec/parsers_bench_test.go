package logexec_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var lines = flag.Int("lines", 200_000, "lines of each kind that BenchmarkParsers stores")

// BenchmarkParsers is what a query behind a parser costs, in CPU milliseconds of this
// process and the engine, where the server takes lines apart and where they are
// streamed.
func BenchmarkParsers(b *testing.B) {
	db := storagetest.DB(b)
	pid := storagetest.Engine(b).PID()
	resources := resourcestore.New(db)
	e := logexec.New(logexec.Config{Logs: logstore.New(db, resources), Limits: logexec.Limits{Timeout: 5 * time.Minute}})
	random := rand.New(rand.NewPCG(5, 6))
	seq := logstore.NewSequence()
	for _, kind := range []struct {
		name    string
		line    func(*rand.Rand) string
		queries []string
	}{
		{"json", requestJSON, []string{
			`sum by (level) (count_over_time({}% | json [1m]))`,
			`sum by (level) (count_over_time({}% | json | status >= 500 [1m]))`,
			`sum by (http_route) (count_over_time({}% | json | http_status_code >= 500 [1m]))`,
			`quantile_over_time(0.99, {}% | json | unwrap took_ms [1m]) by (level)`,
			`count_over_time({}% | json | status >= 500 | user_id="u012345" [1m])`,
		}},
		{"logfmt", requestLogfmt, []string{
			`sum by (level) (count_over_time({}% | logfmt [1m]))`,
			`sum by (level) (count_over_time({}% | logfmt | status >= 500 [1m]))`,
			`avg_over_time({}% | logfmt | unwrap took_ms [1m]) by (level)`,
		}},
		{"text", requestText, []string{
			"sum by (method) (count_over_time({}% | pattern `<_> <method> <path> <status> <took_ms>ms <_>` [1m]))",
			"avg_over_time({}% | regexp ` (?P<method>[A-Z]+) [^ ]+ (?P<status>[0-9]+) (?P<took_ms>[0-9.]+)ms` | unwrap took_ms [1m]) by (method)",
		}},
	} {
		res := resourcestore.NewBatch("bench", 30, resourcestore.NewKnown(10))
		start := epoch.Add(-time.Hour)
		rid, service := res.Resource(start, &resourcestore.Resource{Attributes: []attribute.KeyValue{{Key: "service.name", Value: attribute.StringValue(kind.name)}}})
		storagetest.Insert(b, db, kind.name+"-r", res)
		for from := 0; from < *lines; from += 100_000 {
			logs := logstore.NewBatch("bench", 30, seq)
			for i := from; i < min(from+100_000, *lines); i++ {
				logs.Append(&logstore.Record{Time: start.UnixNano() + int64(i)*int64(600*time.Second)/int64(*lines) + 1, Body: attribute.StringValue(kind.line(random)),
					Service: service, ResourceID: rid, SeverityNumber: 9, Attributes: []attribute.KeyValue{{Key: "thread", Value: attribute.IntValue(int64(i % 64))}, {Key: "host", Value: attribute.StringValue(fmt.Sprintf("h%d", i%20))}}})
			}
			storagetest.Insert(b, db, fmt.Sprint(kind.name, from), logs)
		}
		for i, q := range kind.queries {
			for _, how := range []struct{ name, stage string }{{"server", ""}, {"streamed", " | drop nothing_at_all"}} {
				query := strings.Replace(strings.Replace(q, "%", how.stage, 1), "{}", `{service_name="`+kind.name+`"}`, 1)
				b.Run(fmt.Sprintf("%s-%d/%s", kind.name, i, how.name), func(b *testing.B) {
					m, err := logql.ParseMetric(query)
					if err != nil {
						b.Fatal(err)
					}
					ask := func() {
						if _, err := e.Range(b.Context(), "bench", m, start.Add(time.Minute), start.Add(10*time.Minute), time.Minute); err != nil {
							b.Fatal(query, err)
						}
					}
					ask()
					used := cpuOf(b, pid)
					for b.Loop() {
						ask()
					}
					b.ReportMetric(float64((cpuOf(b, pid)-used).Milliseconds())/float64(b.N), "cpu-ms/op")
				})
			}
		}
	}
}

func requestJSON(r *rand.Rand) string {
	return fmt.Sprintf(`{"ts":"2026-11-27T21:%02d:%02d.%03dZ","level":"%s","logger":"http.server","msg":"request handled","trace":"%016x","user_id":"u%06d","http":{"method":"%s","route":"/api/%s/{id}","status_code":%d},"status":%d,"took_ms":%.3f,"bytes":%d,"error":null}`,
		r.IntN(60), r.IntN(60), r.IntN(1000), oneOf(r, "info", "info", "info", "warn", "error"), r.Uint64(), r.IntN(50_000), oneOf(r, "GET", "POST"), oneOf(r, "orders", "users", "carts"), 200+100*r.IntN(4), 200+100*r.IntN(4), r.ExpFloat64()*20, r.IntN(10_000))
}

func requestLogfmt(r *rand.Rand) string {
	return fmt.Sprintf(`ts=2026-11-27T21:%02d:%02d.%03dZ level=%s logger=http.server msg="request handled" trace=%016x user_id=u%06d method=%s route=/api/%s status=%d took_ms=%.3f bytes=%d`,
		r.IntN(60), r.IntN(60), r.IntN(1000), oneOf(r, "info", "info", "info", "warn", "error"), r.Uint64(), r.IntN(50_000), oneOf(r, "GET", "POST"), oneOf(r, "orders", "users", "carts"), 200+100*r.IntN(4), r.ExpFloat64()*20, r.IntN(10_000))
}

func requestText(r *rand.Rand) string {
	return fmt.Sprintf(`10.0.%d.%d %s /api/%s/%d %d %.3fms "curl/8.%d"`, r.IntN(256), r.IntN(256), oneOf(r, "GET", "POST"), oneOf(r, "orders", "users", "carts"), r.IntN(100_000), 200+100*r.IntN(4), r.ExpFloat64()*20, r.IntN(10))
}

// cpuOf is what this process and another have used: of the other fields 14 and 15 of
// proc(5)'s stat, in ticks of 10 ms.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		b.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(own.Utime.Nano()+own.Stime.Nano()) + time.Duration(user+system)*10*time.Millisecond
}

package workload

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// logs encodes n records, a millisecond or so apart.
func (g *generator) logs(n int) ([]byte, error) {
	logs := plog.NewLogs()
	for made := 0; made < n; {
		rl := logs.ResourceLogs().AppendEmpty()
		fillResource(rl.Resource(), g.nextResource())
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("reference/logger")
		count := min(perResource, n-made)
		sl.LogRecords().EnsureCapacity(count)
		for range count {
			g.logRecord(sl.LogRecords().AppendEmpty())
		}
		made += count
	}
	return plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
}

func (g *generator) logRecord(r plog.LogRecord) {
	at := g.step(time.Millisecond)
	r.SetTimestamp(at)
	r.SetObservedTimestamp(at + 200_000)
	severity, text := plog.SeverityNumberInfo, "INFO"
	switch roll := g.rng.IntN(100); {
	case roll < 3:
		severity, text = plog.SeverityNumberError, "ERROR"
	case roll < 10:
		severity, text = plog.SeverityNumberWarn, "WARN"
	case roll < 25:
		severity, text = plog.SeverityNumberDebug, "DEBUG"
	}
	r.SetSeverityNumber(severity)
	r.SetSeverityText(text)
	route, status, took := pick(g, routes()), g.statusCode(), g.rng.ExpFloat64()*40
	user := g.rng.IntN(20_000)
	switch g.rng.IntN(4) {
	case 0:
		r.Body().SetStr(fmt.Sprintf("request %s answered with %d after %.1f ms", route, status, took))
	case 1:
		r.Body().SetStr(fmt.Sprintf("user u%06d loaded %d items from cache, %d from database", user, g.rng.IntN(50), g.rng.IntN(9)))
	case 2:
		r.Body().SetStr(fmt.Sprintf("retrying call to %s, attempt %d, last error: connection reset by peer", pick(g, services()), 1+g.rng.IntN(4)))
	default:
		r.Body().SetStr(fmt.Sprintf("session %08x refreshed for tenant-%d", g.rng.Uint32(), g.rng.IntN(300)))
	}
	if g.rng.IntN(10) < 7 {
		r.SetTraceID(g.traceID())
		r.SetSpanID(g.spanID())
		r.SetFlags(plog.DefaultLogRecordFlags.WithIsSampled(true))
	}
	a := r.Attributes()
	a.EnsureCapacity(8)
	a.PutStr("http.request.method", pick(g, methods()))
	a.PutStr("http.route", route)
	a.PutInt("http.response.status_code", status)
	a.PutStr("user.id", fmt.Sprintf("u%06d", user))
	a.PutDouble("duration_ms", took)
	extra := g.rng.IntN(4)
	if extra > 0 {
		a.PutStr("client.address", fmt.Sprintf("10.%d.%d.%d", g.rng.IntN(256), g.rng.IntN(256), g.rng.IntN(256)))
	}
	if extra > 1 {
		a.PutStr("code.function.name", "handler."+pick(g, services()))
	}
	if extra > 2 {
		a.PutBool("cache.hit", g.rng.IntN(3) > 0)
	}
}

package otlp

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// benchLogs are n records like a web service's: ten resource attributes, six
// attributes a record.
func benchLogs(n int) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	fillResource(rl.Resource(), "checkout")
	for i := range 6 {
		rl.Resource().Attributes().PutStr(fmt.Sprintf("k8s.attribute.%d", i), fmt.Sprintf("value-%d", i))
	}
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	now := time.Now()
	for i := range n {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i))))
		r.SetObservedTimestamp(r.Timestamp())
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
		r.SetTraceID(pcommon.TraceID{byte(i), byte(i >> 8), 1})
		r.SetSpanID(pcommon.SpanID{byte(i), 1})
		r.Body().SetStr(fmt.Sprintf("GET /api/cart/%d answered in %d ms", i%97, i%31))
		a := r.Attributes()
		a.PutStr("http.request.method", "GET")
		a.PutStr("url.path", fmt.Sprintf("/api/cart/%d", i%97))
		a.PutInt("http.response.status_code", 200)
		a.PutStr("user.id", fmt.Sprintf("u%06d", i%1000))
		a.PutDouble("duration", float64(i%31)/10)
		a.PutBool("cached", i%2 == 0)
	}
	return logs
}

func BenchmarkLogs(b *testing.B) {
	const records = 1000
	body := must(b)(plogotlp.NewExportRequestFromLogs(benchLogs(records)).MarshalProto())
	p := ingest.New(ingest.Config{Sink: discard})
	s := logsSignal()
	b.Run("check", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := checkProto(body, s.message); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.decode(p, body, protobuf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			adm := p.Admit()
			take, err := decode(p, &s, body, protobuf, adm)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := take(b.Context(), "default", adm); err != nil {
				b.Fatal(err)
			}
			adm.Release()
		}
	})
}

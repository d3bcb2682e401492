package workload

import (
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// spansPerTrace is how many spans of one service share a trace.
const spansPerTrace = 8

// spans encodes n spans in traces of eight: a server span and what it calls.
func (g *generator) spans(n int) ([]byte, error) {
	traces := ptrace.NewTraces()
	for made := 0; made < n; {
		rs := traces.ResourceSpans().AppendEmpty()
		fillResource(rs.Resource(), g.nextResource())
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("reference/tracer")
		ss.Scope().SetVersion("1.0.0")
		count := min(perResource, n-made)
		ss.Spans().EnsureCapacity(count)
		for i := 0; i < count; i += spansPerTrace {
			g.trace(ss.Spans(), min(spansPerTrace, count-i))
		}
		made += count
	}
	return ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
}

func (g *generator) trace(into ptrace.SpanSlice, n int) {
	start := g.step(4 * time.Millisecond)
	id, root := g.traceID(), g.spanID()
	length := time.Duration((5 + g.rng.ExpFloat64()*60) * float64(time.Millisecond))
	route, status := pick(g, routes()), g.statusCode()
	for i := range n {
		s := into.AppendEmpty()
		s.SetTraceID(id)
		offset := length / time.Duration(n+1) * time.Duration(i)
		from := start + pcommon.Timestamp(offset)
		s.SetStartTimestamp(from)
		if i == 0 {
			s.SetSpanID(root)
			s.SetName(pick(g, methods()) + " " + route)
			s.SetKind(ptrace.SpanKindServer)
			s.SetEndTimestamp(start + pcommon.Timestamp(length))
			g.serverAttributes(s.Attributes(), route, status)
		} else {
			s.SetSpanID(g.spanID())
			s.SetParentSpanID(root)
			s.SetName("SELECT " + pick(g, services()))
			s.SetKind(ptrace.SpanKindClient)
			s.SetEndTimestamp(from + pcommon.Timestamp(length/time.Duration(n+1)))
			g.clientAttributes(s.Attributes())
		}
		if status >= 500 {
			s.Status().SetCode(ptrace.StatusCodeError)
			s.Status().SetMessage("upstream answered 500")
		}
		if g.rng.IntN(20) == 0 {
			event := s.Events().AppendEmpty()
			event.SetName("exception")
			event.SetTimestamp(from + 1000)
			event.Attributes().PutStr("exception.type", "TimeoutError")
			event.Attributes().PutStr("exception.message", fmt.Sprintf("no answer within %d ms", 10*g.rng.IntN(100)))
		}
	}
}

func (g *generator) serverAttributes(a pcommon.Map, route string, status int64) {
	a.EnsureCapacity(8)
	a.PutStr("http.request.method", pick(g, methods()))
	a.PutStr("http.route", route)
	a.PutInt("http.response.status_code", status)
	a.PutStr("url.path", fmt.Sprintf("%s?page=%d", route, g.rng.IntN(100)))
	a.PutStr("client.address", fmt.Sprintf("10.%d.%d.%d", g.rng.IntN(256), g.rng.IntN(256), g.rng.IntN(256)))
	a.PutStr("user.id", fmt.Sprintf("u%06d", g.rng.IntN(20_000)))
	a.PutStr("network.protocol.version", "1.1")
	a.PutInt("http.response.body.size", g.rng.Int64N(100_000))
}

func (g *generator) clientAttributes(a pcommon.Map) {
	a.EnsureCapacity(5)
	a.PutStr("db.system.name", "postgresql")
	a.PutStr("db.namespace", "reference")
	a.PutStr("db.operation.name", "SELECT")
	a.PutStr("db.collection.name", pick(g, services()))
	a.PutInt("db.response.returned_rows", g.rng.Int64N(200))
}

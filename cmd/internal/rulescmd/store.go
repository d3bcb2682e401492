package rulescmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/alerting/ruletest"
	"github.com/trefoil-o11y/trefoil/alerting/sqlrule"
	"github.com/trefoil-o11y/trefoil/cmd/internal/backend"
	"github.com/trefoil-o11y/trefoil/cmd/internal/edge"
	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// testRetentionDays keeps what tests say happened decades ago.
const testRetentionDays = 30_000

// openTestStore runs the embedded ClickHouse in a temporary directory, for rule
// tests with logs and spans. They go in as a server would take them, but for
// the log in front of the store.
func openTestStore(ctx context.Context) (*ruletest.Store, error) {
	dir, err := os.MkdirTemp("", "trefoil-rules-test-")
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	limits := conn.Limits{MaxTime: 30 * time.Second}
	back, err := backend.Open(ctx, backend.Config{
		Flags: backend.Flags{DataDir: dir}, Migrate: true, Limits: limits,
		Logger: quiet, Registerer: prometheus.NewRegistry(), Health: edge.NewHealth(),
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	db, resources := back.DB, resourcestore.New(back.DB)
	pipeline := ingest.New(ingest.Config{RetentionDays: testRetentionDays, Sink: func(ctx context.Context, blocks []block.Block) error {
		for i, b := range blocks {
			token := fmt.Sprintf("test/%d/%d", time.Now().UnixNano(), i)
			if err := db.Insert(ctx, b.Table, token, []block.Block{b}); err != nil {
				return err
			}
		}
		return nil
	}})
	service := query.New(query.Config{
		Logs: logstore.New(db, resources), Traces: tracestore.New(db, resources), Metrics: metricstore.New(db, resources), Resources: resources,
	})
	// Whoever runs a test may read this machine's files anyway, and there is
	// nobody else's data: here, and only here, the embedded engine gets SQL of
	// people, as its user who may only read.
	reader := back.Engine.Addr()
	reader.SQLUser, reader.SQLPassword = reader.ReadUser, reader.ReadPassword
	addr, _ := reader.AsSQLUser()
	sqlDB, statements, err := backend.OpenSQL(addr, conn.Limits{MaxTime: limits.MaxTime, MaxRowsToRead: backend.SQLRowsToRead})
	if err != nil {
		return nil, errors.Join(err, back.Close(), os.RemoveAll(dir))
	}
	sql := sqlrule.Evaluator(statements)
	return &ruletest.Store{
		Instant: func(ctx context.Context, t tenant.ID, language, expr string, at time.Time) (promql.Vector, annotations.Annotations, error) {
			if language == string(rulefile.SQL) {
				vector, err := sql(ctx, t, expr, at)
				return vector, nil, err
			}
			return service.Instant(ctx, t, language, expr, at)
		},
		Put: func(ctx context.Context, t tenant.ID, logs []ruletest.Log, spans []ruletest.Span) error {
			return putRecords(ctx, pipeline, t, logs, spans)
		},
		Close: func() error { return errors.Join(sqlDB.Close(), back.Close(), os.RemoveAll(dir)) },
	}, nil
}

// recordsAtOnce is how many records are taken in as one request.
const recordsAtOnce = 10_000

func putRecords(ctx context.Context, p *ingest.Pipeline, t tenant.ID, logs []ruletest.Log, spans []ruletest.Span) error {
	for len(logs) > 0 {
		n := min(len(logs), recordsAtOnce)
		built, err := otlpdata.Logs(p, t, logsOf(logs[:n]))
		if err = taken(ctx, built, err); err != nil {
			return err
		}
		logs = logs[n:]
	}
	for first := 0; first < len(spans); first += recordsAtOnce {
		part := spans[first:min(first+recordsAtOnce, len(spans))]
		built, err := otlpdata.Traces(p, t, tracesOf(part, first))
		if err = taken(ctx, built, err); err != nil {
			return err
		}
	}
	return nil
}

// taken stores what was built; all of it has to be good.
func taken(ctx context.Context, built *ingest.Built, err error) error {
	if err != nil {
		return err
	}
	result, err := built.Store(ctx)
	if err == nil && result.Rejected > 0 {
		err = errors.New(result.Message())
	}
	return err
}

func logsOf(records []ruletest.Log) plog.Logs {
	out := plog.NewLogs()
	for i := range records {
		r := &records[i]
		from := out.ResourceLogs().AppendEmpty()
		fillResource(from.Resource(), r.Origin)
		record := from.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(r.Time))
		record.SetObservedTimestamp(pcommon.NewTimestampFromTime(r.Time))
		record.SetSeverityText(r.Severity)
		record.SetSeverityNumber(severityNumber(r.Severity))
		record.Body().SetStr(r.Body)
		fillAttributes(record.Attributes(), r.Attributes)
	}
	return out
}

func severityNumber(text string) plog.SeverityNumber {
	return map[string]plog.SeverityNumber{
		"trace": plog.SeverityNumberTrace, "debug": plog.SeverityNumberDebug, "info": plog.SeverityNumberInfo,
		"warn": plog.SeverityNumberWarn, "error": plog.SeverityNumberError, "fatal": plog.SeverityNumberFatal,
	}[strings.ToLower(text)]
}

// tracesOf makes a trace of each span; first is the number of the first one.
func tracesOf(spans []ruletest.Span, first int) ptrace.Traces {
	out := ptrace.NewTraces()
	for i := range spans {
		s := &spans[i]
		from := out.ResourceSpans().AppendEmpty()
		fillResource(from.Resource(), s.Origin)
		span := from.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		number := uint64(first + i + 1)
		var trace pcommon.TraceID
		var id pcommon.SpanID
		for k := range id {
			id[k] = byte(number >> (8 * k))
		}
		copy(trace[:], id[:])
		span.SetTraceID(trace)
		span.SetSpanID(id)
		span.SetName(s.Name)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(s.Time))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(s.Time.Add(time.Duration(s.Duration))))
		span.SetKind(map[string]ptrace.SpanKind{
			"server": ptrace.SpanKindServer, "client": ptrace.SpanKindClient, "producer": ptrace.SpanKindProducer,
			"consumer": ptrace.SpanKindConsumer, "internal": ptrace.SpanKindInternal,
		}[s.Kind])
		span.Status().SetCode(map[string]ptrace.StatusCode{"ok": ptrace.StatusCodeOk, "error": ptrace.StatusCodeError}[s.Status])
		fillAttributes(span.Attributes(), s.Attributes)
	}
	return out
}

func fillResource(r pcommon.Resource, o ruletest.Origin) {
	fillAttributes(r.Attributes(), o.Resource)
	if o.Service != "" {
		r.Attributes().PutStr("service.name", o.Service)
	}
}

func fillAttributes(m pcommon.Map, from map[string]string) {
	for key, value := range from {
		m.PutStr(key, value)
	}
}

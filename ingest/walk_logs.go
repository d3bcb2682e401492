package ingest

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Logs takes a request of log records in and returns once they are durable.
// adm, which may be nil, is released as soon as the columns are built.
func (p *Pipeline) Logs(ctx context.Context, t tenant.ID, logs plog.Logs, adm *Admission) (Result, error) {
	built, err := p.BuildLogs(t, logs)
	if err != nil {
		return Result{}, err
	}
	adm.Release()
	return built.Store(ctx)
}

// BuildLogs makes columns of a request of log records.
func (p *Pipeline) BuildLogs(t tenant.ID, logs plog.Logs) (*Built, error) {
	if n := logs.LogRecordCount(); n > p.cfg.Limits.Records {
		return nil, p.tooMany(n)
	}
	in := p.LogIntake(t)
	var w logWalk
	for _, rl := range logs.ResourceLogs().All() {
		w.enterResource(&in.intake, rl.Resource(), rl.SchemaUrl())
		for _, sl := range rl.ScopeLogs().All() {
			w.enterScope(&in.intake, sl.Scope(), sl.SchemaUrl())
			for _, lr := range sl.LogRecords().All() {
				w.fill(lr)
				in.Add(&w.record)
			}
		}
	}
	return in.Build()
}

// logWalk is a walk over log records.
type logWalk struct {
	walk
	record logstore.Record
}

func (w *logWalk) fill(lr plog.LogRecord) {
	w.attrs = appendAttributes(w.attrs[:0], lr.Attributes())
	w.record = logstore.Record{
		Time: int64(lr.Timestamp()), ObservedTime: int64(lr.ObservedTimestamp()),
		SeverityNumber: SeverityNumber(int32(lr.SeverityNumber())), SeverityText: lr.SeverityText(),
		TraceID: lr.TraceID(), SpanID: lr.SpanID(), Flags: uint32(lr.Flags()),
		EventName: lr.EventName(), Body: attributeValue(lr.Body()),
		Attributes: w.attrs, Dropped: lr.DroppedAttributesCount(),
	}
}

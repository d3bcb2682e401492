package otlpdata

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Logs makes columns of a request of log records.
func Logs(p *ingest.Pipeline, t tenant.ID, logs plog.Logs) (*ingest.Built, error) {
	if err := fits(p, logs.LogRecordCount()); err != nil {
		return nil, err
	}
	in := p.LogIntake(t)
	var w logWalk
	for _, rl := range logs.ResourceLogs().All() {
		w.enterResource(in, rl.Resource(), rl.SchemaUrl())
		for _, sl := range rl.ScopeLogs().All() {
			w.enterScope(in, sl.Scope(), sl.SchemaUrl())
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
		SeverityNumber: ingest.SeverityNumber(int32(lr.SeverityNumber())), SeverityText: lr.SeverityText(),
		TraceID: lr.TraceID(), SpanID: lr.SpanID(), Flags: uint32(lr.Flags()),
		EventName: lr.EventName(), Body: attributeValue(lr.Body()),
		Attributes: w.attrs, Dropped: lr.DroppedAttributesCount(),
	}
}

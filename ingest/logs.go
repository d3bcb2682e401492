package ingest

import (
	"context"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Logs takes a request of log records in and returns once they are durable.
// adm, which may be nil, is released as soon as the columns are built.
func (p *Pipeline) Logs(ctx context.Context, t tenant.ID, logs plog.Logs, adm *Admission) (Result, error) {
	if n := logs.LogRecordCount(); n > p.cfg.Limits.Records {
		return Result{}, p.tooMany(n)
	}
	w := p.newWalk(t, Logs)
	b := p.logBatches.get(t)
	for i, rl := range logs.ResourceLogs().All() {
		w.place.resource = i
		bad := w.enterResource(rl.Resource(), rl.SchemaUrl())
		for j, sl := range rl.ScopeLogs().All() {
			w.place.scope = j
			w.logs(b, sl, bad)
		}
	}
	return w.finish(ctx, adm, b, func() { p.logBatches.put(t, b) })
}

// logs walks the records of one scope. bad is the fault of their resource.
func (w *walk) logs(b *logstore.Batch, sl plog.ScopeLogs, bad fault) {
	if f := w.enterScope(sl.Scope(), sl.SchemaUrl()); bad.reason == "" {
		bad = f
	}
	if bad.reason != "" {
		w.result.reject(bad, sl.LogRecords().Len(), w.place, 0)
		return
	}
	for k, lr := range sl.LogRecords().All() {
		if f := w.log(b, lr); f.reason != "" {
			w.result.reject(f, 1, w.place, k)
			continue
		}
		w.result.Accepted++
	}
}

// log checks one record and appends it.
func (w *walk) log(b *logstore.Batch, lr plog.LogRecord) fault {
	at, observed, f := w.logTimes(lr)
	if f.reason != "" {
		return f
	}
	kvs, size, f := w.limits.attributes(w.attrs[:0], lr.Attributes(), "attributes")
	w.attrs = kvs
	if f.reason != "" {
		return f
	}
	body := attributeValue(lr.Body())
	if f := w.limits.record("record", size+len(body.Str)+len(lr.EventName())+len(lr.SeverityText())); f.reason != "" {
		return f
	}
	ref := w.refer(at)
	r := logstore.Record{
		Time: at, ObservedTime: observed,
		SeverityNumber: severity(lr.SeverityNumber()), SeverityText: lr.SeverityText(),
		TraceID: lr.TraceID(), SpanID: lr.SpanID(), Flags: uint32(lr.Flags()),
		EventName: lr.EventName(), Body: body, Attributes: kvs, Dropped: lr.DroppedAttributesCount(),
		Service: ref.service, ResourceID: ref.resourceID, ScopeID: ref.scopeID,
	}
	b.Append(&r)
	return fault{}
}

// logTimes are the record's time, which is the observed one when the sender
// gave none, and its observed time, which is now when there is none either.
func (w *walk) logTimes(lr plog.LogRecord) (at, observed int64, f fault) {
	observed = w.window.now
	if t := lr.ObservedTimestamp(); t > math.MaxInt64 {
		return 0, 0, fault{reason: TimeAhead, field: "observedTimeUnixNano", got: math.MaxInt64, limit: w.window.newest}
	} else if t != 0 {
		observed = int64(t)
	}
	if lr.Timestamp() == 0 {
		at, f = w.window.check(pcommon.Timestamp(observed), "observedTimeUnixNano")
		return at, observed, f
	}
	at, f = w.window.check(lr.Timestamp(), "timeUnixNano")
	return at, observed, f
}

// severity keeps the numbers OTLP defines, 1 to 24; others are unspecified.
func severity(n plog.SeverityNumber) uint8 {
	if n < 0 || n > plog.SeverityNumberFatal4 {
		return 0
	}
	return uint8(n)
}

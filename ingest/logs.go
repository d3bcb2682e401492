package ingest

import (
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// LogIntake takes the log records of one request in.
type LogIntake struct {
	intake
	batch *logstore.Batch
}

// LogIntake begins a request of log records.
func (p *Pipeline) LogIntake(t tenant.ID) *LogIntake {
	in := p.logIntakes.get(t)
	in.begin()
	return in
}

func (p *Pipeline) newLogIntake(t tenant.ID) *LogIntake {
	return &LogIntake{intake: newIntake(p, Logs, t), batch: logstore.NewBatch(t, p.cfg.RetentionDays, p.sequence)}
}

// Add takes one record, or counts it as rejected. Its severity number is as
// SeverityNumber makes it; what it points to is filled in.
func (in *LogIntake) Add(r *logstore.Record) {
	f := in.next()
	if f.reason == "" {
		f = in.take(r)
	}
	in.count(f)
}

// take checks one record and appends it.
func (in *LogIntake) take(r *logstore.Record) fault {
	if f := in.times(r); f.reason != "" {
		return f
	}
	size, f := in.attributes(r.Attributes, "attributes")
	if f.reason != "" {
		return f
	}
	if f := in.limits.record("record", size+len(r.Body.Str)+len(r.EventName)+len(r.SeverityText)); f.reason != "" {
		return f
	}
	r.Attributes = in.sorter.Sort(r.Attributes)
	ref := in.refer(r.Time)
	r.Service, r.ResourceID, r.ScopeID = ref.service, ref.resourceID, ref.scopeID
	in.batch.Append(r)
	return fault{}
}

// times makes the record's time the observed one when the sender gave none,
// and its observed time now when there is none either.
func (in *LogIntake) times(r *logstore.Record) fault {
	if r.ObservedTime < 0 {
		return in.window.ahead("observedTimeUnixNano")
	}
	if r.ObservedTime == 0 {
		r.ObservedTime = in.window.now
	}
	if r.Time == 0 {
		r.Time = r.ObservedTime
		return in.window.check(r.Time, "observedTimeUnixNano")
	}
	return in.window.check(r.Time, "timeUnixNano")
}

// SeverityNumber keeps the numbers OTLP defines, 1 to 24; others are
// unspecified.
func SeverityNumber(n int32) uint8 {
	if n < 0 || n > 24 {
		return 0
	}
	return uint8(n)
}

// Build makes the columns into blocks.
func (in *LogIntake) Build() (*Built, error) {
	defer in.Discard()
	return in.built(in.batch, nil)
}

// Discard gives the request up.
func (in *LogIntake) Discard() { in.p.logIntakes.put(in.tenant, in) }

// Rows is the number of records in hand.
func (in *LogIntake) Rows() int { return in.batch.Rows() }

// Reset forgets the request and keeps the buffers.
func (in *LogIntake) Reset() {
	in.reset()
	in.batch.Reset()
}

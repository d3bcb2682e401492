package otlpwire

import (
	"errors"
	"sync"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Decoder turns protobuf requests into blocks. Safe for concurrent use.
//
// Its methods read a request in body, which they do not keep, and charge adm
// for what they build. The error is a *ingest.MalformedError with the place, a
// *ingest.TooLargeError, or a *ingest.Refusal.
type Decoder struct {
	pipeline             *ingest.Pipeline
	logs, spans, metrics sync.Pool // of *logReader, *spanReader, *metricReader
}

// NewDecoder makes a Decoder that feeds p.
func NewDecoder(p *ingest.Pipeline) *Decoder {
	records := p.Limits().Records
	d := &Decoder{pipeline: p}
	d.logs.New = func() any { return newLogReader(records) }
	d.spans.New = func() any { return newSpanReader(records) }
	d.metrics.New = func() any { return newMetricReader(records) }
	return d
}

// intake is what the intakes of all signals can.
type intake interface {
	Build() (*ingest.Built, error)
	Discard()
}

// Logs reads an ExportLogsServiceRequest.
func (d *Decoder) Logs(t tenant.ID, body []byte, adm *ingest.Admission) (*ingest.Built, error) {
	r := d.logs.Get().(*logReader)
	defer d.logs.Put(r)
	r.in = d.pipeline.LogIntake(t)
	r.intake = r.in
	return r.take(body, adm, r.in)
}

// Traces reads an ExportTraceServiceRequest.
func (d *Decoder) Traces(t tenant.ID, body []byte, adm *ingest.Admission) (*ingest.Built, error) {
	r := d.spans.Get().(*spanReader)
	defer d.spans.Put(r)
	r.in = d.pipeline.SpanIntake(t)
	r.intake = r.in
	return r.take(body, adm, r.in)
}

// Metrics reads an ExportMetricsServiceRequest.
func (d *Decoder) Metrics(t tenant.ID, body []byte, adm *ingest.Admission) (*ingest.Built, error) {
	r := d.metrics.Get().(*metricReader)
	defer d.metrics.Put(r)
	r.in = d.pipeline.PointIntake(t)
	r.intake = r.in
	return r.take(body, adm, r.in)
}

// take reads body into in and builds the blocks.
func (r *reader) take(body []byte, adm *ingest.Admission, in intake) (*ingest.Built, error) {
	r.records, r.uncharged, r.err, r.adm = 0, 0, nil, adm
	if r.read(body) {
		return in.Build()
	}
	in.Discard()
	return nil, r.explain(body)
}

// explain says why reading stopped.
func (r *reader) explain(body []byte) error {
	if r.err != nil {
		return r.err
	}
	size, err := check(body, r.signal.request)
	switch {
	case err != nil:
		return err
	case size.records > r.maxRecords:
		return &ingest.TooLargeError{What: "request", Unit: "records", Limit: int64(r.maxRecords), Got: int64(size.records)}
	default: // fuzzing says never
		return &ingest.MalformedError{Format: "protobuf", Offset: -1, Err: errors.New("not understood")}
	}
}

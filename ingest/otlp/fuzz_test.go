package otlp

import (
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
)

// fuzzDoor has small limits, so that inputs of a few KiB reach them.
func fuzzDoor() *ingest.Pipeline {
	return ingest.New(ingest.Config{Sink: discard, Quotas: quota.New(quota.Config{Defaults: quota.Limits{Attributes: 16, AttributeBytes: 256}}), Limits: ingest.Limits{
		RequestBytes: 32 << 10, DecodedBytes: 64 << 10, Records: 1000, RecordBytes: 2048, Buckets: 32,
	}})
}

// samples are the sample requests of one signal in both encodings.
func samples(t testing.TB, name ingest.Signal) (proto, json []byte) {
	now := time.Now()
	switch name {
	case ingest.Logs:
		r := plogotlp.NewExportRequestFromLogs(sampleLogs(now, "a"))
		return must(t)(r.MarshalProto()), must(t)(r.MarshalJSON())
	case ingest.Metrics:
		r := pmetricotlp.NewExportRequestFromMetrics(sampleMetrics(now, "a"))
		return must(t)(r.MarshalProto()), must(t)(r.MarshalJSON())
	default:
		r := ptraceotlp.NewExportRequestFromTraces(badSpans(now))
		return must(t)(r.MarshalProto()), must(t)(r.MarshalJSON())
	}
}

// total counts the records of a body with pdata alone.
func total(t testing.TB, name ingest.Signal, body []byte, enc encoding) int {
	logs, metrics, traces := plogotlp.NewExportRequest(), pmetricotlp.NewExportRequest(), ptraceotlp.NewExportRequest()
	req := map[ingest.Signal]interface {
		request
		UnmarshalProto([]byte) error
	}{ingest.Logs: logs, ingest.Metrics: metrics, ingest.Traces: traces}[name]
	decode := req.UnmarshalJSON
	if enc == protobuf {
		decode = req.UnmarshalProto
	}
	if err := decode(body); err != nil {
		t.Fatalf("accepted, but pdata says %v", err)
	}
	return logs.Logs().LogRecordCount() + metrics.Metrics().DataPointCount() + traces.Traces().SpanCount()
}

// fuzzBody is the property of every decoder: no panic, an error of a known
// kind, or every record accounted for.
func fuzzBody(f *testing.F, s signal, enc encoding) {
	proto, json := samples(f, s.name)
	seed := proto
	if enc == jsonText {
		seed = json
	}
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte{})
	d := openDoor(fuzzDoor())
	f.Fuzz(func(t *testing.T, body []byte) {
		adm := d.pipeline.Admit()
		defer adm.Release()
		var result ingest.Result
		take, err := d.take(&s, "fuzz", body, enc, adm)
		if err == nil { // a small request is decoded with those it is joined to
			result, err = take(t.Context())
		}
		if err != nil {
			var malformed *ingest.MalformedError
			var large *ingest.TooLargeError
			if !errors.As(err, &malformed) && !errors.As(err, &large) {
				t.Fatalf("%T %v", err, err)
			}
			if malformed != nil && malformed.Offset > len(body) {
				t.Fatalf("offset %d of %d bytes", malformed.Offset, len(body))
			}
			return
		}
		if n := total(t, s.name, body, enc); result.Accepted+result.Rejected != n {
			t.Fatalf("%d accepted + %d rejected of %d", result.Accepted, result.Rejected, n)
		}
		if _, err := s.answer(result, enc); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzLogsProto(f *testing.F)    { fuzzBody(f, logsSignal(), protobuf) }
func FuzzLogsJSON(f *testing.F)     { fuzzBody(f, logsSignal(), jsonText) }
func FuzzMetricsProto(f *testing.F) { fuzzBody(f, metricsSignal(), protobuf) }
func FuzzMetricsJSON(f *testing.F)  { fuzzBody(f, metricsSignal(), jsonText) }
func FuzzTracesProto(f *testing.F)  { fuzzBody(f, tracesSignal(), protobuf) }
func FuzzTracesJSON(f *testing.F)   { fuzzBody(f, tracesSignal(), jsonText) }

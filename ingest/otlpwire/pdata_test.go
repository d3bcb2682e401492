package otlpwire

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/otlpdata"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// oracle is one signal read by a Decoder and, beside it, by pdata and the walk
// over it.
type oracle struct {
	name   string
	signal *signal
	read   reading
	walk   func(ctx context.Context, p *ingest.Pipeline, body []byte) (ingest.Result, error)
	sample func(testing.TB) []byte
}

func oracles() []oracle {
	return []oracle{
		{"logs", &messages.logs, (*Decoder).Logs, func(ctx context.Context, p *ingest.Pipeline, body []byte) (ingest.Result, error) {
			req := plogotlp.NewExportRequest()
			if err := req.UnmarshalProto(body); err != nil {
				return ingest.Result{}, err
			}
			return store(ctx)(otlpdata.Logs(p, "t", req.Logs()))
		}, sampleLogs},
		{"traces", &messages.traces, (*Decoder).Traces, func(ctx context.Context, p *ingest.Pipeline, body []byte) (ingest.Result, error) {
			req := ptraceotlp.NewExportRequest()
			if err := req.UnmarshalProto(body); err != nil {
				return ingest.Result{}, err
			}
			return store(ctx)(otlpdata.Traces(p, "t", req.Traces()))
		}, sampleTraces},
		{"metrics", &messages.metrics, (*Decoder).Metrics, func(ctx context.Context, p *ingest.Pipeline, body []byte) (ingest.Result, error) {
			req := pmetricotlp.NewExportRequest()
			if err := req.UnmarshalProto(body); err != nil {
				return ingest.Result{}, err
			}
			return store(ctx)(otlpdata.Metrics(p, "t", req.Metrics()))
		}, sampleMetrics},
	}
}

// store is the end of what the walk built.
func store(ctx context.Context) func(*ingest.Built, error) (ingest.Result, error) {
	return func(built *ingest.Built, err error) (ingest.Result, error) {
		if err != nil {
			return ingest.Result{}, err
		}
		return built.Store(ctx)
	}
}

// outcome is what became of a body.
type outcome struct {
	result ingest.Result
	blocks []block.Block
	err    error
}

// side is one of the two pipelines compared. They have the same clock, from
// which log records are numbered too, and small limits, so that inputs of a
// few KiB reach them.
type side struct {
	*ingest.Pipeline
	blocks []block.Block
}

const maxRecords = 200

func newSide() *side {
	s := &side{}
	s.Pipeline = ingest.New(ingest.Config{
		Sink: func(_ context.Context, blocks []block.Block) error {
			s.blocks = blocks
			return nil
		},
		Now: func() time.Time { return testNow }, Known: 64,
		Quotas: quota.New(quota.Config{Defaults: quota.Limits{Attributes: 32, AttributeBytes: 512}, Now: func() time.Time { return testNow }}),
		Limits: ingest.Limits{Records: maxRecords, RecordBytes: 4096, Buckets: 32},
	})
	return s
}

func (s *side) outcome(result ingest.Result, err error) outcome {
	o := outcome{result, s.blocks, err}
	s.blocks = nil
	return o
}

// both takes body in on both sides.
func (o *oracle) both(ctx context.Context, direct, walked *side, d *Decoder, body []byte) (got, want outcome) {
	adm := direct.Admit()
	defer adm.Release()
	copied := append([]byte(nil), body...)
	built, err := o.read(d, "t", copied, adm)
	for i := range copied {
		copied[i] = 0xee // blocks must not alias the body
	}
	var result ingest.Result
	if err == nil {
		result, err = built.Store(ctx)
	}
	got = direct.outcome(result, err)

	size, err := check(body, o.signal.request)
	switch {
	case err != nil:
		result = ingest.Result{}
	case size.records > maxRecords:
		result, err = ingest.Result{}, &ingest.TooLargeError{What: "request", Unit: "records", Limit: maxRecords, Got: int64(size.records)}
	default:
		result, err = o.walk(ctx, walked.Pipeline, body)
	}
	return got, walked.outcome(result, err)
}

// compare takes body in twice, the second time with its resources and series
// known, after a sample that left its traces in all buffers.
func (o *oracle) compare(t testing.TB, ctx context.Context, body []byte) {
	direct, walked := newSide(), newSide()
	d := NewDecoder(direct.Pipeline)
	for i, b := range [][]byte{o.sample(t), body, body, body} {
		got, want := o.both(ctx, direct, walked, d, b)
		if (got.err == nil) != (want.err == nil) || got.err != nil && got.err.Error() != want.err.Error() {
			t.Fatalf("%d: got error %v, want %v", i, got.err, want.err)
		}
		if got.err != nil {
			o.verify(t, got.err, len(body))
			return
		}
		if !reflect.DeepEqual(got.result, want.result) {
			t.Fatalf("%d: got %+v\nwant %+v", i, got.result, want.result)
		}
		if !reflect.DeepEqual(got.blocks, want.blocks) {
			t.Fatalf("%d: blocks differ: %s\nwant %s", i, tables(got.blocks), tables(want.blocks))
		}
	}
}

// verify checks that an error is of a kind that callers know, in a place that
// there is.
func (o *oracle) verify(t testing.TB, err error, size int) {
	var malformed *ingest.MalformedError
	var large *ingest.TooLargeError
	switch {
	case errors.As(err, &malformed) && malformed.Offset >= 0 && malformed.Offset <= size:
	case errors.As(err, &large):
	default:
		t.Fatalf("%T %v", err, err)
	}
}

func tables(blocks []block.Block) (s string) {
	for _, b := range blocks {
		s += b.Table + " "
	}
	return s
}

func TestSamplesAreReadAsPdataReadsThem(t *testing.T) {
	for _, o := range oracles() {
		t.Run(o.name, func(t *testing.T) {
			body := o.sample(t)
			o.compare(t, t.Context(), body)
			for n := range body { // cut short anywhere
				direct, walked := newSide(), newSide()
				got, want := o.both(t.Context(), direct, walked, NewDecoder(direct.Pipeline), body[:n])
				if (got.err == nil) != (want.err == nil) || !reflect.DeepEqual(got.result, want.result) {
					t.Fatalf("%d bytes: %v %v", n, got, want)
				}
			}
		})
	}
}

// TestAnyWireFormIsReadAsPdataReadsIt writes the samples in other ways that
// mean the same or nearly so: fields in any order, messages in pieces, fields
// of later versions and of earlier ones, packed lists unpacked.
func TestAnyWireFormIsReadAsPdataReadsIt(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	for _, o := range oracles() {
		t.Run(o.name, func(t *testing.T) {
			body := o.sample(t)
			for seed := range rounds {
				s := scrambler{rand.New(rand.NewPCG(uint64(seed), 1))}
				o.compare(t, t.Context(), s.message(o.signal.request, body))
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func fuzz(f *testing.F, o oracle) {
	body := o.sample(f)
	f.Add(body)
	f.Add(body[:len(body)/2])
	f.Add([]byte{})
	for seed := range 20 {
		s := scrambler{rand.New(rand.NewPCG(uint64(seed), 2))}
		f.Add(s.message(o.signal.request, body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { o.compare(t, t.Context(), body) })
}

func FuzzLogs(f *testing.F)    { fuzz(f, oracles()[0]) }
func FuzzTraces(f *testing.F)  { fuzz(f, oracles()[1]) }
func FuzzMetrics(f *testing.F) { fuzz(f, oracles()[2]) }

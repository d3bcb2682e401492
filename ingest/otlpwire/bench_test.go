package otlpwire

import (
	"context"
	"syscall"
	"testing"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// reading is what a Decoder does for one signal.
type reading func(*Decoder, tenant.ID, []byte, *ingest.Admission) (*ingest.Built, error)

// BenchmarkRequests takes requests of 1,000 records from the bytes of their
// protobuf to compressed blocks. Next to the time it reports the CPU time of
// the process per record, which other work on the machine disturbs less, and
// allocations per record.
func BenchmarkRequests(b *testing.B) {
	for _, c := range []struct {
		name       string
		signal     ingest.Signal
		read       reading
		histograms bool
	}{
		{"logs", ingest.Logs, (*Decoder).Logs, false},
		{"spans", ingest.Traces, (*Decoder).Traces, false},
		{"numbers", ingest.Metrics, (*Decoder).Metrics, false},
		{"points", ingest.Metrics, (*Decoder).Metrics, true},
	} {
		b.Run(c.name, func(b *testing.B) { benchRequests(b, c.read.of, benchBodies(b, c.signal, c.histograms)) })
	}
}

// BenchmarkDecoders compares the Decoder with what it replaces: pdata's objects
// and the walk over them, into the same columns.
//
//	go test ./ingest/otlpwire -run '^$' -bench Decoders -count 6 | benchstat -col /decoder -
func BenchmarkDecoders(b *testing.B) {
	for _, o := range oracles() {
		bodies := benchBodies(b, ingest.Signal(o.name), true)
		b.Run("signal="+o.name+"/decoder=pdata", func(b *testing.B) {
			benchRequests(b, func(p *ingest.Pipeline) taking {
				return func(ctx context.Context, body []byte) (ingest.Result, error) { return o.walk(ctx, p, body) }
			}, bodies)
		})
		b.Run("signal="+o.name+"/decoder=wire", func(b *testing.B) { benchRequests(b, o.read.of, bodies) })
	}
}

// taking takes a request from the bytes of its protobuf to the Sink.
type taking func(ctx context.Context, body []byte) (ingest.Result, error)

// of is the reading by a Decoder that feeds p.
func (read reading) of(p *ingest.Pipeline) taking {
	d := NewDecoder(p)
	return func(ctx context.Context, body []byte) (ingest.Result, error) {
		adm := p.Admit()
		defer adm.Release()
		built, err := read(d, "default", body, adm)
		if err != nil {
			return ingest.Result{}, err
		}
		return built.Store(ctx)
	}
}

func benchRequests(b *testing.B, by func(*ingest.Pipeline) taking, bodies [][]byte) {
	stored := 0
	p := ingest.New(ingest.Config{Sink: func(_ context.Context, blocks []block.Block) error {
		for _, b := range blocks {
			stored += len(b.Native)
		}
		return nil
	}})
	take := by(p)
	takeIn := func(body []byte) {
		if result, err := take(b.Context(), body); err != nil || result.Accepted != benchRecords {
			b.Fatal(result, err)
		}
	}
	for range 2 { // batches grow, series become known
		for _, body := range bodies {
			takeIn(body)
		}
	}
	b.ReportAllocs()
	stored = 0
	start, i := cpu(b), 0
	for b.Loop() {
		takeIn(bodies[i%len(bodies)])
		i++
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/benchRecords, "cpu-ns/record")
	b.ReportMetric(float64(stored)/float64(b.N)/benchRecords, "block-B/record")
}

// cpu is the CPU time of this process, in nanoseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

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
		b.Run(c.name, func(b *testing.B) { benchRequests(b, c.read, benchBodies(b, c.signal, c.histograms)) })
	}
}

func benchRequests(b *testing.B, read reading, bodies [][]byte) {
	stored := 0
	p := ingest.New(ingest.Config{Sink: func(_ context.Context, blocks []block.Block) error {
		for _, b := range blocks {
			stored += len(b.Native)
		}
		return nil
	}})
	d := NewDecoder(p)
	for range 2 { // batches grow, series become known
		for _, body := range bodies {
			takeIn(b, p, d, read, body)
		}
	}
	b.ReportAllocs()
	stored = 0
	start, i := cpu(b), 0
	for b.Loop() {
		takeIn(b, p, d, read, bodies[i%len(bodies)])
		i++
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/benchRecords, "cpu-ns/record")
	b.ReportMetric(float64(stored)/float64(b.N)/benchRecords, "block-B/record")
}

func takeIn(b *testing.B, p *ingest.Pipeline, d *Decoder, read reading, body []byte) {
	adm := p.Admit()
	defer adm.Release()
	built, err := read(d, "default", body, adm)
	if err != nil {
		b.Fatal(err)
	}
	if result, err := built.Store(b.Context()); err != nil || result.Accepted != benchRecords {
		b.Fatal(result, err)
	}
}

// cpu is the CPU time of this process, in nanoseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

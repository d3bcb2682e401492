package otlp

import (
	"syscall"
	"testing"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// BenchmarkRequests takes requests of 1,000 records from the bytes of their
// protobuf to compressed blocks. Next to the time it reports the CPU time of
// the process per record, which other work on the machine disturbs less, and
// allocations per record.
func BenchmarkRequests(b *testing.B) {
	for _, c := range []struct {
		name       string
		signal     signal
		histograms bool
	}{
		{"logs", logsSignal(), false},
		{"spans", tracesSignal(), false},
		{"numbers", metricsSignal(), false},
		{"points", metricsSignal(), true},
	} {
		b.Run(c.name, func(b *testing.B) { benchRequests(b, c.signal, benchBodies(b, c.signal.name, c.histograms)) })
	}
}

func benchRequests(b *testing.B, s signal, bodies [][]byte) {
	p := ingest.New(ingest.Config{Sink: discard})
	for _, body := range bodies { // batches grow, series become known
		takeIn(b, p, s, body)
	}
	b.ReportAllocs()
	start, i := cpu(b), 0
	for b.Loop() {
		takeIn(b, p, s, bodies[i%len(bodies)])
		i++
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/benchRecords, "cpu-ns/record")
}

func takeIn(b *testing.B, p *ingest.Pipeline, s signal, body []byte) {
	adm := p.Admit()
	defer adm.Release()
	take, err := decode(p, &s, body, protobuf, adm)
	if err != nil {
		b.Fatal(err)
	}
	if result, err := take(b.Context(), "default", adm); err != nil || result.Accepted != benchRecords {
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

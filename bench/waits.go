package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/bench/load"
	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// pacedResult is what an ack took at a share of the full load, and what it waited for.
type pacedResult struct {
	Rate    int     `json:"records_per_second"` // settings.paced of the full load, see fullLoad
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"ack_p50_ms"`
	P99     float64 `json:"ack_p99_ms"`
	Late    float64 `json:"sent_late_p99_ms"` // from when a request was due to when it was sent: the sender's own part
	Busy    float64 `json:"cores_busy"`       // by all processes of the server
	// Threads of the server itself, of what it started and of the sender that could run and had no core, in seconds a second.
	QueuedSelf   float64 `json:"self_without_core"`
	QueuedEngine float64 `json:"engine_without_core"`
	QueuedSender float64 `json:"sender_without_core"`
	// Stages are the server's own histograms over this time, where it has them.
	Stages []stage `json:"stages,omitempty"`
}

// stage is a histogram of durations; quantiles are upper bounds of buckets.
type stage struct {
	Name  string  `json:"name"`
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// watch is the state of the processes at a moment.
type watch struct {
	at                   time.Time
	cpu                  time.Duration
	self, engine, sender time.Duration // in run queues
	histograms           map[string]*dto.Histogram
}

func look(ctx context.Context, s *subject.Process) (w watch, err error) {
	w.histograms = histogramsOf(ctx, s)
	used, err := subject.UsageOf(s.Cmd.Process.Pid)
	if err != nil {
		return w, err
	}
	w.at, w.cpu = time.Now(), used.CPU
	w.sender, _, err = subject.Queued(os.Getpid())
	if err != nil {
		return w, err
	}
	w.self, w.engine, err = subject.Queued(s.Cmd.Process.Pid)
	return w, err
}

// histogramsOf are the histograms of /metrics by their names and labels; none
// where there is no such page.
func histogramsOf(ctx context.Context, s *subject.Process) map[string]*dto.Histogram {
	found := map[string]*dto.Histogram{}
	text, err := get(ctx, s, "/metrics", nil)
	if err != nil {
		return found
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return found
	}
	for name, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			if m.Histogram != nil && strings.HasSuffix(name, "_seconds") {
				found[strings.Join(append([]string{name}, labels...), " ")] = m.Histogram
			}
		}
	}
	return found
}

// paced is the difference of two looks.
func paced(rate int, done load.Sent, before, after watch) *pacedResult {
	took := after.at.Sub(before.at).Seconds()
	p := &pacedResult{
		Rate: rate, Seconds: done.Took.Seconds(),
		P50: milliseconds(load.Quantile(done.Acks, 0.5)), P99: milliseconds(load.Quantile(done.Acks, 0.99)), Late: milliseconds(load.Quantile(done.Late, 0.99)),
		Busy: (after.cpu - before.cpu).Seconds() / took, QueuedSelf: (after.self - before.self).Seconds() / took,
		QueuedEngine: (after.engine - before.engine).Seconds() / took, QueuedSender: (after.sender - before.sender).Seconds() / took,
	}
	for name, h := range after.histograms {
		if !strings.HasPrefix(name, "trefoil_ingest_stage") && !strings.HasPrefix(name, "trefoil_wal") && !strings.HasPrefix(name, "go_sched") &&
			!strings.HasPrefix(name, "trefoil_request") && !strings.HasPrefix(name, "trefoil_clickhouse_insert") {
			continue
		}
		if s := stageOf(name, before.histograms[name], h); s.Count > 0 {
			p.Stages = append(p.Stages, s)
		}
	}
	slices.SortFunc(p.Stages, func(a, b stage) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// stageOf is what a histogram counted between two looks; before may be nil.
func stageOf(name string, before, after *dto.Histogram) stage {
	earlier := map[float64]uint64{}
	for _, b := range before.GetBucket() {
		earlier[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	s := stage{Name: name, Count: after.GetSampleCount() - before.GetSampleCount()}
	at := func(q float64) float64 {
		need := uint64(math.Ceil(q * float64(s.Count)))
		last := 0.0
		for _, b := range after.GetBucket() {
			if !math.IsInf(b.GetUpperBound(), 1) {
				last = b.GetUpperBound()
			}
			if b.GetCumulativeCount()-earlier[b.GetUpperBound()] >= need {
				break
			}
		}
		return last * 1e3
	}
	s.P50, s.P99, s.Max = at(0.5), at(0.99), at(1)
	return s
}

func (p *pacedResult) print(w io.Writer, server string, signal any) {
	fmt.Fprintf(w, "%s: %v at %d a second for %.0f s: an ack %.1f ms, p99 %.1f (sent late: %.1f); %.2f cores busy; without a core: itself %.2f, engine %.2f, sender %.2f\n",
		server, signal, p.Rate, p.Seconds, p.P50, p.P99, p.Late, p.Busy, p.QueuedSelf, p.QueuedEngine, p.QueuedSender)
	for _, s := range p.Stages {
		fmt.Fprintf(w, "  %-60s %8d  p50 %8.2f  p99 %8.2f  max %8.2f ms\n", s.Name, s.Count, s.P50, s.P99, s.Max)
	}
}

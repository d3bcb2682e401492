package main

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/load"
	"github.com/trefoil-o11y/trefoil/bench/subject"
	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// report is one run, as written to the results directory.
type report struct {
	Scenario string          `json:"scenario"`
	Time     time.Time       `json:"time"`
	Version  string          `json:"trefoil"`
	Machine  subject.Machine `json:"machine"`
	Settings settings        `json:"settings"`
	Signals  []signalResult  `json:"signals"`
}

type settings struct {
	Records     int      `json:"records_per_signal"`
	WarmUp      int      `json:"warm_up_records"`
	PerRequest  int      `json:"records_per_request"`
	Series      int      `json:"series"`
	Connections int      `json:"connections"`
	Protocol    string   `json:"protocol"`
	Compression string   `json:"compression"`
	Seed        uint64   `json:"seed"`
	Paced       float64  `json:"paced"`
	ServeFlags  []string `json:"serve_flags,omitempty"`
}

// signalResult is what one signal cost.
type signalResult struct {
	Server           string           `json:"server"`
	Signal           workload.Signal  `json:"signal"`
	Records          int              `json:"records"`
	RecordsPerSecond float64          `json:"records_per_second"`
	PlainBytes       float64          `json:"otlp_bytes_per_record"`
	CPUPerMillion    float64          `json:"cpu_seconds_per_million"`       // to the end of merges
	CPUToAck         float64          `json:"cpu_seconds_per_million_acked"` // to the last ack
	CPUSelf          float64          `json:"cpu_seconds_per_million_self"`  // trefoil's own part, to the end of merges
	BytesPerRecord   float64          `json:"disk_bytes_per_record"`
	Tables           map[string]int64 `json:"disk_bytes_by_table"`
	AckP50           float64          `json:"ack_p50_ms"`
	AckP99           float64          `json:"ack_p99_ms"`
	Paced            *pacedResult     `json:"paced,omitempty"`
	Retries          int              `json:"retries"`
	PeakMemory       int64            `json:"trefoil_peak_bytes"`
	EngineMemory     int64            `json:"engine_bytes"`
	Idle             bool             `json:"idle_at_end"` // false: merges were still running; CPU and bytes are too low and too high
}

func newReport(cfg ingestConfig) *report {
	return &report{
		Scenario: "ingest", Time: time.Now().UTC().Truncate(time.Second),
		Machine: subject.ThisMachine(),
		Settings: settings{Records: cfg.Records, WarmUp: cfg.WarmUp, PerRequest: cfg.PerRequest, Series: cfg.Series, Connections: cfg.Connections,
			Protocol: cfg.Protocol, Compression: cfg.Compression, Seed: cfg.Seed, Paced: cfg.Paced, ServeFlags: cfg.Args},
	}
}

func newSignalResult(server string, signal workload.Signal, requests []workload.Request, done load.Sent, before, acked, after subject.Usage, tables map[string]int64, idle bool) *signalResult {
	plain, disk := 0, int64(0)
	for _, r := range requests {
		plain += r.Plain
	}
	for _, size := range tables {
		disk += size
	}
	records := float64(done.Records)
	perMillion := func(cpu time.Duration) float64 { return cpu.Seconds() / records * 1e6 }
	return &signalResult{
		Server: server, Signal: signal, Records: done.Records, RecordsPerSecond: records / done.Took.Seconds(), PlainBytes: float64(plain) / records,
		CPUPerMillion: perMillion(after.CPU - before.CPU), CPUToAck: perMillion(acked.CPU - before.CPU),
		CPUSelf:        perMillion(after.Self - before.Self),
		BytesPerRecord: float64(disk) / records, Tables: tables,
		AckP50: milliseconds(load.Quantile(done.Acks, 0.5)), AckP99: milliseconds(load.Quantile(done.Acks, 0.99)),
		Retries: done.Retries, PeakMemory: after.PeakSelf, EngineMemory: after.Engine, Idle: idle,
	}
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s on %d × %s\n%d connections, %s, compression %s, %d records a request\n\n",
		r.Version, r.Machine.Cores, r.Machine.CPU, r.Settings.Connections, r.Settings.Protocol, r.Settings.Compression, r.Settings.PerRequest)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "server\tsignal\trecords\trecords/s\tCPU s/M\tits own\tto ack\tdisk B/rec\tsent B/rec\tp50 ms\tp99 ms\tpaced p50\tp99\tretries\tRSS MB\t")
	for _, s := range r.Signals {
		var paced pacedResult
		if s.Paced != nil {
			paced = *s.Paced
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%d+%d\t\n", s.Server, s.Signal, s.Records, s.RecordsPerSecond,
			s.CPUPerMillion, s.CPUSelf, s.CPUToAck, s.BytesPerRecord, s.PlainBytes, s.AckP50, s.AckP99, paced.P50, paced.P99, s.Retries, s.PeakMemory>>20, s.EngineMemory>>20)
	}
	t.Flush()
	for _, s := range r.Signals {
		if !s.Idle {
			fmt.Fprintf(w, "%s: %s: the processes were not idle in time; CPU is too low and bytes are too high\n", s.Server, s.Signal)
		}
		fmt.Fprintf(w, "%s: %s on disk:%s\n", s.Server, s.Signal, tableList(s))
		if s.Paced != nil {
			s.Paced.print(w, s.Server, s.Signal)
		}
	}
}

func tableList(s signalResult) string {
	names := make([]string, 0, len(s.Tables))
	for name := range s.Tables {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return s.Tables[names[i]] > s.Tables[names[j]] })
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, " %s %.1f", name, float64(s.Tables[name])/float64(s.Records))
	}
	return b.String()
}

// save writes the report beside earlier ones.
func (r *report) save(dir string) (string, error) { return subject.Save(dir, r.Time, r.Scenario, r) }

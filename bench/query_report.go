package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// queryReport is one run of the query scenario.
type queryReport struct {
	Scenario  string           `json:"scenario"`
	Time      time.Time        `json:"time"`
	Version   string           `json:"trefoil"`
	Machine   subject.Machine  `json:"machine"`
	Logs      int              `json:"logs"`
	Spans     int              `json:"spans"`
	Repeat    int              `json:"repeat"`
	Questions []questionResult `json:"questions"`
}

type questionResult struct {
	Name        string     `json:"name"`
	Path        string     `json:"path"`
	Query       string     `json:"query,omitempty"`
	Trefoil     queryCost  `json:"trefoil"`
	PeerQuery   string     `json:"victorialogs_query,omitempty"`
	Peer        *queryCost `json:"victorialogs,omitempty"`
	ExporterSQL string     `json:"clickhouseexporter_sql,omitempty"`
	Exporter    *queryCost `json:"clickhouseexporter,omitempty"`
	BarMS       float64    `json:"bar_ms,omitempty"`                // wall, 20 million logs and 10 million spans
	PeerBarCPU  float64    `json:"victorialogs_cpu_5m_s,omitempty"` // measured earlier on 5 million logs
}

// queryCost is what asking once came to.
type queryCost struct {
	CPU       float64 `json:"cpu_s"`     // mean, of all processes
	Own       float64 `json:"cpu_own_s"` // the part that is not the engine's
	MedianMS  float64 `json:"wall_median_ms"`
	MaxMS     float64 `json:"wall_max_ms"`
	ReadBytes float64 `json:"read_bytes,omitempty"` // uncompressed, by the engine
	Answer    float64 `json:"answer"`               // lines, sum of samples, traces or bytes
}

func newQueryReport(cfg queryConfig) *queryReport {
	return &queryReport{Scenario: "query", Time: time.Now().UTC().Truncate(time.Second), Logs: cfg.Logs, Spans: cfg.Spans, Repeat: cfg.Repeat,
		Machine: subject.ThisMachine()}
}

func (r *queryReport) print(w io.Writer) {
	fmt.Fprintf(w, "%s on %d × %s\n%d logs, %d spans, each question %d times\n\n", r.Version, r.Machine.Cores, r.Machine.CPU, r.Logs, r.Spans, r.Repeat)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "question\tCPU s\tits own\tmedian ms\tmax ms\tbar ms\tVictoriaLogs CPU s\tms\tratio\tearlier CPU s\tanswer\t")
	product, n := 1.0, 0
	for _, q := range r.Questions {
		bar, peer, wall, ratio, earlier, answer := "-", "-", "-", "-", "-", fmt.Sprint(q.Trefoil.Answer)
		if q.BarMS > 0 {
			bar = fmt.Sprint(q.BarMS)
		}
		if q.PeerBarCPU > 0 {
			earlier = fmt.Sprintf("%.2f", q.PeerBarCPU)
		}
		if p := q.Peer; p != nil {
			r := q.Trefoil.CPU / max(p.CPU, 0.001)
			product, n = product*r, n+1
			peer, wall, ratio = fmt.Sprintf("%.3f", p.CPU), fmt.Sprintf("%.0f", p.MedianMS), fmt.Sprintf("%.2f", r)
			if p.Answer != q.Trefoil.Answer {
				answer += fmt.Sprintf(" (there %v)", p.Answer)
			}
		}
		fmt.Fprintf(t, "%s\t%.3f\t%.3f\t%.0f\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t\n", q.Name, q.Trefoil.CPU, q.Trefoil.Own, q.Trefoil.MedianMS, q.Trefoil.MaxMS,
			bar, peer, wall, ratio, earlier, answer)
	}
	t.Flush()
	r.printExporter(w)
	if n > 0 {
		fmt.Fprintf(w, "\ngeometric mean of the ratios: %.2f\n", math.Pow(product, 1/float64(n)))
	}
}

// printExporter is the table beside clickhouseexporter's, if it was asked.
func (r *queryReport) printExporter(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, q := range r.Questions {
		x := q.Exporter
		if x == nil {
			continue
		}
		if i == 0 {
			fmt.Fprintln(t, "\nquestion\tCPU s\tms\tMB read\tclickhouseexporter CPU s\tms\tMB read\tanswer\tthere\t")
		}
		fmt.Fprintf(t, "%s\t%.3f\t%.0f\t%.1f\t%.3f\t%.0f\t%.1f\t%v\t%v\t\n", q.Name, q.Trefoil.CPU, q.Trefoil.MedianMS, q.Trefoil.ReadBytes/1e6,
			x.CPU, x.MedianMS, x.ReadBytes/1e6, q.Trefoil.Answer, x.Answer)
	}
	t.Flush()
}

// save writes the report beside earlier ones.
func (r *queryReport) save(dir string) (string, error) {
	return subject.Save(dir, r.Time, r.Scenario, r)
}

package nativejson

import (
	"encoding/hex"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/joinexec"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

// JoinedGroup is one group of a query over three signals.
type JoinedGroup struct {
	Values    map[string]string `json:"values"`
	Traces    uint64            `json:"traces"`
	Spans     uint64            `json:"spans"`
	Logs      uint64            `json:"logs"`
	Exemplars uint64            `json:"exemplars"`
	Example   *Example          `json:"example"`
}

// Joined is the answer to a query over three signals.
type Joined struct {
	Signal    string              `json:"signal"`
	Groups    []JoinedGroup       `json:"groups"`
	Spans     []Span              `json:"spans"`
	Logs      []LogRecord         `json:"logs"`
	Exemplars []Exemplar          `json:"exemplars"`
	Truncated bool                `json:"truncated"`
	Stats     ReadStats           `json:"stats"`
	Explain   *explained.Document `json:"explain,omitempty"`
}

// ReadStats is what a query read.
type ReadStats struct {
	RowsRead  uint64 `json:"rows_read"`
	BytesRead uint64 `json:"bytes_read"`
	ElapsedMS int64  `json:"elapsed_ms"`
}

// JoinedOf makes the answer to a query over three signals; labels are those of a
// series.
func JoinedOf(found *joinexec.Found, labels func(*metricstore.SeriesRow) map[string]string) *Joined {
	out := &Joined{
		Signal: found.Signal, Truncated: found.Truncated,
		Groups: []JoinedGroup{}, Spans: []Span{}, Logs: []LogRecord{}, Exemplars: []Exemplar{},
		Stats: ReadStats{found.Stats.Rows, found.Stats.Bytes, found.Stats.Elapsed.Milliseconds()},
	}
	for i := range found.Groups {
		g := &found.Groups[i]
		item := JoinedGroup{Values: map[string]string{}, Traces: g.Traces, Spans: g.Spans, Logs: g.Records, Exemplars: g.Exemplars, Example: exampleOf(g.Example)}
		for k, v := range g.Values {
			item.Values[found.By[k].String()] = traceexec.Grouped(v).Text()
		}
		out.Groups = append(out.Groups, item)
	}
	render := NewRenderer()
	for i := range found.Spans {
		s := render.Span(&found.Spans[i])
		s.TraceID = hex.EncodeToString(found.Spans[i].TraceID[:])
		out.Spans = append(out.Spans, s)
	}
	out.Logs = append(out.Logs, render.Logs(&logstore.Result{Rows: found.Records}).Records...)
	out.Exemplars = append(out.Exemplars, render.Exemplars(&metricstore.Exemplars{Rows: found.Exemplars}, labels).Items...)
	return out
}

package nativejson

import (
	"encoding/hex"

	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Graph is which services called which.
type Graph struct {
	Edges     []Edge `json:"edges"`
	Truncated bool   `json:"truncated"`
}

// Edge is a service that calls another.
type Edge struct {
	Client   string  `json:"client"`
	Server   string  `json:"server"`
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"`
	P50      float64 `json:"p50_ns"`
	P99      float64 `json:"p99_ns"`
}

// Example is a span to look at.
type Example struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Start   string `json:"start"`
}

func exampleOf(e tracestore.Example) *Example {
	if e.TraceID == [16]byte{} {
		return nil
	}
	return &Example{hex.EncodeToString(e.TraceID[:]), IDText(e.SpanID[:]), TimeText(e.Start)}
}

// REDRows are rates, errors and durations by time.
type REDRows struct {
	Rows      []RED `json:"rows"`
	Truncated bool  `json:"truncated"`
}

// RED is rate, errors and durations of a service or operation in one step.
type RED struct {
	Service   string   `json:"service"`
	Operation string   `json:"operation,omitempty"`
	Time      string   `json:"time"`
	Requests  uint64   `json:"requests"`
	Errors    uint64   `json:"errors"`
	SumNS     float64  `json:"sum_ns"`
	P50       float64  `json:"p50_ns"`
	P90       float64  `json:"p90_ns"`
	P99       float64  `json:"p99_ns"`
	Bounds    []int64  `json:"bucket_bounds_ns"`
	Counts    []uint64 `json:"bucket_counts"`
	Slowest   *Example `json:"slowest"`
	Failed    *Example `json:"failed"`
}

// REDOf makes a row of a stored one; from and step are in Unix nanoseconds and
// nanoseconds.
func REDOf(row *tracestore.REDRow, from, step int64) RED {
	out := RED{
		Service: row.Service, Operation: row.Name, Time: TimeText(from + row.Step*step), Requests: row.Requests, Errors: row.Errors, SumNS: row.Sum,
		P50: row.P50, P90: row.P90, P99: row.P99, Counts: append([]uint64{}, row.Buckets...), Bounds: []int64{}, Slowest: exampleOf(row.Slowest), Failed: exampleOf(row.Failed),
	}
	for _, p := range row.Powers {
		out.Bounds = append(out.Bounds, 1<<min(max(p, 0), 62))
	}
	return out
}

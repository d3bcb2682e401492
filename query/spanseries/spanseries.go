package spanseries

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// The names that series can be made of. Durations are in seconds.
const (
	graph  = "traces_service_graph_request_"
	server = graph + "server_seconds" // and _bucket, _sum, _count
	calls  = "traces_spanmetrics_calls_total"
	spans  = "traces_spanmetrics_latency" // likewise
)

// The step of counts, about.
const (
	perRange = 20 // steps of a window
	finest   = time.Second
	plain    = 15 * time.Second // where there is no window
)

// What one selector may take.
const (
	maxRows   = 500_000    // counts
	maxPoints = 10_000_000 // of all series
)

// New makes series of a store's spans.
func New(traces *tracestore.Store) *metricexec.Maker {
	m := &maker{traces}
	return &metricexec.Maker{Knows: func(name string) bool { return valuesOf(name) != nil }, Make: m.make}
}

type maker struct{ traces *tracestore.Store }

// make is metricexec.Maker's. Series are counters that begin with 0 at the first time
// of the range, so that what they say is their increase; their last sample is of the
// range's end. A span counts when it begins.
func (m *maker) make(ctx context.Context, t tenant.ID, r metricexec.Making) ([]metricexec.Made, error) {
	values := valuesOf(r.Name)
	if r.To <= r.From {
		return nil, nil
	}
	g := gridOf(r)
	var sets []*counters
	var err error
	if strings.HasPrefix(r.Name, graph) {
		sets, err = m.calls(ctx, t, g)
	} else {
		sets, err = m.spans(ctx, t, g)
	}
	if err != nil {
		return nil, err
	}
	if len(sets)*len(values)*(g.steps+1) > maxPoints {
		return nil, tooMany("makes more than " + strconv.Itoa(maxPoints) + " points of spans")
	}
	var out []metricexec.Made
	for _, s := range sets {
		for _, v := range values {
			out = append(out, s.made(g, r.Name, v))
		}
	}
	return out, nil
}

// value is what a series counts of spans. Le is the label of a part of a histogram.
type value struct {
	le string
	of func(*tracestore.Count) float64
}

// valuesOf lists the series of a name; there are none of a name that is not made.
func valuesOf(name string) []value {
	switch name {
	case graph + "total", calls, server + "_count", spans + "_count":
		return []value{{of: func(c *tracestore.Count) float64 { return float64(c.Spans) }}}
	case graph + "failed_total":
		return []value{{of: func(c *tracestore.Count) float64 { return float64(c.Errors) }}}
	case server + "_sum", spans + "_sum":
		return []value{{of: func(c *tracestore.Count) float64 { return c.Sum / 1e9 }}}
	case server + "_bucket", spans + "_bucket":
		return buckets()
	}
	return nil
}

func buckets() []value {
	var out []value
	for i := range tracestore.Bounds + 1 {
		le := "+Inf"
		if i < tracestore.Bounds {
			le = strconv.FormatFloat(tracestore.Bound(i)/1e9, 'f', -1, 64)
		}
		out = append(out, value{le, func(c *tracestore.Count) (n float64) {
			for _, in := range c.Buckets[:i+1] {
				n += float64(in)
			}
			return n
		}})
	}
	return out
}

// grid is the times of samples, Unix ms: first, first+step, … up to the range's end.
type grid struct {
	first, step int64
	steps       int // between the times
}

// gridOf begins where the range does: functions that go on from the samples to the
// ends of a window take a counter that begins later with 0 for one that did not exist.
func gridOf(r metricexec.Making) grid {
	step := plain
	if r.Range > 0 {
		step = time.Duration(r.Range) * time.Millisecond / perRange
	}
	about := max(step, finest).Milliseconds()
	if r.Names {
		about = max(r.To-r.From, 1)
	}
	n := max((r.To-r.From+about/2)/about, 1)
	fitting := max((r.To-r.From)/n, 1)
	return grid{first: r.To - n*fitting, step: fitting, steps: int(n)}
}

func (g grid) counting() tracestore.Counting {
	at := g.first * int64(time.Millisecond)
	step := g.step * int64(time.Millisecond)
	return tracestore.Counting{From: at, To: at + int64(g.steps)*step, Step: step, Limit: maxRows}
}

// counters are the counts of what has equal labels, by step.
type counters struct {
	labels []labels.Label
	counts []tracestore.Count
}

// made is the series of a value: what it came to up to each time.
func (s *counters) made(g grid, name string, v value) metricexec.Made {
	own := append(slices.Clone(s.labels), labels.Label{Name: model.MetricNameLabel, Value: name})
	if v.le != "" {
		own = append(own, labels.Label{Name: labels.BucketLabel, Value: v.le})
	}
	out := metricexec.Made{Labels: labels.New(own...), Times: make([]int64, g.steps+1), Values: make([]float64, g.steps+1)}
	for i := range s.counts {
		out.Values[s.counts[i].Step+1] += v.of(&s.counts[i])
	}
	for i := range out.Times {
		out.Times[i] = g.first + int64(i)*g.step
		if i > 0 {
			out.Values[i] += out.Values[i-1]
		}
	}
	return out
}

func (m *maker) calls(ctx context.Context, t tenant.ID, g grid) ([]*counters, error) {
	rows, _, err := m.traces.CountCalls(ctx, t, g.counting())
	if err != nil {
		return nil, err
	}
	return gather(rows, maxRows, func(r *tracestore.CallCount) ([]labels.Label, tracestore.Count) {
		return []labels.Label{{Name: "client", Value: r.Client}, {Name: "server", Value: r.Server}}, r.Count
	})
}

func (m *maker) spans(ctx context.Context, t tenant.ID, g grid) ([]*counters, error) {
	rows, _, err := m.traces.CountSpans(ctx, t, g.counting())
	if err != nil {
		return nil, err
	}
	return gather(rows, maxRows, func(r *tracestore.SpanCount) ([]labels.Label, tracestore.Count) {
		return []labels.Label{
			{Name: "service", Value: r.Service}, {Name: "span_name", Value: r.Name},
			{Name: "span_kind", Value: "SPAN_KIND_" + word(traceql.KindNames(), r.Kind)},
			{Name: "status_code", Value: "STATUS_CODE_" + word(traceql.StatusNames(), r.Status)},
		}, r.Count
	})
}

// word is the name of a number as OTLP writes it.
func word(names []string, n uint8) string {
	if int(n) >= len(names) {
		n = 0
	}
	return strings.ToUpper(names[n])
}

func tooMany(what string) error {
	return &fault.Error{Code: fault.Limit, Limit: "max_samples", Message: "the query " + what + "; ask for less time, or with longer windows"}
}

// gather puts rows of equal labels, which follow one another, together.
func gather[R any](rows []R, most int, of func(*R) ([]labels.Label, tracestore.Count)) ([]*counters, error) {
	if len(rows) > most {
		return nil, tooMany("counts spans in more than " + strconv.Itoa(most) + " steps and names")
	}
	var out []*counters
	for i := range rows {
		own, count := of(&rows[i])
		if len(out) == 0 || !slices.Equal(out[len(out)-1].labels, own) {
			out = append(out, &counters{labels: own})
		}
		last := out[len(out)-1]
		last.counts = append(last.counts, count)
	}
	return out, nil
}

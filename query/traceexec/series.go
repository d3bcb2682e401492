package traceexec

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Grid is the times of a metrics query: N points, Step apart. A point is about
// the spans that started in the Step before it, its own moment included.
type Grid struct {
	First int64 // Unix ns
	Step  int64 // ns
	N     int
}

// Time is the i-th point's, in Unix ns.
func (g Grid) Time(i int) int64 { return g.First + int64(i)*g.Step }

// Label is part of a series' name.
type Label struct {
	Key   string
	Value traceql.Value
}

// Series is a line of a result: a value for each point of the grid, NaN where
// there is none.
type Series struct {
	Labels    []Label
	Values    []float64
	Exemplars []Exemplar
}

// Exemplar is a span that a series is made of.
type Exemplar struct {
	TraceID [16]byte
	SpanID  [8]byte
	Time    int64   // Unix ns
	Value   float64 // of the function's field or, without one, the duration in seconds
}

// SeriesSet is the result of a metrics query.
type SeriesSet struct {
	Grid   Grid
	Series []Series
	Stats  Stats
	// Pushed tells that the database did all of it.
	Pushed bool
}

// Name is the series' labels as text, which tells series apart.
func (s *Series) Name() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, l := range s.Labels {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(l.Key) + "=" + strconv.Quote(l.Value.Text()))
	}
	b.WriteByte('}')
	return b.String()
}

// builder makes series of aggregates.
type builder struct {
	metrics *traceql.Metrics
	grid    Grid
	// seconds: values are nanoseconds.
	seconds bool
	series  map[string]*Series
	order   []*Series
}

func (b *builder) at(labels []Label) *Series {
	s := &Series{Labels: labels}
	name := s.Name()
	if known, ok := b.series[name]; ok {
		return known
	}
	s.Values = make([]float64, b.grid.N)
	missing := math.NaN()
	if b.metrics.Op == "rate" || b.metrics.Op == "count_over_time" {
		missing = 0
	}
	for i := range s.Values {
		s.Values[i] = missing
	}
	b.series[name] = s
	b.order = append(b.order, s)
	return s
}

func (b *builder) scale(v float64) float64 {
	if b.seconds {
		return v / float64(time.Second)
	}
	return v
}

func (b *builder) add(r *tracestore.Aggregate) {
	if r.Step < 0 || r.Step >= int64(b.grid.N) {
		return
	}
	labels := b.labels(r.Group)
	with := func(key string, v traceql.Value) []Label { return append(slices.Clone(labels), Label{key, v}) }
	set := func(s *Series, v float64) {
		s.Values[r.Step] = v
		if r.Example.TraceID != [16]byte{} {
			s.Exemplars = append(s.Exemplars, Exemplar{r.Example.TraceID, r.Example.SpanID, r.Example.Start, b.scale(r.Example.Value)})
		}
	}
	switch op := b.metrics.Op; op {
	case "quantile_over_time":
		for i, q := range b.metrics.Quantiles {
			set(b.at(with("p", traceql.Float(q))), b.scale(r.Quantiles[i]))
		}
		return
	case "histogram_over_time":
		set(b.at(with("__bucket", traceql.Float(b.scale(math.Exp2(float64(r.Power)))))), float64(r.Spans))
		return
	default:
		if len(labels) == 0 {
			labels = []Label{b.only()}
		}
		set(b.at(labels), b.value(op, r))
	}
}

// labels are a group's, without those of absent fields.
func (b *builder) labels(group []tracestore.GroupValue) []Label {
	out := make([]Label, 0, len(group)+1)
	for i, g := range group {
		if v := groupValue(g); v.Type != traceql.TypeNil {
			out = append(out, Label{b.metrics.By[i].String(), v})
		}
	}
	return out
}

// only is the label of a series that has no other, as every series has one: the
// function or, where all fields to group by are absent, the first of them.
func (b *builder) only() Label {
	if len(b.metrics.By) > 0 {
		return Label{b.metrics.By[0].String(), traceql.Nil()}
	}
	return Label{"__name__", traceql.String(b.metrics.Op)}
}

func (b *builder) value(op string, r *tracestore.Aggregate) float64 {
	switch op {
	case "rate":
		return float64(r.Spans) / time.Duration(b.grid.Step).Seconds()
	case "min_over_time":
		return b.scale(r.Min)
	case "max_over_time":
		return b.scale(r.Max)
	case "sum_over_time":
		return b.scale(r.Sum)
	case "avg_over_time":
		return b.scale(r.Sum / float64(r.Values))
	}
	return float64(r.Spans)
}

// groupValue is a group's value with its type.
func groupValue(g tracestore.GroupValue) traceql.Value {
	switch g.Type {
	case "":
		return traceql.Nil()
	case "Int64":
		if i, err := strconv.ParseInt(g.Text, 10, 64); err == nil {
			return traceql.Int(i)
		}
	case "Float64":
		if f, err := strconv.ParseFloat(g.Text, 64); err == nil {
			return traceql.Float(f)
		}
	case "Bool":
		return traceql.Bool(g.Text == "true")
	case "Status", "Kind":
		n, _ := strconv.ParseUint(g.Text, 10, 8)
		if g.Type == "Kind" {
			return traceql.KindValue(uint8(n))
		}
		return traceql.StatusValue(uint8(n))
	}
	return traceql.String(g.Text)
}

// sorted is the series in the order of their labels.
func (b *builder) sorted() []Series {
	slices.SortFunc(b.order, func(x, y *Series) int {
		return slices.CompareFunc(x.Labels, y.Labels, func(a, b Label) int { return cmp.Or(cmp.Compare(a.Key, b.Key), traceql.Less(a.Value, b.Value)) })
	})
	out := make([]Series, len(b.order))
	for i, s := range b.order {
		out[i] = *s
	}
	return out
}

// stages applies topk, bottomk and comparisons. A series that is left without
// a value is dropped.
func stages(list []Series, all []traceql.MetricsStage, seconds bool) []Series {
	for _, st := range all {
		if st.Op == "topk" || st.Op == "bottomk" {
			extremes(list, st)
		} else {
			compareSeries(list, st, seconds)
		}
		list = slices.DeleteFunc(list, func(s Series) bool {
			return !slices.ContainsFunc(s.Values, func(v float64) bool { return !math.IsNaN(v) })
		})
	}
	return list
}

// extremes keeps the greatest or least n values of each point.
func extremes(list []Series, st traceql.MetricsStage) {
	if len(list) <= st.Limit {
		return
	}
	order := make([]int, len(list))
	for p := range list[0].Values {
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			x, y := list[a].Values[p], list[b].Values[p]
			if nx, ny := math.IsNaN(x), math.IsNaN(y); nx || ny {
				return cmp.Compare(btoi(nx), btoi(ny))
			}
			if st.Op == "topk" {
				return cmp.Compare(y, x)
			}
			return cmp.Compare(x, y)
		})
		for _, i := range order[st.Limit:] {
			list[i].Values[p] = math.NaN()
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareSeries(list []Series, st traceql.MetricsStage, seconds bool) {
	limit, _ := st.Value.Number()
	if st.Value.Type == traceql.TypeDuration && seconds {
		limit /= float64(time.Second)
	}
	holds := map[string]func(v float64) bool{
		"=": func(v float64) bool { return v == limit }, "!=": func(v float64) bool { return v != limit },
		">": func(v float64) bool { return v > limit }, ">=": func(v float64) bool { return v >= limit },
		"<": func(v float64) bool { return v < limit }, "<=": func(v float64) bool { return v <= limit },
	}[st.Op]
	for _, s := range list {
		for i, v := range s.Values {
			if !holds(v) {
				s.Values[i] = math.NaN()
			}
		}
	}
}

package traceexec

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/spanset"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Metrics evaluates a metrics query on a grid. What SQL can do whole is one
// statement; else the query is evaluated on every trace that may match. At most
// exemplars spans are given with the series. Errors are *fault.Error.
func (e *Engine) Metrics(ctx context.Context, t tenant.ID, q *traceql.Query, g Grid, exemplars int) (*SeriesSet, error) {
	m := q.Metrics
	if m == nil {
		return nil, &fault.Error{Code: fault.BadQuery, Param: "q", Message: "finds traces and has no series; add a function, as in | rate()"}
	}
	if g.N > e.Limits.MaxPoints {
		return nil, tooMany("max_points", e.Limits.MaxPoints, "points a series")
	}
	if g.N < 1 || g.Step < 1 {
		return nil, &fault.Error{Code: fault.BadQuery, Param: "step", Message: "gives no point in the range"}
	}
	if m.Compare != nil {
		return e.compare(ctx, t, q, g)
	}
	b := &builder{metrics: m, grid: g, series: map[string]*Series{}}
	b.seconds = m.Arg != nil && m.Arg.Type() == traceql.TypeDuration
	out := &SeriesSet{Grid: g}
	rows, err := e.aggregates(ctx, t, q, g, out)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if b.add(&rows[i]); len(b.order) > e.Limits.MaxSeries {
			return nil, tooMany("max_series", e.Limits.MaxSeries, "series")
		}
	}
	out.Series = stages(b.sorted(), q.Stages, b.seconds)
	thin(out.Series, exemplars)
	return out, nil
}

func (e *Engine) aggregates(ctx context.Context, t tenant.ID, q *traceql.Query, g Grid, out *SeriesSet) ([]tracestore.Aggregate, error) {
	a, ok := pushdown(q, g)
	if !ok {
		return e.aggregateSpans(ctx, t, q, g, out)
	}
	out.Pushed = true
	a.Limit = e.maxRows(q, g) + 1
	var err error
	if a.Types, err = e.keyTypes(ctx, t, q, g, &out.Stats); err != nil {
		return nil, err
	}
	rows, stats, err := e.Traces.Aggregate(ctx, t, a)
	out.Stats.Add(stats)
	if err != nil {
		return nil, fault.Of(err)
	}
	if len(rows) == a.Limit {
		return nil, tooMany("max_series", e.Limits.MaxSeries, "series")
	}
	return rows, nil
}

// keyTypes is what is known of the keys that a metrics query mentions.
func (e *Engine) keyTypes(ctx context.Context, t tenant.ID, q *traceql.Query, g Grid, stats *Stats) (tracestore.KeyTypes, error) {
	types, st, err := e.Traces.KeyTypes(ctx, t, g.First-g.Step+1, g.Time(g.N-1)+1, needOf(fieldsOf(q)).Keys)
	stats.Add(st)
	if err != nil {
		return types, fault.Of(err)
	}
	return types, nil
}

// maxRows is how many aggregates the series within the limit can have; a
// histogram has up to 64 of each.
func (e *Engine) maxRows(q *traceql.Query, g Grid) int {
	rows := e.Limits.MaxSeries * g.N
	if len(q.Metrics.By) == 0 && q.Metrics.Op != "histogram_over_time" {
		rows = g.N
	}
	return min(rows, 2_000_000)
}

// pushdown is the query as an aggregation of storage, if it is one.
func pushdown(q *traceql.Query, g Grid) (tracestore.Aggregation, bool) {
	m := q.Metrics
	where, exact := Condition(q)
	a := tracestore.Aggregation{From: g.First - g.Step, Step: g.Step, Steps: g.N, Where: where, Quantiles: m.Quantiles, Histogram: m.Op == "histogram_over_time"}
	if !exact {
		return a, false
	}
	for _, f := range m.By {
		field, ok := fieldOf(f)
		if !ok || !field.Groupable() {
			return a, false
		}
		a.By = append(a.By, field)
	}
	if m.Arg != nil {
		field, ok := fieldOf(*m.Arg)
		if !ok || !field.Summable() {
			return a, false
		}
		a.Value = &field
	}
	return a, true
}

// aggregateSpans evaluates the query on traces.
func (e *Engine) aggregateSpans(ctx context.Context, t tenant.ID, q *traceql.Query, g Grid, out *SeriesSet) ([]tracestore.Aggregate, error) {
	eval := spanset.NewEvaluator(q)
	sums := &sums{metrics: q.Metrics, grid: g, known: map[string]*sum{}}
	s := &scan{
		engine: e, tenant: t, plan: planPipeline(q.Pipeline), need: needOf(fieldsOf(q)),
		from: g.First - g.Step + 1, to: g.Time(g.N-1) + 1, batch: maxBatch / 5,
		see: func(tr *spanset.Trace) bool {
			sets := eval.Eval(tr)
			for _, i := range spanset.Members(sets) {
				sums.add(tr, i)
			}
			return len(sums.list) <= e.Limits.MaxSeries*g.N
		},
	}
	err := s.run(ctx)
	out.Stats = s.stats
	if err != nil {
		return nil, err
	}
	if s.cut {
		return nil, tooMany("max_spans", e.Limits.MaxSpans, "spans of one trace")
	}
	return sums.rows(), nil
}

// sums are aggregates in the making.
type sums struct {
	metrics *traceql.Metrics
	grid    Grid
	known   map[string]*sum
	list    []*sum
}

type sum struct {
	tracestore.Aggregate
	sketch map[int]uint64 // values by bin, for quantiles
}

func (s *sums) add(tr *spanset.Trace, i int) {
	sp := &tr.Spans[i]
	offset := sp.Start - (s.grid.First - s.grid.Step) - 1
	step := offset / s.grid.Step
	if offset < 0 || step >= int64(s.grid.N) {
		return
	}
	v := float64(sp.Duration)
	if s.metrics.Arg != nil {
		number, ok := tr.Value(i, *s.metrics.Arg).Number()
		if !ok {
			return
		}
		v = number
	}
	power := int64(0)
	if s.metrics.Op == "histogram_over_time" {
		if v <= 0 {
			return
		}
		power = int64(math.Ceil(math.Log2(v)))
	}
	key := fmt.Sprint(step, " ", power)
	group := make([]tracestore.GroupValue, len(s.metrics.By))
	for k, f := range s.metrics.By {
		group[k] = groupOf(tr.Value(i, f))
		key += "\x00" + group[k].Type + "\x01" + group[k].Text
	}
	a, ok := s.known[key]
	if !ok {
		a = &sum{Aggregate: tracestore.Aggregate{Step: step, Group: group, Power: power, Min: v, Max: v}, sketch: map[int]uint64{}}
		s.known[key] = a
		s.list = append(s.list, a)
	}
	a.Spans, a.Values, a.Sum = a.Spans+1, a.Values+1, a.Sum+v
	if a.Min = min(a.Min, v); v >= a.Max {
		a.Max = v
		a.Example = tracestore.Example{TraceID: sp.TraceID, SpanID: sp.SpanID, Start: sp.Start, Value: v}
	}
	if len(s.metrics.Quantiles) > 0 {
		a.sketch[bin(v)]++
	}
}

// groupOf is a value as a group's, so that both ways of evaluation name series
// alike.
func groupOf(v traceql.Value) tracestore.GroupValue {
	switch v.Type {
	case traceql.TypeNil:
		return tracestore.GroupValue{}
	case traceql.TypeInt:
		return tracestore.GroupValue{Type: "Int64", Text: v.Text()}
	case traceql.TypeFloat:
		return tracestore.GroupValue{Type: "Float64", Text: v.Text()}
	case traceql.TypeBool:
		return tracestore.GroupValue{Type: "Bool", Text: v.Text()}
	case traceql.TypeStatus:
		return tracestore.GroupValue{Type: "Status", Text: fmt.Sprint(v.Int)}
	case traceql.TypeKind:
		return tracestore.GroupValue{Type: "Kind", Text: fmt.Sprint(v.Int)}
	}
	return tracestore.GroupValue{Type: "String", Text: v.Text()}
}

// binsPerPower bins each power of two are below 1.1 % of a value wide.
const binsPerPower = 64

// bin is the sketch's bin of a value; those not above zero share one.
func bin(v float64) int {
	if v <= 0 {
		return math.MinInt32
	}
	return int(math.Ceil(math.Log2(v) * binsPerPower))
}

func (s *sums) rows() []tracestore.Aggregate {
	out := make([]tracestore.Aggregate, len(s.list))
	for i, a := range s.list {
		for _, q := range s.metrics.Quantiles {
			a.Quantiles = append(a.Quantiles, a.quantile(q))
		}
		out[i] = a.Aggregate
	}
	return out
}

func (a *sum) quantile(q float64) float64 {
	bins := make([]int, 0, len(a.sketch))
	for b := range a.sketch {
		bins = append(bins, b)
	}
	slices.Sort(bins)
	if q <= 0 {
		return a.Min
	}
	if q >= 1 {
		return a.Max
	}
	rank := q * float64(a.Values)
	var passed float64
	for _, b := range bins {
		if passed += float64(a.sketch[b]); passed >= rank {
			if b == math.MinInt32 {
				return min(a.Max, 0)
			}
			return min(max(math.Exp2((float64(b)-0.5)/binsPerPower), a.Min), a.Max)
		}
	}
	return a.Max
}

// thin leaves at most n exemplars, from all series alike.
func thin(list []Series, n int) {
	total := 0
	for i := range list {
		total += len(list[i].Exemplars)
	}
	if total <= n {
		return
	}
	every := 1
	if n > 0 {
		every = (total + n - 1) / n
	}
	k := 0
	for i := range list {
		kept := list[i].Exemplars[:0]
		for _, ex := range list[i].Exemplars {
			if n > 0 && k%every == 0 {
				kept = append(kept, ex)
			}
			k++
		}
		list[i].Exemplars = kept
	}
}

// labelName is a label's key as Prometheus takes it.
func labelName(key string) string {
	if key == "__bucket" {
		return "bucket"
	}
	return logline.Name(strings.TrimLeft(key, "."))
}

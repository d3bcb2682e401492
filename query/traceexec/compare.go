package traceexec

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Bounds of a comparison.
const (
	comparedSpans  = 100_000 // of each side
	comparedValues = 50_000  // values and steps of each side
)

// valueCounts is how often a population has each value of each field.
type valueCounts struct {
	total  []float64 // spans by step
	fields map[string]map[string]*counted
}

type counted struct {
	field  Label
	steps  []float64
	amount float64
}

func (c *valueCounts) add(l Label, step int64, n uint64) {
	if step < 0 || step >= int64(len(c.total)) {
		return
	}
	values := c.fields[l.Key]
	if values == nil {
		values = map[string]*counted{}
		c.fields[l.Key] = values
	}
	text := l.Value.String()
	v := values[text]
	if v == nil {
		v = &counted{field: l, steps: make([]float64, len(c.total))}
		values[text] = v
	}
	v.steps[step] += float64(n)
	v.amount += float64(n)
}

// population counts the values of spans.
func (e *Engine) population(ctx context.Context, t tenant.ID, p tracestore.Population, steps int) (*valueCounts, Stats, error) {
	out := &valueCounts{total: make([]float64, steps), fields: map[string]map[string]*counted{}}
	var stats Stats
	own, st, err := e.Traces.CountAttributes(ctx, t, p, comparedValues)
	stats.Add(st)
	if err != nil {
		return nil, stats, fault.Of(err)
	}
	for _, c := range own {
		if l, ok := ownLabel(c); ok {
			out.add(l, c.Step, c.Spans)
		}
	}
	of, st, err := e.Traces.CountResources(ctx, t, p, comparedValues)
	stats.Add(st)
	if err != nil {
		return nil, stats, fault.Of(err)
	}
	ids := make([]uint64, len(of))
	for i := range of {
		ids[i] = of[i].Resource
	}
	rows, err := e.Resources.Resources(ctx, t, ids, time.Unix(0, p.From), time.Unix(0, p.To))
	if err != nil {
		return nil, stats, fault.Of(err)
	}
	for _, c := range of {
		if c.Step >= 0 && c.Step < int64(steps) {
			out.total[c.Step] += float64(c.Spans)
		}
		row := rows[c.Resource]
		if row == nil {
			out.add(Label{"resource.service.name", traceql.String(c.Service)}, c.Step, c.Spans)
			continue
		}
		for _, kv := range row.Attributes {
			f := traceql.Field{Scope: traceql.ScopeResource, Name: kv.Key}
			out.add(Label{f.String(), traceql.OfAttribute(kv.Value)}, c.Step, c.Spans)
		}
	}
	return out, stats, nil
}

func ownLabel(c tracestore.AttributeCount) (Label, bool) {
	switch c.Field.Kind {
	case tracestore.SpanName:
		return Label{"name", traceql.String(c.Text)}, true
	case tracestore.SpanMessage:
		return Label{"statusMessage", traceql.String(c.Text)}, c.Text != ""
	case tracestore.SpanKind, tracestore.SpanStatus:
		n, _ := strconv.ParseUint(c.Text, 10, 8)
		if c.Field.Kind == tracestore.SpanKind {
			return Label{"kind", traceql.KindValue(uint8(n))}, true
		}
		return Label{"status", traceql.StatusValue(uint8(n))}, true
	}
	return Label{traceql.Field{Scope: traceql.ScopeSpan, Name: c.Field.Key}.String(), traceql.String(c.Text)}, true
}

// sides are the two populations of a comparison: the spans of base that the
// selection holds for, and the others.
func (e *Engine) sides(ctx context.Context, t tenant.ID, base, selection tracestore.Condition, p tracestore.Population, steps int) (sel, rest *valueCounts, stats Stats, err error) {
	p.Where, p.Sample = tracestore.And{base, selection}, comparedSpans
	sel, one, err := e.population(ctx, t, p, steps)
	stats.Add(one.Stats)
	if err != nil {
		return nil, nil, stats, err
	}
	p.Where = tracestore.And{base, tracestore.Not{Of: selection}}
	rest, two, err := e.population(ctx, t, p, steps)
	stats.Add(two.Stats)
	return sel, rest, stats, err
}

// compare answers | compare({…}): for both sides a series for each of the most
// frequent values of each attribute, and their totals.
func (e *Engine) compare(ctx context.Context, t tenant.ID, q *traceql.Query, g Grid) (*SeriesSet, error) {
	base, ok := Condition(q)
	selection, exact := planFilterCondition(q.Metrics.Compare.Selection)
	if !ok || !exact {
		return nil, &fault.Error{Code: fault.Unsupported, Message: "compare() takes filters only that the database can decide: no structure, no aggregates and no fields of events and links"}
	}
	if c := q.Metrics.Compare; c.Start != 0 || c.End != 0 {
		return nil, &fault.Error{Code: fault.Unsupported, Message: "compare() with a time range of the selection is not offered; narrow the query's own range"}
	}
	p := tracestore.Population{From: g.First - g.Step + 1, To: g.Time(g.N-1) + 1, Step: g.Step}
	out := &SeriesSet{Grid: g, Pushed: true}
	var err error
	if p.Types, err = e.keyTypes(ctx, t, q, g, &out.Stats); err != nil {
		return nil, err
	}
	sel, rest, stats, err := e.sides(ctx, t, base, selection, p, g.N)
	out.Stats.Add(stats.Stats)
	if err != nil {
		return nil, err
	}
	for _, side := range []struct {
		name string
		of   *valueCounts
	}{{"baseline", rest}, {"selection", sel}} {
		out.Series = append(out.Series, side.of.series(side.name, q.Metrics.Compare.TopN)...)
	}
	return out, nil
}

func planFilterCondition(f traceql.Filter) (tracestore.Condition, bool) {
	p := planFilter(f)
	return p.where, p.exact
}

func (c *valueCounts) series(side string, topN int) (list []Series) {
	keys := make([]string, 0, len(c.fields))
	for key := range c.fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		total := make([]float64, len(c.total))
		for _, v := range c.top(key, math.MaxInt) {
			for i := range total {
				total[i] += v.steps[i]
			}
		}
		for _, v := range c.top(key, topN) {
			list = append(list, Series{Labels: []Label{{"__meta_type", traceql.String(side)}, v.field}, Values: v.steps})
		}
		list = append(list, Series{Labels: []Label{{"__meta_type", traceql.String(side + "_total")}, {key, traceql.Nil()}}, Values: total})
	}
	return list
}

// top is the most frequent values of a field.
func (c *valueCounts) top(key string, n int) []*counted {
	list := make([]*counted, 0, len(c.fields[key]))
	for _, v := range c.fields[key] {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *counted) int {
		return cmp.Or(cmp.Compare(b.amount, a.amount), traceql.Less(a.field.Value, b.field.Value))
	})
	return list[:min(n, len(list))]
}

// Delta is how much more frequent a value is among the selected spans.
type Delta struct {
	Field                      string
	Value                      traceql.Value
	Selected, Others           float64 // share of the spans, 0 to 1
	SelectedCount, OthersCount uint64
}

// Deltas are the values that tell selected spans from others, those with the
// greatest difference first.
type Deltas struct {
	List                      []Delta
	SelectedSpans, OtherSpans uint64 // looked at
	Stats                     Stats
}

// leastDifference is a share that is worth a line.
const leastDifference = 0.02

// Deltas compares the spans of [from, to) that base and selection hold for with
// the others that base holds for.
func (e *Engine) Deltas(ctx context.Context, t tenant.ID, base, selection tracestore.Condition, from, to time.Time, limit int) (*Deltas, error) {
	p := tracestore.Population{From: from.UnixNano(), To: to.UnixNano()}
	var known conn.Stats
	var err error
	if p.Types, known, err = e.Traces.KeyTypes(ctx, t, p.From, p.To, tracestore.Keys(tracestore.And{base, selection})); err != nil {
		return nil, fault.Of(err)
	}
	sel, rest, stats, err := e.sides(ctx, t, base, selection, p, 1)
	if err != nil {
		return nil, err
	}
	stats.Add(known)
	out := &Deltas{SelectedSpans: uint64(sel.total[0]), OtherSpans: uint64(rest.total[0]), Stats: stats}
	if out.SelectedSpans == 0 || out.OtherSpans == 0 {
		return out, nil
	}
	for key, values := range sel.fields {
		for text, v := range values {
			d := Delta{Field: key, Value: v.field.Value, SelectedCount: uint64(v.amount), Selected: v.amount / sel.total[0]}
			if other := rest.fields[key][text]; other != nil {
				d.OthersCount, d.Others = uint64(other.amount), other.amount/rest.total[0]
			}
			if math.Abs(d.Selected-d.Others) >= leastDifference {
				out.List = append(out.List, d)
			}
		}
	}
	slices.SortFunc(out.List, func(a, b Delta) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Selected-b.Others), math.Abs(a.Selected-a.Others)), cmp.Compare(a.Field, b.Field), traceql.Less(a.Value, b.Value))
	})
	out.List = out.List[:min(limit, len(out.List))]
	return out, nil
}

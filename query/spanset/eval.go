package spanset

import (
	"slices"

	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// Set is some spans of a trace, as indexes into Trace.Spans in rising
// order, with what the pipeline found out about them.
type Set struct {
	Spans      []int
	Attributes []Result
}

// Result is a value of a spanset, such as count() or by(resource.env).
type Result struct {
	Name  string
	Value traceql.Value
}

// Evaluator evaluates the spanset part of one query; safe for concurrent use.
type Evaluator struct {
	query    *traceql.Query
	patterns patterns
}

// NewEvaluator makes an evaluator.
func NewEvaluator(q *traceql.Query) *Evaluator { return &Evaluator{query: q} }

// Eval evaluates the pipeline on a trace. No spansets means that the trace does
// not match.
func (e *Evaluator) Eval(t *Trace) []Set {
	if len(t.Spans) == 0 {
		return nil
	}
	ev := evaluator{trace: t, patterns: &e.patterns}
	sets, _ := ev.pipeline(e.query.Pipeline, []Set{everything(t)})
	return sets
}

func everything(t *Trace) Set {
	s := Set{Spans: make([]int, len(t.Spans))}
	for i := range s.Spans {
		s.Spans[i] = i
	}
	return s
}

// pipeline also returns the expression of a scalar it ends in.
func (ev *evaluator) pipeline(p traceql.Pipeline, sets []Set) ([]Set, traceql.ScalarExpr) {
	for _, stage := range p.Stages {
		switch s := stage.(type) {
		case traceql.Spans:
			sets = ev.each(sets, func(in Set) []Set { return ev.spans(s.Expr, in) })
		case traceql.GroupBy:
			sets = ev.each(sets, func(in Set) []Set { return ev.groups(s, in) })
		case traceql.Coalesce:
			sets = coalesce(sets)
		case traceql.ScalarFilter:
			sets = ev.each(sets, func(in Set) []Set { return ev.scalarFilter(s, in) })
		case traceql.Scalar:
			return sets, s.Expr
		}
		if len(sets) == 0 {
			return nil, nil
		}
	}
	return sets, nil
}

func (ev *evaluator) each(sets []Set, f func(Set) []Set) (out []Set) {
	for _, s := range sets {
		out = append(out, f(s)...)
	}
	return out
}

// spans evaluates a selection on the spans of a spanset.
func (ev *evaluator) spans(e traceql.SpansExpr, in Set) []Set {
	switch e := e.(type) {
	case traceql.Filter:
		if out := ev.filter(e, in.Spans); len(out) > 0 {
			return []Set{{out, in.Attributes}}
		}
	case traceql.Nested:
		sets, _ := ev.pipeline(e.Pipeline, []Set{in})
		return sets
	case traceql.Structural:
		left, right := Members(ev.spans(e.Left, in)), Members(ev.spans(e.Right, in))
		if out := ev.join(e.Op, left, right); len(out) > 0 {
			return []Set{{out, in.Attributes}}
		}
	}
	return nil
}

func (ev *evaluator) filter(f traceql.Filter, spans []int) []int {
	if f.Condition == nil {
		return spans
	}
	var out []int
	for _, i := range spans {
		if ev.value(i, f.Condition).True() {
			out = append(out, i)
		}
	}
	return out
}

// Members are the spans of all sets, each once, in order.
func Members(sets []Set) []int {
	if len(sets) == 1 {
		return sets[0].Spans
	}
	var all []int
	for _, s := range sets {
		all = append(all, s.Spans...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func coalesce(sets []Set) []Set {
	if len(sets) == 0 {
		return nil
	}
	return []Set{{Spans: Members(sets)}}
}

// groups splits a spanset by the value of an expression, in the order of the
// groups' first spans.
func (ev *evaluator) groups(g traceql.GroupBy, in Set) (out []Set) {
	name := g.String()
	index := map[string]int{}
	for _, i := range in.Spans {
		v := ev.value(i, g.By)
		key := string(rune('a'+v.Type)) + v.String()
		at, ok := index[key]
		if !ok {
			at = len(out)
			index[key] = at
			out = append(out, Set{Attributes: append(slices.Clone(in.Attributes), Result{name, v})})
		}
		out[at].Spans = append(out[at].Spans, i)
	}
	return out
}

func (ev *evaluator) scalarFilter(f traceql.ScalarFilter, in Set) []Set {
	l, r := ev.scalar(f.Left, in), ev.scalar(f.Right, in)
	if l.Type == traceql.TypeNil || r.Type == traceql.TypeNil || !ev.compare(f.Op, l, r) {
		return nil
	}
	out := Set{in.Spans, slices.Clone(in.Attributes)}
	for _, side := range []struct {
		e traceql.ScalarExpr
		v traceql.Value
	}{{f.Left, l}, {f.Right, r}} {
		if a, ok := side.e.(traceql.Aggregate); ok {
			out.Attributes = append(out.Attributes, Result{a.String(), side.v})
		}
	}
	if n, ok := f.Left.(traceql.Nested); ok { // the spans are those the scalar was made of
		if sets, _ := ev.pipeline(n.Pipeline, []Set{in}); len(sets) > 0 {
			out.Spans = Members(sets)
		}
	}
	return []Set{out}
}

// scalar is a number of a spanset, nil where it has none.
func (ev *evaluator) scalar(e traceql.ScalarExpr, in Set) traceql.Value {
	switch e := e.(type) {
	case traceql.Constant:
		return e.Value
	case traceql.ScalarOp:
		return traceql.Arithmetic(e.Op, ev.scalar(e.Left, in), ev.scalar(e.Right, in))
	case traceql.Aggregate:
		return ev.aggregate(e, in.Spans)
	case traceql.Nested:
		sets, scalar := ev.pipeline(e.Pipeline, []Set{in})
		if scalar == nil || len(sets) == 0 {
			return traceql.Nil()
		}
		return ev.scalar(scalar, Set{Spans: Members(sets)})
	}
	return traceql.Nil()
}

func (ev *evaluator) aggregate(a traceql.Aggregate, spans []int) traceql.Value {
	if a.Op == "count" {
		return traceql.Int(int64(len(spans)))
	}
	result, n := traceql.Nil(), 0
	for _, i := range spans {
		v := ev.value(i, a.Arg)
		if !v.Type.Numeric() {
			continue
		}
		n++
		if result.Type == traceql.TypeNil {
			result = v
			continue
		}
		switch a.Op {
		case "min", "max":
			if c, ok := traceql.CompareNumbers(v, result); ok && (c < 0) == (a.Op == "min") && c != 0 {
				result = v
			}
		default:
			result = traceql.Arithmetic("+", result, v)
		}
	}
	if a.Op == "avg" && n > 0 {
		if result.Type == traceql.TypeInt {
			return traceql.Float(float64(result.Int) / float64(n))
		}
		return traceql.Arithmetic("/", result, traceql.Int(int64(n)))
	}
	return result
}

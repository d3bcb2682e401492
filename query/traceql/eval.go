package traceql

import "slices"

// Spanset is some spans of a trace, as indexes into Trace.Spans in rising
// order, with what the pipeline found out about them.
type Spanset struct {
	Spans      []int
	Attributes []Result
}

// Result is a value of a spanset, such as count() or by(resource.env).
type Result struct {
	Name  string
	Value Value
}

// Evaluator evaluates the spanset part of one query; safe for concurrent use.
type Evaluator struct {
	query    *Query
	patterns patterns
}

// NewEvaluator makes an evaluator.
func NewEvaluator(q *Query) *Evaluator { return &Evaluator{query: q} }

// Eval evaluates the pipeline on a trace. No spansets means that the trace does
// not match.
func (e *Evaluator) Eval(t *Trace) []Spanset {
	if len(t.Spans) == 0 {
		return nil
	}
	ev := evaluator{trace: t, patterns: &e.patterns}
	sets, _ := ev.pipeline(e.query.Pipeline, []Spanset{everything(t)})
	return sets
}

func everything(t *Trace) Spanset {
	s := Spanset{Spans: make([]int, len(t.Spans))}
	for i := range s.Spans {
		s.Spans[i] = i
	}
	return s
}

// pipeline also returns the expression of a scalar it ends in.
func (ev *evaluator) pipeline(p Pipeline, sets []Spanset) ([]Spanset, ScalarExpr) {
	for _, stage := range p.Stages {
		switch s := stage.(type) {
		case Spans:
			sets = ev.each(sets, func(in Spanset) []Spanset { return ev.spans(s.Expr, in) })
		case GroupBy:
			sets = ev.each(sets, func(in Spanset) []Spanset { return ev.groups(s, in) })
		case Coalesce:
			sets = coalesce(sets)
		case ScalarFilter:
			sets = ev.each(sets, func(in Spanset) []Spanset { return ev.scalarFilter(s, in) })
		case Scalar:
			return sets, s.Expr
		}
		if len(sets) == 0 {
			return nil, nil
		}
	}
	return sets, nil
}

func (ev *evaluator) each(sets []Spanset, f func(Spanset) []Spanset) (out []Spanset) {
	for _, s := range sets {
		out = append(out, f(s)...)
	}
	return out
}

// spans evaluates a selection on the spans of a spanset.
func (ev *evaluator) spans(e SpansExpr, in Spanset) []Spanset {
	switch e := e.(type) {
	case Filter:
		if out := ev.filter(e, in.Spans); len(out) > 0 {
			return []Spanset{{out, in.Attributes}}
		}
	case Nested:
		sets, _ := ev.pipeline(e.Pipeline, []Spanset{in})
		return sets
	case Structural:
		left, right := flatten(ev.spans(e.Left, in)), flatten(ev.spans(e.Right, in))
		if out := ev.join(e.Op, left, right); len(out) > 0 {
			return []Spanset{{out, in.Attributes}}
		}
	}
	return nil
}

func (ev *evaluator) filter(f Filter, spans []int) []int {
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

func flatten(sets []Spanset) []int {
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

func coalesce(sets []Spanset) []Spanset {
	if len(sets) == 0 {
		return nil
	}
	return []Spanset{{Spans: flatten(sets)}}
}

// groups splits a spanset by the value of an expression, in the order of the
// groups' first spans.
func (ev *evaluator) groups(g GroupBy, in Spanset) (out []Spanset) {
	name := g.String()
	index := map[string]int{}
	for _, i := range in.Spans {
		v := ev.value(i, g.By)
		key := string(rune('a'+v.Type)) + v.String()
		at, ok := index[key]
		if !ok {
			at = len(out)
			index[key] = at
			out = append(out, Spanset{Attributes: append(slices.Clone(in.Attributes), Result{name, v})})
		}
		out[at].Spans = append(out[at].Spans, i)
	}
	return out
}

func (ev *evaluator) scalarFilter(f ScalarFilter, in Spanset) []Spanset {
	l, r := ev.scalar(f.Left, in), ev.scalar(f.Right, in)
	if l.Type == TypeNil || r.Type == TypeNil || !ev.compare(f.Op, l, r) {
		return nil
	}
	out := Spanset{in.Spans, slices.Clone(in.Attributes)}
	for _, side := range []struct {
		e ScalarExpr
		v Value
	}{{f.Left, l}, {f.Right, r}} {
		if a, ok := side.e.(Aggregate); ok {
			out.Attributes = append(out.Attributes, Result{a.String(), side.v})
		}
	}
	if n, ok := f.Left.(Nested); ok { // the spans are those the scalar was made of
		if sets, _ := ev.pipeline(n.Pipeline, []Spanset{in}); len(sets) > 0 {
			out.Spans = flatten(sets)
		}
	}
	return []Spanset{out}
}

// scalar is a number of a spanset, nil where it has none.
func (ev *evaluator) scalar(e ScalarExpr, in Spanset) Value {
	switch e := e.(type) {
	case Constant:
		return e.Value
	case ScalarOp:
		return arithmetic(e.Op, ev.scalar(e.Left, in), ev.scalar(e.Right, in))
	case Aggregate:
		return ev.aggregate(e, in.Spans)
	case Nested:
		sets, scalar := ev.pipeline(e.Pipeline, []Spanset{in})
		if scalar == nil || len(sets) == 0 {
			return Nil()
		}
		return ev.scalar(scalar, Spanset{Spans: flatten(sets)})
	}
	return Nil()
}

func (ev *evaluator) aggregate(a Aggregate, spans []int) Value {
	if a.Op == "count" {
		return Int(int64(len(spans)))
	}
	result, n := Nil(), 0
	for _, i := range spans {
		v := ev.value(i, a.Arg)
		if !v.Type.numeric() {
			continue
		}
		n++
		if result.Type == TypeNil {
			result = v
			continue
		}
		switch a.Op {
		case "min", "max":
			if c, ok := compareNumbers(v, result); ok && (c < 0) == (a.Op == "min") && c != 0 {
				result = v
			}
		default:
			result = arithmetic("+", result, v)
		}
	}
	if a.Op == "avg" && n > 0 {
		if result.Type == TypeInt {
			return Float(float64(result.Int) / float64(n))
		}
		return arithmetic("/", result, Int(int64(n)))
	}
	return result
}

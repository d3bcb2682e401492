package traceql

import (
	"strings"
)

// Query is a whole query: a pipeline that selects spansets and, for a metrics
// query, what is made of them.
type Query struct {
	Pipeline Pipeline
	Metrics  *Metrics // nil for a search
	Stages   []MetricsStage
	Hints    []Hint
}

// Pipeline is stages, each on the spansets of the one before.
type Pipeline struct{ Stages []Stage }

// Stage is one of Spans, ScalarFilter, GroupBy, Coalesce and Select; in
// parentheses the last one may be a Scalar.
type Stage interface {
	String() string
	stage()
}

// SpansExpr selects spans of a spanset: Filter, Structural or Nested.
type SpansExpr interface {
	String() string
	spans()
}

// Spans is a stage that selects spans.
type Spans struct{ Expr SpansExpr }

// Filter is { condition }; without a condition it is every span.
type Filter struct{ Condition Expr }

// Structural joins two selections: by logic (&&, ||) or by place in the trace.
type Structural struct {
	Op          string
	Left, Right SpansExpr
}

// Nested is a pipeline in parentheses.
type Nested struct{ Pipeline Pipeline }

// ScalarFilter keeps spansets for which a comparison of scalars holds.
type ScalarFilter struct {
	Op          string
	Left, Right ScalarExpr
}

// ScalarExpr is a number of a spanset: Aggregate, ScalarOp, Constant or Nested.
type ScalarExpr interface {
	String() string
	scalar()
}

// Scalar is a stage that ends a nested pipeline in a number.
type Scalar struct{ Expr ScalarExpr }

// Aggregate is count(), avg(f), min(f), max(f) or sum(f).
type Aggregate struct {
	Op  string
	Arg Expr // nil for count
	at  int
}

// ScalarOp is arithmetic.
type ScalarOp struct {
	Op          string
	Left, Right ScalarExpr
}

// Constant is a value written in the query.
type Constant struct {
	Value Value
	at    int
}

// GroupBy splits spansets by a value of their spans.
type GroupBy struct{ By Expr }

// Coalesce joins the spansets of a trace.
type Coalesce struct{}

// Select adds fields to what is returned of each span.
type Select struct{ Fields []Field }

// Expr is a value of a span: Field, Constant, Unary or Binary.
type Expr interface {
	String() string
	expr()
}

// Unary is -x or !x.
type Unary struct {
	Op string
	X  Expr
	at int
}

// Binary is an operation on two values.
type Binary struct {
	Op          string
	Left, Right Expr
	at          int
}

// Metrics is the function that makes series of spans.
type Metrics struct {
	Op        string // rate, count_over_time, min_over_time, …, compare
	Arg       *Field // of the functions of a field
	Quantiles []float64
	By        []Field
	Compare   *Comparison // of compare
}

// Comparison is the arguments of compare.
type Comparison struct {
	Selection  Filter
	TopN       int   // values of each attribute; 10 where not given
	Start, End int64 // Unix ns of the selection, 0 and 0 for no limit
}

// MetricsStage is what is done with series: topk(n), bottomk(n), or a
// comparison with a number.
type MetricsStage struct {
	Op    string // topk, bottomk, or the operator of a comparison
	Limit int
	Value Value
}

// Hint is one of with(key=value, …).
type Hint struct {
	Key   string
	Value Value
	at    int
}

func (Spans) stage()        {}
func (ScalarFilter) stage() {}
func (GroupBy) stage()      {}
func (Coalesce) stage()     {}
func (Select) stage()       {}
func (Scalar) stage()       {}

func (Filter) spans()     {}
func (Structural) spans() {}
func (Nested) spans()     {}

func (Aggregate) scalar() {}
func (ScalarOp) scalar()  {}
func (Constant) scalar()  {}
func (Nested) scalar()    {}

func (Field) expr()    {}
func (Constant) expr() {}
func (Unary) expr()    {}
func (Binary) expr()   {}

// Hint is the value of a hint; not ok if it is not given.
func (q *Query) Hint(key string) (Value, bool) {
	for _, h := range q.Hints {
		if h.Key == key {
			return h.Value, true
		}
	}
	return Value{}, false
}

// String prints the query in a form that reads back as the same query.
func (q *Query) String() string {
	var b strings.Builder
	b.WriteString(q.Pipeline.String())
	if q.Metrics != nil {
		b.WriteString(" | " + q.Metrics.String())
	}
	for _, s := range q.Stages {
		b.WriteString(s.String())
	}
	for i, h := range q.Hints {
		if i == 0 {
			b.WriteString(" with(")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(h.Key + "=" + h.Value.String())
	}
	if len(q.Hints) > 0 {
		b.WriteString(")")
	}
	return b.String()
}

func (p Pipeline) String() string { return joined(p.Stages, " | ") }

func joined[T interface{ String() string }](list []T, by string) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = e.String()
	}
	return strings.Join(parts, by)
}

func (s Spans) String() string { return s.Expr.String() }

func (f Filter) String() string {
	if f.Condition == nil {
		return "{ }"
	}
	return "{ " + f.Condition.String() + " }"
}

func (s Structural) String() string {
	return operandSpans(s.Left) + " " + s.Op + " " + operandSpans(s.Right)
}

func operandSpans(e SpansExpr) string {
	if s, ok := e.(Structural); ok {
		return "(" + s.String() + ")"
	}
	return e.String()
}

func (n Nested) String() string { return "(" + n.Pipeline.String() + ")" }

func (s ScalarFilter) String() string {
	return s.Left.String() + " " + s.Op + " " + s.Right.String()
}

func (s Scalar) String() string { return s.Expr.String() }

func (a Aggregate) String() string {
	if a.Arg == nil {
		return a.Op + "()"
	}
	return a.Op + "(" + a.Arg.String() + ")"
}

func (s ScalarOp) String() string {
	return operandScalar(s.Left) + " " + s.Op + " " + operandScalar(s.Right)
}

func operandScalar(e ScalarExpr) string {
	if _, ok := e.(ScalarOp); ok {
		return "(" + e.String() + ")"
	}
	return e.String()
}

func (c Constant) String() string { return c.Value.String() }
func (g GroupBy) String() string  { return "by(" + g.By.String() + ")" }
func (Coalesce) String() string   { return "coalesce()" }
func (s Select) String() string   { return "select(" + joined(s.Fields, ", ") + ")" }

func (u Unary) String() string { return u.Op + operand(u.X) }

func (b Binary) String() string { return operand(b.Left) + " " + b.Op + " " + operand(b.Right) }

func operand(e Expr) string {
	switch e := e.(type) {
	case Binary, Unary:
		return "(" + e.String() + ")"
	case Constant:
		if n, ok := e.Value.Number(); ok && n < 0 {
			return "(" + e.String() + ")"
		}
	}
	return e.String()
}

func (m Metrics) String() string {
	var args []string
	if m.Arg != nil {
		args = append(args, m.Arg.String())
	}
	for _, q := range m.Quantiles {
		args = append(args, Float(q).String())
	}
	if c := m.Compare; c != nil {
		args = append(args, c.Selection.String(), Int(int64(c.TopN)).String())
		if c.Start != 0 || c.End != 0 {
			args = append(args, Int(c.Start).String(), Int(c.End).String())
		}
	}
	text := m.Op + "(" + strings.Join(args, ", ") + ")"
	if len(m.By) > 0 {
		text += " by(" + joined(m.By, ", ") + ")"
	}
	return text
}

func (s MetricsStage) String() string {
	if s.Op == "topk" || s.Op == "bottomk" {
		return " | " + s.Op + "(" + Int(int64(s.Limit)).String() + ")"
	}
	return " " + s.Op + " " + s.Value.String()
}

package promplan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"

	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// Options are what of an engine's configuration decides over a plan.
type Options struct {
	Lookback time.Duration
	// NoStep is the step, in ms, of a subquery that names none, by its range.
	NoStep func(rangeMS int64) int64
	// Starts uses the start times of samples in rate, irate, increase and
	// resets.
	Starts bool
	// Delayed drops names when the query ends.
	Delayed bool
	// TypeLabels says that series carry their type as a label.
	TypeLabels bool
	// Parse parses as the engine does.
	Parse func(string) (parser.Expr, error)
}

// Build plans an expression that promql.PreprocessExpr has been applied to for
// the query's range. query is the text it was parsed from.
func (o Options) Build(query string, expr parser.Expr) metricplan.Node {
	b := &builder{Options: o, query: query}
	n, err := b.node(expr, "")
	if err == nil {
		return n
	}
	return &metricplan.Foreign{Query: query, Why: err.Error()}
}

type builder struct {
	Options
	query string
}

// foreign is the reason that a subtree is left to Prometheus's engine.
type foreign string

func (f foreign) Error() string { return string(f) }

// node plans an expression. above is the name of the nearest function or
// aggregation it is an argument of.
func (b *builder) node(expr parser.Expr, above string) (metricplan.Node, error) {
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return &metricplan.Number{Value: e.Val}, nil
	case *parser.StringLiteral:
		return &metricplan.Text{Value: e.Val}, nil
	case *parser.ParenExpr:
		return b.node(e.Expr, above)
	case *parser.StepInvariantExpr:
		n, err := b.node(e.Expr, above)
		if err != nil {
			return nil, err
		}
		if _, ok := n.(*metricplan.Number); ok {
			return n, nil
		}
		return &metricplan.Once{Expr: n}, nil
	case *parser.UnaryExpr:
		n, err := b.node(e.Expr, above)
		if err != nil || e.Op != parser.SUB {
			return n, err
		}
		return &metricplan.Call{Name: "-", Args: []metricplan.Node{n}, Func: negate}, nil
	case *parser.VectorSelector:
		return b.latest(e, above)
	case *parser.AggregateExpr:
		return b.aggregate(e)
	case *parser.BinaryExpr:
		return b.binary(e)
	case *parser.Call:
		return b.orForeign(e, func() (metricplan.Node, error) { return b.call(e) })
	}
	return nil, foreign(fmt.Sprintf("a %s", parser.DocumentedType(expr.Type())))
}

// orForeign leaves a subtree to Prometheus's engine if it cannot be planned and
// can be asked for alone.
func (b *builder) orForeign(e parser.Expr, plan func() (metricplan.Node, error)) (metricplan.Node, error) {
	n, err := plan()
	why, ok := err.(foreign)
	if !ok {
		return n, err
	}
	text, alone := b.alone(e)
	if !alone {
		return nil, err
	}
	return &metricplan.Foreign{Query: text, Why: string(why)}, nil
}

// alone is the query with everything outside a subtree blanked out. Not ok
// means that the subtree depends on what is around it: the range of the query
// as a whole.
func (b *builder) alone(e parser.Expr) (string, bool) {
	whole, err := b.Parse(b.query)
	if err != nil || usesRange(whole) {
		return "", false
	}
	at := e.PositionRange()
	if at.Start < 0 || at.Start > at.End || int(at.End) > len(b.query) {
		return "", false
	}
	blank := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '\n' {
				return r
			}
			return ' '
		}, s)
	}
	text := blank(b.query[:at.Start]) + b.query[at.Start:at.End]
	parsed, err := b.Parse(text)
	if err != nil || parsed.String() != e.String() {
		return "", false
	}
	return text, true
}

// usesRange tells whether an expression refers to the range or step of the
// query.
func usesRange(e parser.Expr) bool {
	uses := false
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.Call:
			switch n.Func.Name {
			case "start", "end", "range", "step":
				uses = true
			}
		case *parser.VectorSelector:
			uses = uses || n.StartOrEnd != 0 || n.OriginalOffsetExpr != nil
		case *parser.MatrixSelector:
			uses = uses || n.RangeExpr != nil
		case *parser.SubqueryExpr:
			uses = uses || n.StartOrEnd != 0 || n.RangeExpr != nil || n.OriginalOffsetExpr != nil || n.StepExpr != nil
		}
		return nil
	})
	return uses
}

func (b *builder) selector(e *parser.VectorSelector, above string) *metricplan.Selector {
	return &metricplan.Selector{Matchers: e.LabelMatchers, Func: above, Stats: e.SkipHistogramBuckets, Pos: e.PosRange}
}

// latest plans an instant selector.
func (b *builder) latest(e *parser.VectorSelector, above string) (metricplan.Node, error) {
	if e.Smoothed {
		return nil, foreign("smoothed")
	}
	return &metricplan.Rollup{
		Selector: b.selector(e, above), Range: b.Lookback.Milliseconds(), Offset: e.OriginalOffset.Milliseconds(), At: e.Timestamp,
		Kernel: rollup.Latest, Window: latestWindow, Thin: rollup.ThinLast, KeepStale: true, KeepName: true, Pos: e.PosRange,
	}, nil
}

func (b *builder) aggregate(e *parser.AggregateExpr) (metricplan.Node, error) {
	name := e.Op.String()
	n := &metricplan.Aggregate{Name: name, Op: e.Op, Without: e.Without, Labels: slices.Clone(e.Grouping), Pos: e.PosRange, ArgPos: e.Expr.PositionRange()}
	if e.Without {
		n.Labels = append(n.Labels, model.MetricNameLabel, model.MetricTypeLabel, model.MetricUnitLabel)
	}
	if e.Param != nil {
		n.ParPos = e.Param.PositionRange()
		var err error
		if n.Param, err = b.node(e.Param, name); err != nil {
			return nil, err
		}
	}
	if t, ok := n.Param.(*metricplan.Text); ok && !e.Without {
		n.Labels = append(n.Labels, t.Value)
	}
	slices.Sort(n.Labels)
	var err error
	n.Expr, err = b.node(e.Expr, name)
	return n, err
}

func (b *builder) binary(e *parser.BinaryExpr) (metricplan.Node, error) {
	n := &metricplan.Binary{
		Op: e.Op, Bool: e.ReturnBool, Pos: e.PositionRange(),
		LeftScalar: e.LHS.Type() == parser.ValueTypeScalar, RightScalar: e.RHS.Type() == parser.ValueTypeScalar,
	}
	if !n.LeftScalar && !n.RightScalar {
		n.Matching = e.VectorMatching
	}
	var err error
	if n.Left, err = b.node(e.LHS, ""); err != nil {
		return nil, err
	}
	n.Right, err = b.node(e.RHS, "")
	return n, err
}

// extend lets a function see beyond its windows if the selector says so. Only
// Prometheus's own code knows what to do with what is there.
func (b *builder) extend(n *metricplan.Rollup, vs *parser.VectorSelector) error {
	lookback := b.Lookback.Milliseconds()
	switch {
	case vs.Anchored:
		if _, ok := promql.AnchoredSafeFunctions[n.Name]; !ok {
			return foreign("anchored " + n.Name)
		}
		n.Before, n.Kernel = lookback, nil
	case vs.Smoothed:
		if _, ok := promql.SmoothedSafeFunctions[n.Name]; !ok {
			return foreign("smoothed " + n.Name)
		}
		n.Before, n.After, n.Kernel = lookback, lookback, nil
	}
	return nil
}

// call plans a function.
func (b *builder) call(e *parser.Call) (metricplan.Node, error) {
	name := e.Func.Name
	if name == "timestamp" || name == "start_timestamp" {
		if vs, ok := e.Args[0].(*parser.VectorSelector); ok {
			return b.timestamp(name, vs)
		}
		if inner, ok := e.Args[0].(*parser.StepInvariantExpr); ok {
			if _, ok := inner.Expr.(*parser.VectorSelector); ok {
				return nil, foreign(name + " of a fixed selector")
			}
		}
	}
	for i, a := range e.Args {
		switch a := a.(type) {
		case *parser.MatrixSelector:
			return b.rollup(e, i, a.VectorSelector.(*parser.VectorSelector), a, nil)
		case *parser.SubqueryExpr:
			return b.rollup(e, i, nil, nil, a)
		}
	}
	n := &metricplan.Call{Name: name}
	for _, a := range e.Args {
		arg, err := b.node(a, name)
		if err != nil {
			return nil, err
		}
		n.Args = append(n.Args, arg)
	}
	n.Func = functionOf(e)
	if n.Func == nil {
		if b.Delayed || promql.FunctionCalls[name] == nil {
			return nil, foreign(name) // Prometheus's functions cannot be told to keep names
		}
		n.Func = stepByStep(e)
	}
	return n, nil
}

// timestamp plans the time of a selector's sample, which its value hides.
func (b *builder) timestamp(name string, vs *parser.VectorSelector) (metricplan.Node, error) {
	if name == "start_timestamp" && b.Starts {
		return nil, foreign(name)
	}
	n, err := b.latest(vs, name)
	if err != nil {
		return nil, err
	}
	r := n.(*metricplan.Rollup)
	r.Name, r.KeepName, r.Kernel, r.Window = name, false, rollup.LatestTime, latestTime
	if name == "start_timestamp" { // no sample has one
		r.Kernel, r.Window, r.Thin = nothing, nil, nil
	}
	return r, nil
}

// rollup plans a function of a range vector, its argument i.
func (b *builder) rollup(e *parser.Call, i int, vs *parser.VectorSelector, ms *parser.MatrixSelector, sub *parser.SubqueryExpr) (metricplan.Node, error) {
	name := e.Func.Name
	known, ok := rollups[name]
	if !ok || promql.FunctionCalls[name] == nil {
		return nil, foreign(name)
	}
	n := &metricplan.Rollup{Name: name, Kernel: known.kernel, KeepName: known.keepName, Thin: known.thin}
	var at posrange.PositionRange
	switch {
	case vs != nil:
		n.Selector = b.selector(vs, name)
		if err := b.extend(n, vs); err != nil {
			return nil, err
		}
		n.Range, n.Offset, n.At, at = ms.Range.Milliseconds(), vs.OriginalOffset.Milliseconds(), vs.Timestamp, ms.PositionRange()
	default:
		inner, err := b.node(sub.Expr, name)
		if err != nil {
			return nil, err
		}
		n.Range, n.Offset, n.At = sub.Range.Milliseconds(), sub.OriginalOffset.Milliseconds(), sub.Timestamp
		step := sub.Step.Milliseconds()
		if step == 0 {
			step = b.NoStep(n.Range)
		}
		n.Subquery = &metricplan.Subquery{Expr: inner, Step: step}
	}
	n.Pos = e.Args[i].PositionRange()
	for k, a := range e.Args {
		if k == i {
			continue
		}
		arg, err := b.node(a, name)
		if err != nil {
			return nil, err
		}
		n.Args = append(n.Args, arg)
	}
	n.Starts = b.Starts && known.starts
	n.Window = b.window(e, i, n, vs, at)
	n.Check = b.check(name, at)
	if name == "absent_over_time" {
		n.Kernel, n.Window, n.KeepName = rollup.One, presentWindow, true // many a name; only whether there is one counts
		return &metricplan.Call{Name: name, Args: []metricplan.Node{n}, Func: absentOf(e.Args[i])}, nil
	}
	return n, nil
}

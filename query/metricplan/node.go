package metricplan

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// Node is an operation of a plan.
type Node interface {
	// Children are the nodes whose results this one works on.
	Children() []Node
	// Describe is the operation in one line, without its children.
	Describe() string
}

// Number is a scalar constant.
type Number struct{ Value float64 }

// Text is a string constant; it can only be an argument or a whole query.
type Text struct{ Value string }

// Selector finds stored series.
type Selector struct {
	Matchers []*labels.Matcher
	// Or are further sets of matchers; a series is meant if it matches one set.
	Or [][]*labels.Matcher
	// Func is the function or aggregation nearest above the selector: the source
	// shows delta series accordingly.
	Func string
	// Stats says that of native histograms only count and sum are looked at.
	Stats bool
	Pos   posrange.PositionRange
}

// Subquery evaluates a node on a grid of its own: the multiples of Step that lie
// in the windows of the rollup above it.
type Subquery struct {
	Expr Node
	Step int64
}

// Rollup makes a column of the samples of each series. Exactly one of Selector
// and Subquery is set. A step at t looks at the window (t-Offset-Range,
// t-Offset], or with At or AtOf at the same window at every step, which ends that
// much before that time.
type Rollup struct {
	Name          string // of the function; "" for a plain selector
	Selector      *Selector
	Subquery      *Subquery
	Range, Offset int64
	At            *int64
	AtOf          Node // a scalar, whose first cell is the time in seconds; nil if none
	// Before and After are how much earlier than the first window and later than
	// the last samples are read, for functions that look beyond a window: a
	// kernel finds them among the samples, a WindowFunc in its window.
	Before, After int64
	// Kernel serves series of floats; nil leaves them to Expand, or else to Window.
	Kernel rollup.Kernel
	// Expand serves them if it is not nil and makes several series of each.
	Expand ExpandFunc
	// Window serves series with native histograms or start times, window by
	// window; nil leaves histograms out and does not look at start times.
	Window WindowFunc
	// Thin, if not nil, serves series of which a rollup is enough.
	Thin *rollup.Thin
	// Starts asks for start times of samples.
	Starts bool
	// Args are the scalar arguments besides the range vector.
	Args []Node
	// Across says that a cell depends on which samples are read beside those of its
	// window and Before.
	Across bool
	// KeepStale leaves stale markers among the samples.
	KeepStale bool
	// KeepName keeps the name of the metric.
	KeepName bool
	// Check, if not nil, is told of each series that came to any floats, before
	// its name is dropped; safe for concurrent use.
	Check CheckFunc
	Pos   posrange.PositionRange
}

// ExpandFunc is a kernel that makes several series of one, and their labels of its labels.
type ExpandFunc func(l labels.Labels, ts []int64, vs []float64, w rollup.Windows, args [][]float64) []column.Series

// CheckFunc says what there is to say of a series that a rollup with scalar
// arguments came to.
type CheckFunc func(s *column.Series, args [][]float64, warn func(error))

// Window is the samples of one series in one window. The slices are valid
// during a call.
type Window struct {
	Labels     labels.Labels
	Floats     []promql.FPoint
	Histograms []promql.HPoint
	Starts     promql.StartTimestamps
	HasStarts  bool
	Step       int64 // time of the step
	Offset     int64 // from the end of the window to the step
	Args       []float64
}

// WindowFunc computes one cell; ok false means absent.
type WindowFunc func(w *Window, warn func(error)) (v float64, h *histogram.FloatHistogram, ok bool, err error)

// Env is what a Function may know of the evaluation it is part of.
type Env struct {
	Grid     column.Grid
	Lookback int64
	// Delayed says that names are dropped when the query ends (Series.DropName)
	// and not at once.
	Delayed bool
	// Warn adds an annotation; safe for concurrent use.
	Warn func(error)
	// Room refuses more cells than there is room for. A function that makes many more than it was given asks
	// before.
	Room func(cells int64) error
	// Share calls f for runs of n items that make up all of them, side by side.
	Share func(n int, f func(from, to int))
}

// Operand is one evaluated argument.
type Operand struct {
	Series []column.Series
	Text   string // of a Text
}

// Scalar is the column of a scalar argument.
func (o *Operand) Scalar() []float64 { return o.Series[0].Values }

// Function computes the result of a Call. Series that come out with equal
// labels are merged by the evaluator, and are an error where their cells meet.
type Function func(env *Env, args []Operand) ([]column.Series, error)

// Call applies a function to evaluated arguments.
type Call struct {
	Name string
	Args []Node
	Func Function
	// Across says that a cell depends on other steps than its own.
	Across bool
}

// Op is an operator between cells.
type Op = parser.ItemType

// Aggregate brings the series of each group together. Exactly one of Op and
// Group says how.
type Aggregate struct {
	Name    string
	Op      Op // an aggregation operator of PromQL
	Group   GroupFunc
	Without bool
	Labels  []string // sorted; with Without the ones to leave out, names included
	Param   Node     // nil if none; a scalar, or a Text
	Expr    Node
	Pos     posrange.PositionRange // of the expression
	ArgPos  posrange.PositionRange // of Expr
	ParPos  posrange.PositionRange // of Param
}

// GroupFunc aggregates the series of one group; by is the labels of the group,
// param the column of the parameter, nil if there is none.
type GroupFunc func(env *Env, by labels.Labels, group []column.Series, param []float64) ([]column.Series, error)

// Binary is an arithmetic, comparison or set operator of PromQL.
type Binary struct {
	Op                      Op
	Left, Right             Node
	LeftScalar, RightScalar bool
	Bool                    bool
	Matching                *parser.VectorMatching // between two vectors
	Pos                     posrange.PositionRange
}

// Once evaluates a node for the first step and repeats it.
type Once struct{ Expr Node }

// Foreign is evaluated by Prometheus's own engine. Query is the text of the
// query with everything outside the subtree blanked out, so that positions stay
// true.
type Foreign struct {
	Query string
	Why   string
}

// Children of each kind of node.
func (*Number) Children() []Node  { return nil }
func (*Text) Children() []Node    { return nil }
func (*Foreign) Children() []Node { return nil }
func (n *Once) Children() []Node  { return []Node{n.Expr} }
func (n *Call) Children() []Node  { return n.Args }
func (n *Binary) Children() []Node {
	return []Node{n.Left, n.Right}
}

func (n *Rollup) Children() []Node {
	out := n.Args[:len(n.Args):len(n.Args)]
	if n.AtOf != nil {
		out = append(out, n.AtOf)
	}
	if n.Subquery != nil {
		out = append(out, n.Subquery.Expr)
	}
	return out
}

func (n *Aggregate) Children() []Node {
	if n.Param == nil {
		return []Node{n.Expr}
	}
	return []Node{n.Param, n.Expr}
}

// Walk calls f for a node and all below it, parents first.
func Walk(n Node, f func(Node)) {
	f(n)
	for _, c := range n.Children() {
		Walk(c, f)
	}
}

package promapi

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// node is one object of the answer of parse_query; encoding/json writes its
// fields in the order of their names, as Prometheus does.
type node map[string]any

// encodeTree writes an expression's syntax in the shape that Prometheus's
// parse_query has.
func encodeTree(e parser.Expr) (json.RawMessage, error) {
	root, err := treeOf(e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(root)
}

// treeOf is the object of an expression, nil for none.
func treeOf(e parser.Expr) (any, error) {
	switch e := e.(type) {
	case nil:
		return nil, nil
	case *parser.AggregateExpr:
		n := node{"type": "aggregation", "op": e.Op.String(), "grouping": filled(e.Grouping), "without": e.Without}
		return n.with("expr", e.Expr, "param", e.Param)
	case *parser.BinaryExpr:
		n := node{"type": "binaryExpr", "op": e.Op.String(), "bool": e.ReturnBool, "matching": matchingOf(e.VectorMatching)}
		return n.with("lhs", e.LHS, "rhs", e.RHS)
	case *parser.Call:
		return callTree(e)
	case *parser.MatrixSelector:
		return rangeTree(e)
	case *parser.SubqueryExpr:
		n := node{"type": "subquery", "range": e.Range.Milliseconds(), "step": e.Step.Milliseconds(),
			"offset": e.OriginalOffset.Milliseconds(), "timestamp": e.Timestamp, "startOrEnd": edgeOf(e.StartOrEnd)}
		if err := n.durations("rangeExpr", e.RangeExpr, "stepExpr", e.StepExpr, "offsetExpr", e.OriginalOffsetExpr); err != nil {
			return nil, err
		}
		return n.with("expr", e.Expr)
	case *parser.DurationExpr:
		return durationTree(e)
	case *parser.NumberLiteral:
		return node{"type": "numberLiteral", "val": strconv.FormatFloat(e.Val, 'f', -1, 64)}, nil
	case *parser.StringLiteral:
		return node{"type": "stringLiteral", "val": e.Val}, nil
	case *parser.ParenExpr:
		return node{"type": "parenExpr"}.with("expr", e.Expr)
	case *parser.UnaryExpr:
		return node{"type": "unaryExpr", "op": e.Op.String()}.with("expr", e.Expr)
	case *parser.VectorSelector:
		return selectorTree(e)
	}
	return nil, fmt.Errorf("syntax tree: expression of unknown kind %T", e)
}

// with adds children, given as name and expression in turn.
func (n node) with(children ...any) (any, error) {
	for i := 0; i < len(children); i += 2 {
		child, _ := children[i+1].(parser.Expr)
		tree, err := treeOf(child)
		if err != nil {
			return nil, err
		}
		n[children[i].(string)] = tree
	}
	return n, nil
}

// durations adds duration expressions likewise.
func (n node) durations(children ...any) error {
	for i := 0; i < len(children); i += 2 {
		child, _ := children[i+1].(*parser.DurationExpr)
		tree, err := durationTree(child)
		if err != nil {
			return err
		}
		n[children[i].(string)] = tree
	}
	return nil
}

func callTree(e *parser.Call) (any, error) {
	args := []any{}
	for _, arg := range e.Args {
		tree, err := treeOf(arg)
		if err != nil {
			return nil, err
		}
		args = append(args, tree)
	}
	f := node{"name": e.Func.Name, "argTypes": e.Func.ArgTypes, "variadic": e.Func.Variadic, "returnType": e.Func.ReturnType}
	return node{"type": "call", "func": f, "args": args}, nil
}

func selectorTree(e *parser.VectorSelector) (node, error) {
	n := node{"type": "vectorSelector", "name": e.Name, "offset": e.OriginalOffset.Milliseconds(), "matchers": matchersOf(e.LabelMatchers),
		"timestamp": e.Timestamp, "startOrEnd": edgeOf(e.StartOrEnd), "anchored": e.Anchored, "smoothed": e.Smoothed}
	return n, n.durations("offsetExpr", e.OriginalOffsetExpr)
}

func rangeTree(e *parser.MatrixSelector) (any, error) {
	selector, ok := e.VectorSelector.(*parser.VectorSelector)
	if !ok {
		return nil, fmt.Errorf("syntax tree: range over %T", e.VectorSelector)
	}
	n, err := selectorTree(selector)
	if err != nil {
		return nil, err
	}
	n["type"], n["range"] = "matrixSelector", e.Range.Milliseconds()
	return n, n.durations("rangeExpr", e.RangeExpr)
}

// durationTree is the object of a duration that is an expression, nil for one
// that is a plain number of the selector.
func durationTree(e parser.Expr) (any, error) {
	switch e := e.(type) {
	case nil:
		return nil, nil
	case *parser.DurationExpr:
		if e == nil {
			return nil, nil
		}
		lhs, err := durationTree(e.LHS)
		if err != nil {
			return nil, err
		}
		rhs, err := durationTree(e.RHS)
		if err != nil {
			return nil, err
		}
		return node{"type": "durationExpr", "op": e.Op.String(), "lhs": lhs, "rhs": rhs, "wrapped": e.Wrapped}, nil
	case *parser.NumberLiteral:
		return node{"type": "numberLiteral", "val": strconv.FormatFloat(e.Val, 'f', -1, 64), "duration": e.Duration}, nil
	}
	return treeOf(e)
}

func matchingOf(m *parser.VectorMatching) any {
	if m == nil {
		return nil
	}
	return node{"card": m.Card.String(), "labels": filled(m.MatchingLabels), "on": m.On, "include": filled(m.Include),
		"fillValues": node{"lhs": m.FillValues.LHS, "rhs": m.FillValues.RHS}}
}

func matchersOf(matchers []*labels.Matcher) []node {
	out := []node{}
	for _, m := range matchers {
		out = append(out, node{"name": m.Name, "value": m.Value, "type": m.Type.String()})
	}
	return out
}

// edgeOf is start or end of an @ modifier, nil without.
func edgeOf(item parser.ItemType) any {
	if item == 0 {
		return nil
	}
	return item.String()
}

// filled makes an empty list of none, so that it is [] and not null.
func filled(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

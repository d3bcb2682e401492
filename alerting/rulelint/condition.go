package rulelint

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// condition finds alerts that never fire, and those that fire whenever there is
// data.
func (c *checker) condition(r *rulefile.Rule, expr parser.Expr) {
	for {
		paren, ok := expr.(*parser.ParenExpr)
		if !ok {
			break
		}
		expr = paren.Expr
	}
	e, ok := expr.(*parser.BinaryExpr)
	if !ok {
		if !yieldsByCondition(expr) {
			c.add(r, "it compares nothing, so it fires whenever the expression has a result")
		}
		return
	}
	switch {
	case e.Op == parser.LAND:
		c.excluding(r, e)
	case e.Op == parser.LUNLESS && e.LHS.String() == e.RHS.String():
		c.add(r, "it never fires: %s is taken from itself", e.LHS)
	case e.Op.IsComparisonOperator():
		c.comparison(r, e)
	case e.Op.IsSetOperator():
	default:
		c.add(r, "it compares nothing, so it fires whenever the expression has a result")
	}
}

// yieldsByCondition says whether an expression that is no comparison can be a
// condition: absent and the like, and series that are there or not.
func yieldsByCondition(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.Call:
		return e.Func.Name == "absent" || e.Func.Name == "absent_over_time" || e.Func.Name == "vector"
	case *parser.VectorSelector:
		return e.Name == "ALERTS"
	case *parser.AggregateExpr:
		inner, ok := e.Expr.(*parser.BinaryExpr)
		return ok && (inner.Op.IsComparisonOperator() || inner.Op.IsSetOperator()) || !ok && yieldsByCondition(e.Expr)
	}
	return false
}

func (c *checker) comparison(r *rulefile.Rule, e *parser.BinaryExpr) {
	low, high := valuesOf(e.LHS)
	otherLow, otherHigh := valuesOf(e.RHS)
	never := false
	switch e.Op {
	case parser.GTR:
		never = high <= otherLow
	case parser.GTE:
		never = high < otherLow
	case parser.LSS:
		never = low >= otherHigh
	case parser.LTE:
		never = low > otherHigh
	case parser.EQLC:
		never = high < otherLow || low > otherHigh
	case parser.NEQ:
		never = low == high && otherLow == otherHigh && low == otherLow
	}
	same := e.LHS.String() == e.RHS.String() && (e.Op == parser.GTR || e.Op == parser.LSS || e.Op == parser.NEQ)
	switch {
	case e.ReturnBool:
		c.add(r, "with `bool` the comparison yields 0 or 1, so it fires whatever the outcome is")
	case never || same:
		c.add(r, "it never fires: %s cannot be %s %s", e.LHS, e.Op, e.RHS)
	}
}

// excluding finds two comparisons of one thing that exclude each other.
func (c *checker) excluding(r *rulefile.Rule, e *parser.BinaryExpr) {
	a, aLow, aHigh := bounds(e.LHS)
	b, bLow, bHigh := bounds(e.RHS)
	if a != "" && a == b && math.Max(aLow, bLow) > math.Min(aHigh, bHigh) {
		c.add(r, "it never fires: %s and %s exclude each other", e.LHS, e.RHS)
	}
}

// bounds reads `x > 1` as x in (1, +Inf); nothing of another expression.
func bounds(expr parser.Expr) (what string, low, high float64) {
	if paren, ok := expr.(*parser.ParenExpr); ok {
		return bounds(paren.Expr)
	}
	e, ok := expr.(*parser.BinaryExpr)
	if !ok || e.ReturnBool {
		return "", 0, 0
	}
	limit, ok := e.RHS.(*parser.NumberLiteral)
	if !ok {
		return "", 0, 0
	}
	switch e.Op {
	case parser.GTR:
		return e.LHS.String(), math.Nextafter(limit.Val, math.Inf(1)), math.Inf(1)
	case parser.GTE:
		return e.LHS.String(), limit.Val, math.Inf(1)
	case parser.LSS:
		return e.LHS.String(), math.Inf(-1), math.Nextafter(limit.Val, math.Inf(-1))
	case parser.LTE:
		return e.LHS.String(), math.Inf(-1), limit.Val
	case parser.EQLC:
		return e.LHS.String(), limit.Val, limit.Val
	}
	return "", 0, 0
}

// valuesOf is the range the values of an expression lie in.
func valuesOf(expr parser.Expr) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return valuesOf(e.Expr)
	case *parser.NumberLiteral:
		return e.Val, e.Val
	case *parser.UnaryExpr:
		if e.Op == parser.SUB {
			low, high = valuesOf(e.Expr)
			return -high, -low
		}
		return valuesOf(e.Expr)
	case *parser.AggregateExpr:
		if e.Op == parser.COUNT {
			return 1, high // what there is none of yields nothing
		}
		if e.Op == parser.GROUP {
			return 1, 1
		}
	case *parser.Call:
		switch e.Func.Name {
		case "vector":
			return valuesOf(e.Args[0])
		case "absent", "absent_over_time", "present_over_time":
			return 1, 1
		case "count_over_time":
			return 1, high
		case "rate", "irate", "increase", "changes", "resets", "abs", "stddev_over_time", "stdvar_over_time":
			return 0, high
		}
	}
	return low, high
}

package spanset

import (
	"regexp"
	"sync"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
)

// evaluator is what evaluations of one query share.
type evaluator struct {
	trace    *Trace
	patterns *patterns
}

// patterns are compiled regular expressions; safe for concurrent use.
type patterns struct{ known sync.Map }

func (p *patterns) match(pattern, text string) bool {
	re, ok := p.known.Load(pattern)
	if !ok {
		compiled, err := regexp.Compile(attrcol.Anchored(pattern))
		if err != nil { // checked by the parser
			return false
		}
		re, _ = p.known.LoadOrStore(pattern, compiled)
	}
	return re.(*regexp.Regexp).MatchString(text)
}

// value evaluates an expression for the i-th span.
func (ev *evaluator) value(i int, e traceql.Expr) traceql.Value {
	switch e := e.(type) {
	case traceql.Field:
		return ev.trace.Value(i, e)
	case traceql.Constant:
		return e.Value
	case traceql.Unary:
		x := ev.value(i, e.X)
		if e.Op == "!" {
			if x.Type != traceql.TypeBool {
				return traceql.Nil()
			}
			return traceql.Bool(x.Int == 0)
		}
		if v, ok := traceql.Negated(x); ok {
			return v
		}
		return traceql.Nil()
	case traceql.Binary:
		return ev.binary(i, e)
	}
	return traceql.Nil()
}

func (ev *evaluator) binary(i int, e traceql.Binary) traceql.Value {
	switch e.Op {
	case "&&":
		return traceql.Bool(ev.value(i, e.Left).True() && ev.value(i, e.Right).True())
	case "||":
		return traceql.Bool(ev.value(i, e.Left).True() || ev.value(i, e.Right).True())
	}
	l, r := ev.value(i, e.Left), ev.value(i, e.Right)
	if traceql.IsArithmetic(e.Op) {
		return traceql.Arithmetic(e.Op, l, r)
	}
	return traceql.Bool(ev.compare(e.Op, l, r))
}

func (ev *evaluator) compare(op string, l, r traceql.Value) bool {
	return traceql.Compare(op, l, r, ev.patterns.match)
}

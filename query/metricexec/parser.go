package metricexec

import (
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/spelling"
)

// Parser is Prometheus's parser with one addition: an expression spells each label
// in one way only, so that `by ("http.method")` and `{http_method="GET"}` mean the
// same label.
type Parser struct{ parser.Parser }

// NewParser returns a parser of PromQL as Prometheus ships it, with the features
// that are on.
func NewParser(f Features) Parser { return Parser{parser.NewParser(f.parser())} }

// ParseExpr parses an expression and unifies its spelling. An error is
// parser.ParseErrors and carries positions in the input as written.
func (p Parser) ParseExpr(input string) (parser.Expr, error) {
	expr, _, err := p.Spelled(input)
	return expr, err
}

// Spelled is ParseExpr and says which spellings the expression uses.
func (p Parser) Spelled(input string) (parser.Expr, spelling.Names, error) {
	expr, err := p.Parser.ParseExpr(input)
	if err != nil {
		return nil, nil, err
	}
	return expr, spelling.Unify(expr), nil
}

// facts is what is known of an expression without evaluating it.
type facts struct {
	spelled spelling.Names
	reads   []relativeRead
	reach   int64 // see reachOf
}

// knownExprs is how many expressions a generation of facts has, so at most twice
// as many are kept.
const knownExprs = 25_000

func newFacts() *recent[string, facts] {
	return newRecent[string](knownExprs, func(facts) int { return 1 })
}

// factsOf parses an expression unless it did lately: rules and panels are evaluated
// again and again. One that does not parse spells and reads nothing, and cannot be
// cut into steps; the error is its evaluation's to tell.
func (e *Engine) factsOf(expr string) facts {
	if f, ok := e.facts.get(expr); ok {
		return f
	}
	f := facts{reach: -1}
	if parsed, spelled, err := e.parser.Spelled(expr); err == nil {
		f = facts{spelled, readsOf(parsed, spelled, e.config.Lookback), reachOf(parsed, e.config.Lookback)}
	}
	e.facts.add(expr, f)
	return f
}

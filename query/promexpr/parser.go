package promexpr

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

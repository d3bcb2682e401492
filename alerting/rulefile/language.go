package rulefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trefoil-o11y/trefoil/alerting/sqlrule"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"go.yaml.in/yaml/v3"
)

// Languages are the values a group's `type` may have, each with what reads its
// expressions.
type Languages map[Language]language.Parse

// AllLanguages are those of package language, with the features of PromQL that are
// on, and SQL.
func AllLanguages(f promexpr.Features) Languages {
	all := Languages{SQL: sqlrule.Parse}
	for name, parse := range language.All(f) {
		all[Language(name)] = parse
	}
	return all
}

// expression reads the expr of a rule; nil when it is wrong.
func (p *reader) expression(node *yaml.Node, text string, in Language) *language.Expr {
	parse := p.opts.Languages[in]
	if parse == nil {
		return nil // The group's type is a problem already.
	}
	if strings.TrimSpace(text) == "" {
		p.add(node, "expr is empty")
		return nil
	}
	expr, err := parse(text)
	if err == nil && expr.Kind != language.Vector && expr.Kind != language.Scalar {
		err = &fault.Error{
			Code: fault.BadQuery, Position: fault.PositionOf(text, 0),
			Message: fmt.Sprintf("expression yields a %s; a rule needs an instant vector or a scalar", expr.Kind),
		}
	}
	if err == nil {
		return expr
	}
	at, message := *resolve(node), err.Error()
	if failure, ok := errors.AsType[*fault.Error](err); ok {
		message, _, _ = strings.Cut(strings.TrimPrefix(failure.Message, "parse error: "), "\n")
		if failure.Position != nil {
			at.Line, at.Column = p.place(&at, text, *failure.Position)
		}
	}
	p.add(&at, "expr: %s", message)
	return nil
}

// place is where in the file a place in a value is, as far as its style of
// quoting lets it be known; the value's beginning where it does not.
func (p *reader) place(node *yaml.Node, value string, in fault.Position) (line, column int) {
	switch {
	case node.Style&yaml.LiteralStyle != 0:
		return node.Line + in.Line, p.indent(node.Line) + in.Column
	case in.Line > 1:
		return node.Line, node.Column
	case node.Style&(yaml.FoldedStyle|yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && p.has(node, value):
		return node.Line, node.Column + in.Column - 1
	case node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && p.has(node, value):
		return node.Line, node.Column + in.Column
	default:
		return node.Line, node.Column
	}
}

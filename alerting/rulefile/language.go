package rulefile

import (
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
)

// Check parses an expression of one language and answers how the language
// itself prints it. A mistake with a known place is an *ExprError.
type Check func(expr string) (printed string, err error)

// ExprError is a mistake inside an expression.
type ExprError struct {
	// Offset is the byte of the expression where the mistake begins.
	Offset  int
	Message string
}

func (e *ExprError) Error() string { return e.Message }

// CheckPromQL is the Check of PromQL: Prometheus's own parser, and its rule
// that an alert or a record is made of a vector or a scalar.
func CheckPromQL(expr string) (string, error) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return "", promqlError(err)
	}
	switch parsed.Type() {
	case parser.ValueTypeVector, parser.ValueTypeScalar:
		return parsed.String(), nil
	default:
		return "", &ExprError{Message: fmt.Sprintf(
			"expression yields a %s; a rule needs an instant vector or a scalar", parser.DocumentedType(parsed.Type()))}
	}
}

func promqlError(err error) error {
	if list, ok := errors.AsType[parser.ParseErrors](err); ok && len(list) > 0 {
		return &ExprError{Offset: int(list[0].PositionRange.Start), Message: list[0].Err.Error()}
	}
	if one, ok := errors.AsType[*parser.ParseErr](err); ok {
		return &ExprError{Offset: int(one.PositionRange.Start), Message: one.Err.Error()}
	}
	return err
}

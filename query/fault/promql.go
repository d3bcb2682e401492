package fault

import (
	"errors"
	"strings"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// ofParse maps what the PromQL parser returns; nil if err is none of it.
func ofParse(err error) *Error {
	first, ok := errors.AsType[*parser.ParseErr](err)
	if !ok {
		all, ok := errors.AsType[parser.ParseErrors](err)
		if !ok || len(all) == 0 {
			return nil
		}
		first = &all[0]
	}
	if first.Query == "" { // as Prometheus has it
		return &Error{Code: BadQuery, Message: "unknown position: parse error: " + first.Err.Error(), Err: err}
	}
	return &Error{
		Code:     BadQuery,
		Message:  "parse error: " + first.Err.Error(),
		Position: PositionOf(first.Query, int(first.PositionRange.Start)),
		Err:      err,
	}
}

// PositionOf turns a byte offset into a position; an offset outside the query
// is its end.
func PositionOf(query string, offset int) *Position {
	before := query[:min(max(offset, 0), len(query))]
	line := strings.Count(before, "\n")
	column := len(before) - (strings.LastIndexByte(before, '\n') + 1)
	return &Position{Line: line + 1, Column: column + 1}
}

// ofEngine maps the PromQL engine's own errors; nil if err is none of them.
func ofEngine(err error) *Error {
	if e, ok := errors.AsType[promql.ErrStorage](err); ok {
		return Of(e.Err)
	}
	if _, ok := errors.AsType[promql.ErrQueryTimeout](err); ok {
		return &Error{Code: Timeout, Message: err.Error(), Limit: "timeout", Err: err}
	}
	if _, ok := errors.AsType[promql.ErrQueryCanceled](err); ok {
		return &Error{Code: Canceled, Message: err.Error(), Err: err}
	}
	if _, ok := errors.AsType[promql.ErrTooManySamples](err); ok {
		return &Error{Code: Limit, Message: err.Error(), Limit: "max_samples", Err: err}
	}
	return nil
}

func fromStorage(err error) bool {
	_, ok := errors.AsType[promql.ErrStorage](err)
	return ok
}

package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Code is a class of failure.
type Code string

const (
	BadQuery    Code = "bad_query"   // the request is malformed: a parameter, a query's syntax
	Execution   Code = "execution"   // the query is well-formed but cannot be evaluated on this data
	NotFound    Code = "not_found"   // the named thing does not exist
	Limit       Code = "limit"       // a limit was reached; Error.Limit names it
	Timeout     Code = "timeout"     // the time limit was reached
	Unavailable Code = "unavailable" // storage cannot answer now; try again
	Unsupported Code = "unsupported" // not offered by this version
	Canceled    Code = "canceled"    // the client has gone
	Internal    Code = "internal"    // our fault
)

// statusClientClosedRequest is the status logged for a client that left; it
// never reaches anybody.
const statusClientClosedRequest = 499

// Status is the HTTP status of the class.
func (c Code) Status() int {
	switch c {
	case BadQuery:
		return http.StatusBadRequest
	case Execution, Limit:
		return http.StatusUnprocessableEntity
	case NotFound:
		return http.StatusNotFound
	case Timeout, Unavailable:
		return http.StatusServiceUnavailable
	case Unsupported:
		return http.StatusNotImplemented
	case Canceled:
		return statusClientClosedRequest
	default:
		return http.StatusInternalServerError
	}
}

// Position is a place in a query, both counted from 1; columns count bytes.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Error is a failure with its class and what a client can do about it.
type Error struct {
	Code       Code
	Message    string        // one sentence for people, without the position
	Param      string        // the request parameter at fault, if one is
	Position   *Position     // where in the query, if known
	Limit      string        // which limit, for Limit and Timeout
	RetryAfter time.Duration // for Unavailable, 0 if nothing is known
	Err        error         // the cause, nil if this is the cause
}

func (e *Error) Error() string {
	text := e.Message
	if e.Position != nil {
		text = fmt.Sprintf("%d:%d: %s", e.Position.Line, e.Position.Column, text)
	}
	if e.Param != "" {
		text = fmt.Sprintf("invalid parameter %q: %s", e.Param, text)
	}
	return text
}

// Caret is the line of a query that a position is in, with a caret below it.
func Caret(query string, p Position) string {
	lines := strings.Split(query, "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	line := lines[p.Line-1]
	before := line[:min(max(p.Column-1, 0), len(line))]
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r // as wide as the one above it
		}
		return ' '
	}, before)
	return line + "\n" + indent + "^"
}

func (e *Error) Unwrap() error { return e.Err }

// Param is a request whose parameter name is wrong.
func Param(name string, err error) *Error {
	e := &Error{Code: BadQuery, Message: err.Error(), Param: name, Err: err}
	if parse := ofParse(err); parse != nil {
		e.Message, e.Position = parse.Message, parse.Position
	}
	return e
}

// Optional reads a parameter that need not be there; otherwise is its value then.
// What read cannot make sense of is a Param.
func Optional[T any](form url.Values, name string, otherwise T, read func(string) (T, error)) (T, error) {
	s := form.Get(name)
	if s == "" {
		return otherwise, nil
	}
	value, err := read(s)
	if err != nil {
		return value, Param(name, err)
	}
	return value, nil
}

// Of classifies an error of storage or of a request's context; what it does not
// know is Internal. It returns nil for nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e := ofParse(err); e != nil {
		return e
	}
	if e := ofEngine(err); e != nil {
		return e
	}
	if e := ofStorage(err); e != nil {
		return e
	}
	return ofContext(err, Internal)
}

// OfEvaluation classifies an error of a PromQL evaluation: as Of, but what it
// does not know is Execution, since the engine returns plain errors for queries
// that do not fit the data.
func OfEvaluation(err error) *Error {
	e := Of(err)
	if e != nil && e.Code == Internal && e.Err == err && !fromStorage(err) {
		e.Code = Execution
	}
	return e
}

func ofContext(err error, otherwise Code) *Error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Timeout, Message: "query timed out", Limit: "timeout", Err: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: Canceled, Message: "query was canceled", Err: err}
	}
	return &Error{Code: otherwise, Message: strings.TrimSpace(err.Error()), Err: err}
}

package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// retryAfter is how long clients are asked to wait for storage; an engine that
// crashed is back in seconds.
const retryAfter = 2 * time.Second

// ofStorage maps storage's error classes; nil if err has none.
func ofStorage(err error) *Error {
	if e, ok := errors.AsType[*attrcol.MatcherError](err); ok {
		return &Error{Code: BadQuery, Message: e.Error(), Err: err}
	}
	e, ok := errors.AsType[*conn.Error](err)
	if !ok {
		return nil
	}
	switch e.Class {
	case conn.Unavailable:
		return &Error{Code: Unavailable, Message: "storage is unavailable: " + e.Message, RetryAfter: retryAfter, Err: err}
	case conn.Timeout:
		return &Error{Code: Timeout, Message: "query timed out in storage", Limit: "timeout", Err: err}
	case conn.Limit:
		return &Error{Code: Limit, Limit: e.Limit, Err: err,
			Message: fmt.Sprintf("query reached the limit %s: %s; narrow the query or raise the limit", e.Limit, e.Message)}
	case conn.Canceled:
		return &Error{Code: Canceled, Message: "query was canceled", Err: err}
	}
	return &Error{Code: Internal, Message: "storage failed: " + e.Error(), Err: err}
}

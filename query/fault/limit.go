package fault

import (
	"fmt"

	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// TooManySeries is the error of a query that touches more series than it may.
func TooManySeries(limit int, err error) error {
	return &Error{Code: Limit, Limit: "max_series", Err: err, Message: fmt.Sprintf(
		"query touches more than %d series; add matchers, or raise the limit max_series", limit)}
}

// TooManySamples is the error of a query that reads more samples than it may.
func TooManySamples(limit int, err error) error {
	return &Error{Code: Limit, Limit: "max_samples", Err: err, Message: fmt.Sprintf(
		"query reads more than %d samples; shorten the range, select fewer series, or raise the limit max_samples", limit)}
}

// OverLimit tells whether the store found more than it was told to list.
func OverLimit(err error) bool { return conn.ClassOf(err) == conn.Limit }

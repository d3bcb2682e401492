package conn

import "fmt"

// LimitOr is a limit where there is one, above zero, and otherwise the other.
func LimitOr(limit, otherwise int) int {
	if limit <= 0 {
		return otherwise
	}
	return limit
}

// Over is the error of a read that finds more than the limit of that name allows.
func Over(op, name string, limit int) error {
	return &Error{Class: Limit, Op: op, Limit: name, Message: fmt.Sprintf("more than %d", limit)}
}

package delivery

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// bulkheads keep what is wrong with one table from holding up the others: each
// table has a breaker of its own, for errors that are the table's. Errors of
// the server or of the way there are the Shipper's own breaker's.
type bulkheads struct {
	first, most time.Duration

	mu     sync.Mutex
	tables map[string]*breaker
}

// of is the table's breaker.
func (h *bulkheads) of(table string) *breaker {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.tables[table]
	if b == nil {
		b = newBreaker("table "+table, h.first, h.most)
		if h.tables == nil {
			h.tables = map[string]*breaker{}
		}
		h.tables[table] = b
	}
	return b
}

// each calls f for every table that has come up, in order of their names.
func (h *bulkheads) each(f func(table string, b *breaker)) {
	h.mu.Lock()
	var names []string
	for name := range h.tables {
		names = append(names, name)
	}
	h.mu.Unlock()
	slices.Sort(names)
	for _, name := range names {
		f(name, h.of(name))
	}
}

// err is why tables are closed off, nil while none is.
func (h *bulkheads) err() error {
	var errs []error
	h.each(func(_ string, b *breaker) { errs = append(errs, b.err()) })
	return errors.Join(errs...)
}

// stuckError means that a table does not take rows now, while others may.
type stuckError struct{ err error }

func (e *stuckError) Error() string { return e.err.Error() }
func (e *stuckError) Unwrap() error { return e.err }

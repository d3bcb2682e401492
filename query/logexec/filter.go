package logexec

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Filter is a query of lines as a condition on stored records, whole: for joins,
// which the server does alone. A comparison of numbers does not find what is no
// number, and a line filter finds bodies that are texts only. What needs more
// than filters is Unsupported. Errors are *fault.Error.
func (e *Engine) Filter(ctx context.Context, t tenant.ID, l *logql.Log, from, to time.Time) (logstore.Filter, error) {
	p := pushed{exact: true, strict: true}
	p.log(l)
	if !p.exact {
		return logstore.Filter{}, &fault.Error{Code: fault.Unsupported, Message: "the database joins by line filters and label filters on what is stored, compared as texts or numbers; parsers, formats and ip() it does not know there"}
	}
	f, err := e.newRun(t).filter(ctx, from, to, p)
	if err != nil {
		return f, Failure(err)
	}
	if p.lines && !f.TextOnly {
		f.Where = append(f.Where, logstore.Body{})
	}
	return f, nil
}

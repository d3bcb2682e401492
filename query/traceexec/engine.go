package traceexec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Limits bound one query. A zero field means its default.
type Limits struct {
	MaxTraces int // looked at by a search, or by a metrics query that SQL cannot do; 20,000
	MaxSpans  int // held at once; 200,000
	MaxSeries int // of a metrics query; 5,000
	MaxPoints int // per series; 11,000
	MaxNames  int // in a list of names or values; 10,000
}

func (l *Limits) setDefaults() {
	for _, d := range []struct {
		limit     *int
		otherwise int
	}{{&l.MaxTraces, 20_000}, {&l.MaxSpans, 200_000}, {&l.MaxSeries, 5_000}, {&l.MaxPoints, 11_000}, {&l.MaxNames, 10_000}} {
		if *d.limit <= 0 {
			*d.limit = d.otherwise
		}
	}
}

// Config configures an Engine.
type Config struct {
	Traces    *tracestore.Store
	Resources *resourcestore.Store
	Limits    Limits
	Now       func() time.Time
}

// Engine answers TraceQL queries. Safe for concurrent use.
type Engine struct{ Config }

// New makes an engine.
func New(c Config) *Engine {
	c.Limits.setDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Engine{c}
}

// Parse reads a query. The error is a *fault.Error with the mistake's place.
func Parse(query string) (*traceql.Query, error) {
	q, err := traceql.Parse(query)
	if err != nil {
		return nil, Mistake(err)
	}
	return q, nil
}

// Mistake is a query that cannot be parsed as a *fault.Error.
func Mistake(err error) error {
	e, ok := errors.AsType[*traceql.Error](err)
	if !ok {
		return fault.Of(err)
	}
	line, column := e.Position()
	return &fault.Error{Code: fault.BadQuery, Message: "parse error: " + e.Message + "\n" + e.Caret(), Position: &fault.Position{Line: line, Column: column}, Err: err}
}

func tooMany(limit string, n int, what string) error {
	return &fault.Error{Code: fault.Limit, Limit: limit, Message: fmt.Sprintf("the query needs more than %d %s, which is the limit %s; narrow its filter or its time", n, what, limit)}
}

// cancelled is the error of a context that has ended.
func cancelled(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.Of(err)
	}
	return nil
}

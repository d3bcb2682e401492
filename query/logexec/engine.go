package logexec

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Limits bound one query. A zero field means its default.
type Limits struct {
	Timeout    time.Duration // 30 s
	MaxLines   int           // that a query may return; 5,000
	MaxEntries int           // records that a query may read one by one; 20 million
	MaxSeries  int           // of a vector; 100,000
	MaxPoints  int           // steps of a range; 11,000
	MaxSamples int           // held while a query is evaluated; 20 million
	MaxNames   int           // in a list of names or values; 10,000
}

func (l *Limits) setDefaults() {
	if l.Timeout <= 0 {
		l.Timeout = 30 * time.Second
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&l.MaxLines, 5_000}, {&l.MaxEntries, 20_000_000}, {&l.MaxSeries, 100_000}, {&l.MaxPoints, 11_000}, {&l.MaxSamples, 20_000_000}, {&l.MaxNames, 10_000}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
}

// Config configures an Engine.
type Config struct {
	Logs    *logstore.Store
	Limits  Limits
	Observe func(Stats, error) // told of every query that was run; nil for nobody
}

// Engine answers LogQL. Safe for concurrent use. Errors of its methods are
// *fault.Error.
type Engine struct {
	Config
}

// New makes an engine.
func New(c Config) *Engine {
	c.Limits.setDefaults()
	if c.Observe == nil {
		c.Observe = func(Stats, error) {}
	}
	return &Engine{c}
}

// Stats is what a query cost.
type Stats struct {
	Rows, Bytes uint64 // read by the server
	Entries     int64  // read one by one
	Lines       int64  // returned
	Series      int64
	Elapsed     time.Duration
	Explanation Explanation
}

func (s *Stats) add(c conn.Stats) {
	s.Rows += c.Rows
	s.Bytes += c.Bytes
}

// run is one query on its way.
type run struct {
	*Engine
	tenant tenant.ID
	stats  Stats
	budget int // samples that may still be held
	notes
}

func (e *Engine) newRun(t tenant.ID) *run {
	return &run{Engine: e, tenant: t, budget: e.Limits.MaxSamples}
}

// bounded gives a query the time it has, and tells of it when it is done. The
// query is nil where something is listed.
func (e *Engine) bounded(ctx context.Context, t tenant.ID, query logql.Expr, do func(context.Context, *run) error) (Stats, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Limits.Timeout)
	defer cancel()
	r := e.newRun(t)
	ctx = conn.Traced(ctx, r.Note)
	start := time.Now()
	err := Failure(do(ctx, r))
	r.stats.Elapsed = time.Since(start)
	r.stats.Explanation = r.explain(query)
	e.Observe(r.stats, err)
	return r.stats, err
}

// Failure makes a *fault.Error of what went wrong; nil stays nil.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*logql.ParseError](err); ok {
		return ParseFailure(p)
	}
	return fault.Of(err)
}

// Parse reads a query of samples. The error is a *fault.Error with its place.
func Parse(query string) (logql.Metric, error) {
	m, err := logql.ParseMetric(query)
	return m, Failure(err)
}

// ParseFailure is a query that is not LogQL as a failure.
func ParseFailure(p *logql.ParseError) *fault.Error {
	line, column := p.Position()
	return &fault.Error{Code: fault.BadQuery, Message: "parse error: " + p.Message, Position: &fault.Position{Line: line, Column: column}, Err: p}
}

// limited is a limit that was reached.
func limited(name string, message string) *fault.Error {
	return &fault.Error{Code: fault.Limit, Limit: name, Message: message}
}

// filter is what a selector and the pipeline's first stages ask of the server.
func (r *run) filter(ctx context.Context, from, to time.Time, p pushed) (logstore.Filter, error) {
	f := logstore.Filter{From: from, To: to, Where: p.conds}
	if len(p.found) > 0 {
		p.named, p.lines, p.level = true, true, p.level || p.asks(detectedLevel)
	}
	known, err := r.Logs.Survey(ctx, r.tenant, from, to, logstore.Asked{Keys: p.named, Structured: p.lines, Unnumbered: p.level, Beyond: p.words})
	r.stats.add(known.Stats)
	if err != nil {
		return f, err
	}
	f.TextOnly, f.Numbered = p.lines && !known.Structured, p.level && !known.Unnumbered
	f.ASCII = p.words && !known.Beyond
	if p.named {
		f.Meanings = logpipe.Meanings(known.Keys)
	}
	f.Where = append(slices.Clone(f.Where), p.behindParser(f.Meanings)...)
	return f, nil
}

// errEnough ends a stream of which enough was seen.
var errEnough = errors.New("logexec: enough")

package joinstore

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Config says what a Store reads. All of it is needed.
type Config struct {
	DB      *conn.DB
	Traces  *tracestore.Store
	Logs    *logstore.Store
	Metrics *metricstore.Store
}

// Store reads joined signals. Safe for concurrent use.
type Store struct{ Config }

// New makes a store.
func New(c Config) *Store { return &Store{c} }

// Group is spans that have the same values of the fields grouped by.
type Group struct {
	Values []tracestore.GroupValue // as Query.By has the fields
	// Traces, Spans, Records and Exemplars count what the last step of each
	// signal found.
	Traces, Spans, Records, Exemplars uint64
	Example                           tracestore.Example // the newest span
}

// Answer is what a query found, the newest rows or the largest groups first:
// Groups, or one of the others by the signal of the last step.
type Answer struct {
	Groups    []Group
	Spans     []tracestore.Span
	Records   []logstore.Row
	Exemplars []metricstore.ExemplarRow
	Truncated bool   // there are more than the limit
	SQL       string // the statement that was run
	Stats     conn.Stats
}

// Run answers a query in one statement, the texts of resources aside, which are
// mostly known, and what is to be known of keys. Errors are *conn.Error and, for a matcher that cannot be
// evaluated, *attrcol.MatcherError.
func (s *Store) Run(ctx context.Context, t tenant.ID, q Query) (*Answer, error) {
	if len(q.Steps) == 0 || q.Limit < 1 {
		return nil, fmt.Errorf("joinstore: %d steps, limit %d: want at least 1", len(q.Steps), q.Limit)
	}
	p := &printer{tenant: t, Query: q}
	from, to := p.times(1) // of all steps
	types, stats, err := s.Traces.KeyTypes(ctx, t, from, to, q.keys())
	if err != nil {
		return nil, err
	}
	p.types = types
	out, err := s.answer(ctx, p)
	if out != nil {
		out.Stats.Add(stats)
	}
	return out, err
}

func (s *Store) answer(ctx context.Context, p *printer) (*Answer, error) {
	t, q := p.tenant, p.Query
	if len(q.By) > 0 {
		return s.groups(ctx, p)
	}
	_, where, err := p.conditions(len(q.Steps) - 1)
	if err != nil {
		return nil, err
	}
	out := &Answer{}
	var sel chsql.Select
	switch last := q.Steps[len(q.Steps)-1]; {
	case last.Logs != nil:
		sel = logstore.NewestSelect(where, q.Limit+1)
		var res logstore.Result
		res, err = s.Logs.ReadNewest(ctx, t, sel)
		out.Truncated, out.Stats = len(res.Rows) > q.Limit, res.Stats
		out.Records = res.Rows[:min(len(res.Rows), q.Limit)]
	case last.Exemplars != nil:
		sel = metricstore.NewestExemplars(where, q.Limit+1)
		var res metricstore.Exemplars
		res, err = s.Metrics.ReadNewest(ctx, t, sel, q.Limit)
		out.Truncated, out.Stats, out.Exemplars = res.Truncated, res.Stats, res.Rows
	default:
		sel = tracestore.NewestSelect(where, q.Limit+1)
		var res tracestore.Result
		res, err = s.Traces.ReadNewest(ctx, t, sel)
		out.Truncated, out.Stats = len(res.Spans) > q.Limit, res.Stats
		out.Spans = res.Spans[:min(len(res.Spans), q.Limit)]
	}
	out.SQL = sel.SQL()
	return out, err
}

func (s *Store) groups(ctx context.Context, p *printer) (*Answer, error) {
	sel, err := p.groups()
	if err != nil {
		return nil, err
	}
	out := &Answer{SQL: sel.SQL()}
	var types, texts []string
	var trace, span string
	out.Stats, err = s.DB.Select(ctx, conn.Query{SQL: out.SQL, Op: "join"}, func(rows driver.Rows) error {
		var g Group
		if err := rows.Scan(&types, &texts, &g.Traces, &g.Spans, &g.Records, &g.Exemplars, &trace, &span, &g.Example.Start); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		for i := range types {
			g.Values = append(g.Values, tracestore.GroupValue{Type: types[i], Text: texts[i]})
		}
		copy(g.Example.TraceID[:], trace)
		copy(g.Example.SpanID[:], span)
		out.Groups = append(out.Groups, g)
		return nil
	})
	out.Truncated = len(out.Groups) > p.Limit
	out.Groups = out.Groups[:min(len(out.Groups), p.Limit)]
	return out, err
}

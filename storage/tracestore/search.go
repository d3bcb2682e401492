package tracestore

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Search says which traces are wanted: those with a span in [From, To) that
// Where holds for, and for each of Also a span near by that it holds for.
type Search struct {
	From, To int64 // Unix ns
	Where    Condition
	Also     []Condition
	Limit    int
	Types    KeyTypes // of the keys that conditions are on, as far as it is known
}

// Candidate is a trace that a search found.
type Candidate struct {
	TraceID [16]byte
	Start   int64 // of its newest span that Where holds for, Unix ns
}

// Candidates finds at most Limit traces, the newest first.
func (s *Store) Candidates(ctx context.Context, t tenant.ID, search Search) ([]Candidate, conn.Stats, error) {
	sel, err := candidateSelect(t, search)
	if err != nil {
		return nil, conn.Stats{}, err
	}
	var list []Candidate
	var id string
	stats, err := s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "traces"}, func(rows driver.Rows) error {
		var c Candidate
		if err := rows.Scan(&id, &c.Start); err != nil {
			return err
		}
		copy(c.TraceID[:], id)
		list = append(list, c)
		return nil
	})
	return list, stats, err
}

func candidateSelect(t tenant.ID, search Search) (chsql.Select, error) {
	q := knowing(t, search.From, search.To, search.Types)
	where, err := q.where(search.Where)
	if err != nil {
		return chsql.Select{}, err
	}
	id := chsql.Col("trace_id")
	for _, c := range search.Also {
		also, err := q.wide().where(c)
		if err != nil {
			return chsql.Select{}, err
		}
		where = append(where, chsql.InSelect(id, chsql.Select{Columns: []chsql.Expr{id}, From: chsql.Table(spans), Where: also}))
	}
	newest := chsql.Col("newest")
	return chsql.Select{
		Columns: []chsql.Expr{id, chsql.Func("toUnixTimestamp64Nano", chsql.Func("max", chsql.Col("start_time"))).As("newest")},
		From:    chsql.Table(spans), Where: where,
		GroupBy: []chsql.Expr{id},
		OrderBy: []chsql.Order{chsql.Desc(newest), chsql.Asc(id)},
		Limit:   search.Limit,
		// As for logs: most parts have nothing of what is rare, and are not opened then.
		Settings: []chsql.Setting{{Name: "use_skip_indexes_on_data_read", Value: 0}},
	}, nil
}

// SpansOf reads the spans of some traces, ordered by trace and start, at most
// limit of them; truncated tells that there are more. What Need does not ask for is
// empty.
func (s *Store) SpansOf(ctx context.Context, t tenant.ID, ids [][16]byte, need Need, limit int) (list []Span, truncated bool, stats conn.Stats, err error) {
	if len(ids) == 0 {
		return nil, false, stats, nil
	}
	known, stats, err := s.extents(ctx, t, ids, "traces")
	if errors.Is(err, ErrNotFound) {
		return nil, false, stats, nil
	}
	if err != nil {
		return nil, false, stats, err
	}
	r := newSpanReader(need, around(known))
	byTrace := []chsql.Order{chsql.Asc(chsql.Col("trace_id")), chsql.Asc(chsql.Col("start_time")), chsql.Asc(chsql.Col("span_id"))}
	more, err := s.read(ctx, r, r.sel(places(ofTraces(t, ids), known), byTrace, limit+1), "traces", &list)
	stats.Add(more)
	if err != nil {
		return nil, false, stats, err
	}
	if len(list) > limit {
		list, truncated = list[:limit], true
	}
	return list, truncated, stats, s.resolve(ctx, t, need, list)
}

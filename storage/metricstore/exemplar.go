package metricstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// ExemplarRow is a stored exemplar.
type ExemplarRow struct {
	Exemplar
	Fingerprint uint64
	Metric      string
	// Series is the series of the exemplar, nil if it is not stored.
	Series *SeriesRow
}

// Exemplars is a bounded list of exemplars in the order of time.
type Exemplars struct {
	Rows      []ExemplarRow
	Truncated bool // the latest were cut off
	Stats     conn.Stats
}

// TraceExemplars lists the exemplars that point at a trace, with times in
// [from, to), at most limit of them (0 means DefaultExemplars). Zero times are
// no condition.
func (s *Store) TraceExemplars(ctx context.Context, t tenant.ID, trace [16]byte, from, to time.Time, limit int) (Exemplars, error) {
	limit = conn.LimitOr(limit, DefaultExemplars)
	list, err := s.readExemplars(ctx, conn.Query{SQL: traceExemplarSelect(t, trace, from, to, limit+1).SQL(), Op: "exemplars"}, limit)
	if err != nil {
		return Exemplars{}, err
	}
	return list, s.nameSeries(ctx, t, list.Rows)
}

// Exemplars lists the exemplars of series, times and limit as a Range has them (a
// limit of 0 means DefaultExemplars). Their Series are not filled in.
func (s *Store) Exemplars(ctx context.Context, t tenant.ID, r samplestore.Range) (Exemplars, error) {
	limit := conn.LimitOr(r.Limit, DefaultExemplars)
	if len(r.Fingerprints) == 0 {
		return Exemplars{}, nil
	}
	q := conn.Query{SQL: exemplarSelect(t, r.From, r.To, limit+1).SQL(), Params: map[string]string{"fingerprints": resourcestore.IDList(r.Fingerprints)}, Op: "exemplars"}
	return s.readExemplars(ctx, q, limit)
}

func traceExemplarSelect(t tenant.ID, trace [16]byte, from, to time.Time, limit int) chsql.Select {
	where := []chsql.Expr{chsql.Eq(chsql.Col("trace_id"), chsql.Bytes(trace[:]))}
	if !from.IsZero() {
		where = append(where, chsql.Ge(chsql.Col("time"), chsql.Nanoseconds(chsql.UnixNano(from))))
	}
	if !to.IsZero() {
		where = append(where, chsql.Lt(chsql.Col("time"), chsql.Nanoseconds(chsql.UnixNano(to))))
	}
	return allExemplars(t, where, limit)
}

func exemplarSelect(t tenant.ID, from, to int64, limit int) chsql.Select {
	at := chsql.Col("time")
	return allExemplars(t, []chsql.Expr{
		chsql.InParam(chsql.Col("fingerprint"), chsql.Param("fingerprints", "Array(UInt64)")),
		chsql.Ge(at, chsql.Nanoseconds(chsql.UnixNano(time.UnixMilli(from)))),
		chsql.Lt(at, chsql.Nanoseconds(chsql.UnixNano(time.UnixMilli(to).Add(time.Millisecond)))),
	}, limit)
}

func allExemplars(t tenant.ID, where []chsql.Expr, limit int) chsql.Select {
	at := chsql.Col("time")
	return chsql.Select{
		Columns: []chsql.Expr{chsql.Func("toUnixTimestamp64Nano", at), chsql.Col("trace_id"), chsql.Col("span_id"),
			chsql.Col("fingerprint"), chsql.Col("metric_name"), chsql.Col("value"), chsql.Col("attributes")},
		From:    chsql.Table(exemplars),
		Where:   append([]chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(t)))}, where...),
		OrderBy: []chsql.Order{chsql.Asc(at), chsql.Asc(chsql.Col("fingerprint")), chsql.Asc(chsql.Col("span_id"))},
		Limit:   limit,
	}
}

func (s *Store) readExemplars(ctx context.Context, q conn.Query, limit int) (list Exemplars, err error) {
	list.Stats, err = s.db.Select(ctx, q, func(rows driver.Rows) (err error) {
		var r ExemplarRow
		var traceID, spanID, attributes string
		if err := rows.Scan(&r.Time, &traceID, &spanID, &r.Fingerprint, &r.Metric, &r.Value, &attributes); err != nil {
			return fmt.Errorf("exemplars: %w", err)
		}
		copy(r.TraceID[:], traceID)
		copy(r.SpanID[:], spanID)
		if r.Attributes, err = attribute.ParseJSON(attributes); err != nil {
			return fmt.Errorf("exemplars: span %x: %w", spanID, err)
		}
		list.Rows = append(list.Rows, r)
		return nil
	})
	if err != nil {
		return Exemplars{}, err
	}
	list.Truncated = len(list.Rows) > limit
	list.Rows = list.Rows[:min(len(list.Rows), limit)]
	return list, nil
}

// nameSeries finds the series of exemplars, by name and fingerprint.
func (s *Store) nameSeries(ctx context.Context, t tenant.ID, rows []ExemplarRow) error {
	if len(rows) == 0 {
		return nil
	}
	var fps []uint64
	var names []string
	for i := range rows {
		fps, names = append(fps, rows[i].Fingerprint), append(names, rows[i].Metric)
	}
	slices.Sort(names)
	// A point's day may be another than its exemplar's.
	from, to := time.Unix(0, rows[0].Time).Add(-24*time.Hour), time.Unix(0, rows[len(rows)-1].Time).Add(24*time.Hour)
	q := conn.Query{SQL: exemplarSeriesSelect(t, from, to, slices.Compact(names)).SQL(), Params: map[string]string{"fingerprints": resourcestore.IDList(fps)}, Op: "series"}
	found, err := s.readSeries(ctx, q)
	if err == nil {
		err = s.resolve(ctx, t, from, to, found)
	}
	if err != nil {
		return err
	}
	byFingerprint := make(map[uint64]*SeriesRow, len(found))
	for i := range found {
		byFingerprint[found[i].Fingerprint] = &found[i]
	}
	for i := range rows {
		rows[i].Series = byFingerprint[rows[i].Fingerprint]
	}
	return nil
}

func exemplarSeriesSelect(t tenant.ID, from, to time.Time, names []string) chsql.Select {
	return seriesSelect(append(days(t, from, to),
		chsql.InStrings(chsql.Col("metric_name"), names),
		chsql.InParam(chsql.Col("fingerprint"), chsql.Param("fingerprints", "Array(UInt64)"))), 0)
}

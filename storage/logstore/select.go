package logstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Select reads one page of the records that pass the filter, in the order of
// (time, id), which is total: pages that go on at Row.Cursor of the last row
// have every record once.
//
// The table is ordered by service before time, so the newest records of all
// services are not in one place. Select therefore goes from the near end of the
// range in windows that widen until the page is full: where records are dense
// it reads minutes of them, whatever the range, and where they are rare it asks
// twice or three times, not for each hour.
//
// Errors are *conn.Error and, for a matcher that cannot be evaluated,
// *attrcol.MatcherError.
func (s *Store) Select(ctx context.Context, t tenant.ID, f Filter, p Page) (Result, error) {
	if p.Limit == 0 {
		p.Limit = DefaultLimit
	}
	if p.Limit < 0 || p.Limit > MaxLimit {
		return Result{}, &conn.Error{Class: conn.Limit, Op: "logs", Limit: "limit", Message: fmt.Sprintf("limit is %d, want 1 to %d", p.Limit, MaxLimit)}
	}
	b := f.bind(t)
	where, err := f.conditions(b)
	if err != nil {
		return Result{}, err
	}
	var res Result
	for w := newWindows(f, p); w.next(); {
		had := len(res.Rows)
		sel := b.finish(pageSelect(where, w, p, p.Limit+1-had))
		stats, err := s.read(ctx, sel, &res.Rows)
		res.Stats.Add(stats)
		if err != nil {
			return Result{}, err
		}
		if len(res.Rows) > p.Limit {
			res.Rows, res.Truncated = res.Rows[:p.Limit], true
			break
		}
		w.widen(len(res.Rows)-had, p.Limit+1-len(res.Rows))
	}
	return res, s.resolve(ctx, t, res.Rows)
}

// conditions are the filter's but for time.
func (f *Filter) conditions(b *binding) ([]chsql.Expr, error) {
	t := b.tenant
	where := []chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(t)))}
	if len(f.Services) > 0 {
		where = append(where, chsql.InStrings(chsql.Col("service_name"), f.Services))
	}
	if f.MinSeverity > 0 {
		where = append(where, chsql.Ge(chsql.Col("severity_number"), chsql.Uint(uint64(f.MinSeverity))))
	}
	if f.MaxSeverity > 0 {
		where = append(where, chsql.Le(chsql.Col("severity_number"), chsql.Uint(uint64(f.MaxSeverity))))
	}
	if f.TraceID != nil {
		where = append(where, chsql.Eq(chsql.Col("trace_id"), chsql.Bytes(f.TraceID[:])))
	}
	if f.SpanID != nil {
		where = append(where, chsql.Eq(chsql.Col("span_id"), chsql.Bytes(f.SpanID[:])))
	}
	for _, m := range f.Attributes {
		cond, err := attrcol.Condition(m, func(c chsql.Expr) chsql.Select { return resourcestore.IDs(t, f.From, f.To, c) })
		if err != nil {
			return nil, err
		}
		where = append(where, cond)
	}
	if f.Text != "" {
		where = append(where, b.bodies().ContainsFold(f.Text))
	}
	for _, text := range f.Contains {
		where = append(where, b.bodies().Contains(text))
	}
	b.cheap = len(where) + timeConditions
	for _, c := range f.Where {
		cond, err := c.expr(b)
		if err != nil {
			return nil, err
		}
		if where = append(where, cond); len(b.with) == 0 {
			b.cheap++
		}
	}
	return where, nil
}

// windows walks through a time range from one end.
type windows struct {
	from, to int64 // the window, [from, to)
	rest     [2]int64
	width    int64
	empty    int // by how much the next is wider than one without records
	forward  bool
	filtered bool // only some records are wanted
}

// The first window is a minute. The next is twice as wide as the missing records
// should need by what the last one had, at most mostWider times as wide. Where it
// had none, it is mostWider times as wide if only some records are wanted, which
// are rare then, and emptyWider times if all are, which may be dense behind it.
const (
	firstWindow = int64(time.Minute)
	emptyWider  = 8
	mostWider   = 512
)

func newWindows(f Filter, p Page) *windows {
	w := &windows{rest: [2]int64{chsql.UnixNano(f.From), chsql.UnixNano(f.To)}, width: firstWindow, forward: p.Forward, empty: emptyWider}
	if w.filtered = len(f.Where)+len(f.Attributes)+len(f.Contains) > 0 || f.Text != ""; w.filtered {
		w.empty = mostWider
	}
	if f.TraceID != nil {
		w.width = math.MaxInt64 // the index on trace_id leaves little to read
	}
	if p.After == nil {
		return w
	}
	if p.Forward {
		w.rest[0] = max(w.rest[0], p.After.Time)
	} else if p.After.Time < math.MaxInt64 {
		w.rest[1] = min(w.rest[1], p.After.Time+1)
	}
	return w
}

// next moves to the next window; false when the range is used up.
func (w *windows) next() bool {
	from, to := w.rest[0], w.rest[1]
	if from >= to {
		return false
	}
	if wide := uint64(to)-uint64(from) <= uint64(w.width); wide {
		w.from, w.to = from, to
		w.rest[0] = to
	} else if w.forward {
		w.from, w.to = from, from+w.width
		w.rest[0] = w.to
	} else {
		w.from, w.to = to-w.width, to
		w.rest[1] = w.from
	}
	return true
}

// widen sets the width of the next window by what the last one found of what was
// wanted, and what is still missing.
func (w *windows) widen(found, missing int) {
	wider := w.empty
	if found > 0 {
		wider = min(max(2*missing/found, 2), mostWider)
	}
	if w.width > math.MaxInt64/int64(wider) {
		w.width = math.MaxInt64
		return
	}
	w.width *= int64(wider)
}

// pageSelect reads what is missing of a page from one window.
func pageSelect(where []chsql.Expr, w *windows, p Page, limit int) chsql.Select {
	at, id := chsql.Col("time"), chsql.Col("id")
	order, behind := chsql.Desc, chsql.Lt
	if p.Forward {
		order, behind = chsql.Asc, chsql.Gt
	}
	all := slices.Insert(slices.Clone(where), 1, during(w.from, w.to)...)
	if p.After != nil {
		cursor := chsql.Nanoseconds(p.After.Time)
		all = append(all, chsql.Or(behind(at, cursor), chsql.And(chsql.Eq(at, cursor), behind(id, chsql.Uint(p.After.ID)))))
	}
	// The wide columns of all but the rows of the page stay unread.
	settings := []chsql.Setting{{Name: "query_plan_max_limit_for_lazy_materialization", Value: MaxLimit + 1}}
	if w.filtered {
		// What the indexes leave is known before anything is opened to be read: most parts
		// have nothing of what is rare, and opening the columns of one costs milliseconds.
		settings = append(settings, chsql.Setting{Name: "use_skip_indexes_on_data_read", Value: 0})
	}
	return chsql.Select{
		Columns:  rowColumns(),
		From:     chsql.Table(table),
		Where:    all,
		OrderBy:  []chsql.Order{order(at), order(id)},
		Limit:    limit,
		Settings: settings,
	}
}

// rowColumns are those of a Row, in the order scanRow reads them.
func rowColumns() []chsql.Expr {
	return append([]chsql.Expr{
		chsql.Func("toUnixTimestamp64Nano", chsql.Col("time")), chsql.Func("toUnixTimestamp64Nano", chsql.Col("observed_time")), chsql.Col("id"),
		chsql.Col("severity_number"), chsql.Col("severity_text"), chsql.Col("trace_id"), chsql.Col("span_id"), chsql.Col("flags"),
		chsql.Col("event_name"), chsql.Col("body"), chsql.Col("body_kind"), chsql.Col("dropped_attributes_count"),
		chsql.Col("service_name"), chsql.Col("resource_id"), chsql.Col("scope_id"),
	}, attrcol.Columns()...)
}

// table is Table as a word of SQL.
const table = "logs"

func (s *Store) read(ctx context.Context, sel chsql.Select, rows *[]Row) (conn.Stats, error) {
	var scan rowScan
	return s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Settings: attrcol.Settings(), Op: "logs"}, func(from driver.Rows) error {
		r := Row{Resource: &resourcestore.Row{}, Scope: &resourcestore.ScopeRow{}}
		if err := scan.row(from, &r); err != nil {
			return err
		}
		*rows = append(*rows, r)
		return nil
	})
}

// rowScan reads rowColumns into a Row; it keeps what one row need not give back
// before the next.
type rowScan struct {
	attrs                 attrcol.Row
	body, traceID, spanID string
	bodyKind              uint8
}

func (s *rowScan) row(from driver.Rows, r *Row) (err error) {
	err = from.Scan(&r.Time, &r.ObservedTime, &r.ID, &r.SeverityNumber, &r.SeverityText, &s.traceID, &s.spanID, &r.Flags,
		&r.EventName, &s.body, &s.bodyKind, &r.Dropped, &r.Service, &r.Resource.ID, &r.Scope.ID, s.attrs.Attributes(), s.attrs.Other())
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	copy(r.TraceID[:], s.traceID)
	copy(r.SpanID[:], s.spanID)
	if r.Body, err = bodyOf(attribute.Kind(s.bodyKind), s.body); err != nil {
		return fmt.Errorf("logs: record %d: body: %w", r.ID, err)
	}
	if r.Attributes, err = s.attrs.KeyValues(); err != nil {
		return fmt.Errorf("logs: record %d: %w", r.ID, err)
	}
	return nil
}

func bodyOf(k attribute.Kind, text string) (attribute.Value, error) {
	switch k {
	case attribute.String:
		return attribute.StringValue(text), nil
	case attribute.Empty:
		return attribute.Value{}, nil
	}
	return attribute.ParseValue(text)
}

// resolve gives the records their resources and scopes. Those that are not
// stored stay empty but for the id and the service.
func (s *Store) resolve(ctx context.Context, t tenant.ID, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	from, to := time.Unix(0, rows[0].Time), time.Unix(0, rows[len(rows)-1].Time)
	if from.After(to) {
		from, to = to, from
	}
	return s.resolveBetween(ctx, t, rows, from, to)
}

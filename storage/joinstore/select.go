package joinstore

import (
	"fmt"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Step is a condition on one signal: one of its fields is set.
type Step struct {
	Spans     tracestore.Condition
	Logs      *logstore.Filter // its times are set by the query's
	Exemplars *metricstore.Selector
}

// Query is a chain of conditions. A step after the first one finds what belongs
// to the traces that the one before found.
type Query struct {
	From, To int64 // Unix ns, [From, To), of the first step; the others look Margin further
	Steps    []Step
	// By groups the spans of the last step on spans. Without it the rows of the
	// last step are read.
	By    []tracestore.Field
	Limit int // rows or groups, at least 1
}

// Margin is how far before and after the range what is joined may be: senders'
// clocks differ, traces last, and exemplars come with the export after.
const Margin = int64(15 * time.Minute)

// keys are those of spans' attributes that the query names.
func (q *Query) keys() []string {
	var all tracestore.And
	for _, s := range q.Steps {
		if s.Spans != nil {
			all = append(all, s.Spans)
		}
	}
	return tracestore.Keys(all, q.By...)
}

// printer prints a query for a tenant.
type printer struct {
	tenant tenant.ID
	Query
	types tracestore.KeyTypes
}

func (p *printer) times(step int) (from, to int64) {
	if step == 0 {
		return p.From, p.To
	}
	return max(p.From, Margin) - Margin, p.To + Margin
}

// conditions are those of a step, and of belonging to what the steps before it
// found.
func (p *printer) conditions(step int) (source chsql.Source, where []chsql.Expr, err error) {
	from, to := p.times(step)
	switch s := p.Steps[step]; {
	case s.Spans != nil:
		source = chsql.Table("spans")
		where, err = tracestore.Matching(p.tenant, from, to, s.Spans, p.types)
	case s.Logs != nil:
		f := *s.Logs
		f.From, f.To = time.Unix(0, from), time.Unix(0, to)
		source = chsql.Table("logs")
		where, err = logstore.Matching(p.tenant, f)
	case s.Exemplars != nil:
		source = chsql.Table("exemplars")
		where, err = metricstore.MatchingExemplars(p.tenant, from, to, *s.Exemplars)
	default:
		err = fmt.Errorf("joinstore: step %d has no condition", step)
	}
	if err != nil {
		return source, nil, err
	}
	id := chsql.Col("trace_id")
	if step == 0 {
		if p.Steps[0].Spans == nil && len(p.Steps) > 1 { // records and exemplars need not belong to a trace
			where = append(where, chsql.Ne(id, chsql.Bytes(make([]byte, 16))))
		}
		return source, where, nil
	}
	before, err := p.traces(step - 1)
	return source, append(where, chsql.InSelect(id, before)), err
}

// traces are the IDs that a step finds.
func (p *printer) traces(step int) (chsql.Select, error) {
	source, where, err := p.conditions(step)
	return chsql.Select{Columns: []chsql.Expr{chsql.Col("trace_id")}, From: source, Where: where}, err
}

// last is the last step that a condition holds for, -1 if it is none.
func (p *printer) last(is func(Step) bool) int {
	for i := len(p.Steps) - 1; i >= 0; i-- {
		if is(p.Steps[i]) {
			return i
		}
	}
	return -1
}

// groups counts spans, traces, records and exemplars by the values of fields.
func (p *printer) groups() (chsql.Select, error) {
	spans := p.last(func(s Step) bool { return s.Spans != nil })
	if spans < 0 {
		return chsql.Select{}, fmt.Errorf("joinstore: groups: no step is on spans")
	}
	logs, exemplars := p.last(func(s Step) bool { return s.Logs != nil }), p.last(func(s Step) bool { return s.Exemplars != nil })
	left, err := p.spansByTrace(spans)
	if err != nil {
		return left, err
	}
	source := chsql.Sub(left)
	columns := []chsql.Expr{chsql.Col("trace_id"), chsql.Col("types"), chsql.Col("texts"), chsql.Col("spans"), chsql.Col("newest"), chsql.Col("span")}
	records, points := chsql.Func("toUInt64", chsql.Uint(0)), chsql.Func("toUInt64", chsql.Uint(0))
	join := func(step int, count chsql.Expr) error {
		right, err := p.countByTrace(step, count)
		if err == nil {
			source = chsql.Join(left, right, "trace_id")
			left = chsql.Select{Columns: columns, From: source}
		}
		return err
	}
	if logs >= 0 {
		if err := join(logs, chsql.Func("count").As("records")); err != nil {
			return left, err
		}
		records = chsql.Func("sum", chsql.Col("records"))
		columns = append(columns, chsql.Col("records"))
		left.Columns = columns
	}
	if exemplars >= 0 {
		if err := join(exemplars, chsql.Func("count").As("points")); err != nil {
			return left, err
		}
		points = chsql.Func("sum", chsql.Col("points"))
	}
	newest := chsql.Col("newest")
	return chsql.Select{
		Columns: []chsql.Expr{
			chsql.Col("types"), chsql.Col("texts"), chsql.Func("count").As("traces"), chsql.Func("sum", chsql.Col("spans")), records, points,
			chsql.Func("argMax", chsql.Col("trace_id"), newest), chsql.Func("argMax", chsql.Col("span"), newest), chsql.Func("toUnixTimestamp64Nano", chsql.Func("max", newest)),
		},
		From:    source,
		GroupBy: []chsql.Expr{chsql.Col("types"), chsql.Col("texts")},
		OrderBy: []chsql.Order{chsql.Desc(chsql.Col("traces")), chsql.Asc(chsql.Col("texts"))},
		Limit:   p.Limit + 1,
	}, nil
}

// spansByTrace counts the spans of a step by trace and by the values of fields.
func (p *printer) spansByTrace(step int) (chsql.Select, error) {
	source, where, err := p.conditions(step)
	if err != nil {
		return chsql.Select{}, err
	}
	from, to := p.times(step)
	types, texts, err := tracestore.Grouped(p.tenant, from, to, p.By, p.types)
	if err != nil {
		return chsql.Select{}, err
	}
	start := chsql.Col("start_time")
	return chsql.Select{
		Columns: []chsql.Expr{
			chsql.Col("trace_id"), types.As("types"), texts.As("texts"), chsql.Func("count").As("spans"),
			chsql.Func("max", start).As("newest"), chsql.Func("argMax", chsql.Col("span_id"), start).As("span"),
		},
		From: source, Where: where, GroupBy: []chsql.Expr{chsql.Col("trace_id"), chsql.Col("types"), chsql.Col("texts")},
	}, nil
}

func (p *printer) countByTrace(step int, count chsql.Expr) (chsql.Select, error) {
	source, where, err := p.conditions(step)
	id := chsql.Col("trace_id")
	return chsql.Select{Columns: []chsql.Expr{id, count}, From: source, Where: where, GroupBy: []chsql.Expr{id}}, err
}

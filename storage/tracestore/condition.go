package tracestore

import (
	"fmt"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// FieldKind is what of a span a Field names.
type FieldKind uint8

// The kinds. Those of attributes have a Key.
const (
	SpanName FieldKind = iota
	ServiceName
	SpanStatus  // OTLP number
	SpanKind    // OTLP number
	SpanMessage // of the status
	SpanDuration
	IDOfTrace // of bytes, as are the next two
	IDOfSpan
	IDOfParent
	SpanAttribute
	ResourceAttribute
	AnyAttribute // of the span or else of its resource
	ScopeAttribute
	ScopeName
	ScopeVersion
	EventName
	EventAttribute // Compare is wider than what it says
	LinkTrace      // of bytes
	LinkSpan       // of bytes
	LinkAttribute  // for lists of values only
	RootName       // of the trace's span without a parent
	RootService
	TraceDuration
)

// Field is a part of a span that conditions and groups are made of.
type Field struct {
	Kind FieldKind
	Key  string
}

// Condition is a condition on a span: Compare, Exists, And, Or, Not or All.
type Condition interface {
	sql(q *conditions) (chsql.Expr, error)
}

// All holds for every span.
type All struct{}

// Compare holds where a field has a value of the type of Value and the operator
// holds for it. Patterns are RE2 and are not anchored here. Fields with several
// values hold as attrcol.Typed says of arrays.
type Compare struct {
	Field Field
	Op    attrcol.Op
	Value attribute.Value
}

// Exists holds where a field has a value.
type Exists struct{ Field Field }

// And, Or and Not join conditions.
type (
	And []Condition
	Or  []Condition
	Not struct{ Of Condition }
)

// conditions prints conditions for a tenant's spans in a range of time.
type conditions struct {
	tenant   tenant.ID
	from, to int64                    // Unix ns
	types    map[string]attrcol.Types // of keys of spans
}

// slack is how far a trace's other spans may be from the one that is looked at.
const slack = int64(time.Hour)

// knowing takes what is known of keys, if it is known of the other spans of traces too.
func knowing(t tenant.ID, from, to int64, k KeyTypes) *conditions {
	q := &conditions{tenant: t, from: from, to: to}
	if w := q.wide(); k.covers(w.from, w.to) {
		q.types = k.Of
	}
	return q
}

// present is whether a span has an attribute.
func (q *conditions) present(key string) chsql.Expr { return attrcol.PresentIn(key, q.types[key]) }

func (q *conditions) times() (from, to time.Time) { return time.Unix(0, q.from), time.Unix(0, q.to) }

func (All) sql(*conditions) (chsql.Expr, error) { return chsql.Bool(true), nil }

func (a And) sql(q *conditions) (chsql.Expr, error) {
	list, err := q.each(a)
	return chsql.And(list...), err
}

func (o Or) sql(q *conditions) (chsql.Expr, error) {
	list, err := q.each(o)
	return chsql.Or(list...), err
}

func (n Not) sql(q *conditions) (chsql.Expr, error) {
	e, err := n.Of.sql(q)
	if err != nil {
		return e, err
	}
	return chsql.Not(e), nil
}

func (q *conditions) each(list []Condition) ([]chsql.Expr, error) {
	var out []chsql.Expr
	for _, c := range list {
		e, err := c.sql(q)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (e Exists) sql(q *conditions) (chsql.Expr, error) {
	empty := func(column chsql.Expr) chsql.Expr { return chsql.Func("notEmpty", column) }
	switch f := e.Field; f.Kind {
	case SpanAttribute:
		return q.present(f.Key), nil
	case ResourceAttribute:
		return q.ofResource(attrcol.Present(f.Key)), nil
	case AnyAttribute:
		return chsql.Or(q.present(f.Key), q.ofResource(attrcol.Present(f.Key))), nil
	case ScopeAttribute:
		return q.ofScope(attrcol.Present(f.Key)), nil
	case IDOfParent:
		return chsql.Ne(chsql.Col("parent_span_id"), chsql.Bytes(make([]byte, 8))), nil
	case EventName:
		return empty(chsql.Col("event_name")), nil
	case EventAttribute:
		return eventsWith(f.Key, nil), nil
	case LinkTrace, LinkSpan:
		return empty(chsql.Col("link_trace_id")), nil
	}
	return chsql.Bool(true), nil
}

func (c Compare) sql(q *conditions) (chsql.Expr, error) {
	f := c.Field
	switch f.Kind {
	case SpanName:
		return c.text(chsql.Col("name")), nil
	case ServiceName:
		return c.text(chsql.Col("service_name")), nil
	case SpanMessage:
		return c.text(chsql.Col("status_message")), nil
	case SpanStatus:
		return attrcol.Holds(chsql.Col("status_code"), c.Op, c.number()), nil
	case SpanKind:
		return attrcol.Holds(chsql.Col("kind"), c.Op, c.number()), nil
	case SpanDuration:
		return attrcol.Holds(chsql.Col("duration"), c.Op, c.number()), nil
	case IDOfTrace:
		id := chsql.Bytes([]byte(c.Value.Str))
		is := attrcol.Holds(chsql.Col("trace_id"), c.Op, id)
		if c.Op == attrcol.Equal {
			is = chsql.And(is, whenTrace(q.tenant, id))
		}
		return is, nil
	case IDOfSpan:
		return attrcol.Holds(chsql.Col("span_id"), c.Op, chsql.Bytes([]byte(c.Value.Str))), nil
	case IDOfParent:
		return attrcol.Holds(chsql.Col("parent_span_id"), c.Op, chsql.Bytes([]byte(c.Value.Str))), nil
	case LinkTrace:
		return chsql.Func("has", chsql.Col("link_trace_id"), chsql.Bytes([]byte(c.Value.Str))), nil
	case LinkSpan:
		return chsql.Func("has", chsql.Col("link_span_id"), chsql.Bytes([]byte(c.Value.Str))), nil
	case EventName:
		return c.eventName(), nil
	case EventAttribute:
		return eventsWith(f.Key, &c), nil
	case ScopeName:
		return q.ofScope(c.text(chsql.Col("name"))), nil
	case ScopeVersion:
		return q.ofScope(c.text(chsql.Col("version"))), nil
	case RootName:
		return q.ofRoot(c.text(chsql.Col("name"))), nil
	case RootService:
		return q.ofRoot(c.text(chsql.Col("service_name"))), nil
	case TraceDuration:
		return q.ofTrace(c), nil
	}
	return c.attribute(q)
}

func (c Compare) attribute(q *conditions) (chsql.Expr, error) {
	own, err := attrcol.Typed(c.Field.Key, c.Op, c.Value, 0)
	if err != nil {
		return own, err
	}
	types := q.types[c.Field.Key]
	ofSpan, err := attrcol.Typed(c.Field.Key, c.Op, c.Value, types)
	if err != nil {
		return ofSpan, err
	}
	switch c.Field.Kind {
	case SpanAttribute:
		return c.indexed(ofSpan, types), nil
	case ResourceAttribute:
		return q.ofResource(own), nil
	case ScopeAttribute:
		return q.ofScope(own), nil
	case AnyAttribute:
		return chsql.Or(c.indexed(ofSpan, types), chsql.And(chsql.Not(q.present(c.Field.Key)), q.ofResource(own))), nil
	}
	return own, fmt.Errorf("tracestore: condition: no field of kind %d", c.Field.Kind)
}

// indexed is a condition on a span's own attribute with a hint to the index of
// its text.
func (c Compare) indexed(own chsql.Expr, types attrcol.Types) chsql.Expr {
	return attrcol.IndexedElement(attrcol.Matcher{Key: c.Field.Key, Op: c.Op, Value: c.Value.Text(), Types: types}, own)
}

func (c Compare) text(column chsql.Expr) chsql.Expr {
	return attrcol.Holds(column, c.Op, chsql.String(c.Value.Str))
}

func (c Compare) number() chsql.Expr {
	if c.Value.Kind == attribute.Double {
		return chsql.Float(c.Value.Double())
	}
	return chsql.Int(c.Value.Int())
}

func (c Compare) eventName() chsql.Expr {
	names := chsql.Col("event_name")
	cond := chsql.Lambda("e", c.text(chsql.Col("e")))
	if c.Op.Negative() {
		return chsql.And(chsql.Func("notEmpty", names), chsql.Func("arrayAll", cond, names))
	}
	return chsql.Func("arrayExists", cond, names)
}

// eventsWith holds for spans with an event that has the key and, where c asks
// for one, the text of a value somewhere.
func eventsWith(key string, c *Compare) chsql.Expr {
	e := chsql.Col("e")
	part := func(text []byte) chsql.Expr {
		return chsql.Gt(chsql.Func("position", e, chsql.String(string(text))), chsql.Int(0))
	}
	cond := part(append(attribute.AppendQuoted([]byte(`{"key":`), key), ','))
	if c != nil && c.Op == attrcol.Equal && c.Value.Kind == attribute.String {
		cond = chsql.And(cond, part(c.Value.AppendJSON(nil)))
	}
	return chsql.Func("arrayExists", chsql.Lambda("e", cond), chsql.Col("event_attributes"))
}

func (q *conditions) ofResource(cond chsql.Expr) chsql.Expr {
	from, to := q.times()
	return chsql.InSelect(chsql.Col("resource_id"), resourcestore.IDs(q.tenant, from, to, cond))
}

func (q *conditions) ofScope(cond chsql.Expr) chsql.Expr {
	from, to := q.times()
	return chsql.InSelect(chsql.Col("scope_id"), resourcestore.ScopeIDs(q.tenant, from, to, cond))
}

// wide is the range with the slack a trace's other spans are in.
func (q *conditions) wide() *conditions {
	w := *q
	w.from, w.to = max(w.from, slack)-slack, w.to+slack
	return &w
}

func (q *conditions) ofRoot(cond chsql.Expr) chsql.Expr {
	return chsql.InSelect(chsql.Col("trace_id"), chsql.Select{
		Columns: []chsql.Expr{chsql.Col("trace_id")},
		From:    chsql.Table(spans),
		Where:   append(q.wide().inRange(), chsql.Eq(chsql.Col("parent_span_id"), chsql.Bytes(make([]byte, 8))), cond),
	})
}

func (q *conditions) ofTrace(c Compare) chsql.Expr {
	w := q.wide()
	from, to := w.times()
	length := chsql.Func("minus", chsql.Func("toUnixTimestamp64Nano", chsql.Func("max", chsql.Col("end_time"))),
		chsql.Func("toUnixTimestamp64Nano", chsql.Func("min", chsql.Col("start_time"))))
	return chsql.InSelect(chsql.Col("trace_id"), chsql.Select{
		Columns: []chsql.Expr{chsql.Col("trace_id")},
		From:    chsql.Table(index),
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(q.tenant))),
			chsql.Ge(chsql.Col("day"), chsql.Date(from.AddDate(0, 0, -1))), chsql.Le(chsql.Col("day"), chsql.Date(to)),
		},
		GroupBy: []chsql.Expr{chsql.Col("trace_id")},
		Having:  []chsql.Expr{attrcol.Holds(length, c.Op, c.number())},
	})
}

// inRange are the conditions of tenant and time, [from, to).
func (q *conditions) inRange() []chsql.Expr {
	return append([]chsql.Expr{chsql.Eq(chsql.Col("tenant"), chsql.String(string(q.tenant)))}, during(q.from, q.to)...)
}

// where is a condition with those of tenant and time; the parts of a top And
// stand for themselves, so that each can use its index.
func (q *conditions) where(c Condition) ([]chsql.Expr, error) {
	list := q.inRange()
	parts := []Condition{c}
	if and, ok := c.(And); ok {
		parts = and
	}
	for _, p := range parts {
		if _, all := p.(All); all || p == nil {
			continue
		}
		e, err := p.sql(q)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

package logstore

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/fulltext"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Cond is a condition on a record: an All, Any, Not, Label, Number, NotNumber,
// Line, Body, Behind or Sure.
type Cond interface {
	expr(b *binding) (chsql.Expr, error)
}

// All holds where all hold, Any where one holds, Not where the other does not.
type (
	All []Cond
	Any []Cond
	Not struct{ Cond Cond }
)

// Label compares the text of what a name means (see Meanings) by one of the text
// operators of attrcol. As there, what is not there has the text "".
type Label struct {
	Name  string
	Op    attrcol.Op
	Value string
}

// Number compares the number of what a name means; texts that spell one count.
// What has no number it does not find, whatever the operator: attrcol's of
// numbers, Equal or NotEqual.
type Number struct {
	Name  string
	Op    attrcol.Op
	Value float64
}

// NotNumber finds what has a text that spells no number.
type NotNumber struct{ Name string }

// LineOp is how a Line looks at the body.
type LineOp uint8

const (
	LineContains LineOp = iota
	LineMatches         // RE2, "." matches line breaks
)

// Line looks for a text in the bodies that are texts. Other bodies, which are
// stored in a form that is not shown, all pass: whoever wants to know looks at
// them himself.
type Line struct {
	Op   LineOp
	Text string
}

// KnowsMore is whether a filter that is ASCII finds such lines with less to read.
func (c Line) KnowsMore() bool { return c.Op == LineMatches && fulltext.KnowsMore(c.Text) }

// Body finds the records whose body is a text, or, if Structured, is not.
type Body struct{ Structured bool }

// Meanings says what the names in a query mean: the keys, of the attributes of
// records, resources and scopes, that a name stands for. A resource's attribute
// goes before a record's, a record's before a scope's. Beside them stand what
// records have columns for:
//
//	service_name, detected_level, severity_text, severity_number, trace_id,
//	span_id, event_name, scope_name, scope_version
type Meanings struct {
	Record, Resource, Scope map[string][]string
	Types                   map[string]attrcol.Types // of keys of records
}

// Numeric is whether what a name means is a number wherever it is there.
func (m Meanings) Numeric(name string) bool {
	switch name {
	case "severity_number":
		return true
	case "service_name", "detected_level", "severity_text", "trace_id", "span_id", "event_name", "scope_name", "scope_version":
		return false
	}
	keys := m.Record[name]
	return len(keys) == 1 && len(m.Resource[name])+len(m.Scope[name]) == 0 && m.Types[keys[0]].Numbers()
}

// text is that of a record's attribute.
func (m Meanings) text(key string) chsql.Expr {
	return attrcol.TextOf(key, m.Types[key])
}

// binding is what conditions need to know to become SQL.
type binding struct {
	tenant   tenant.ID
	from, to time.Time
	names    Meanings
	textOnly bool    // no record has a body that is no text
	numbered bool    // no record has the severity number 0
	ascii    bool    // no record has a body with characters beyond ASCII
	open     ends    // of the range
	parser   *Parser // what names mean is also found in bodies; nil for no

	values map[string]value // behind the parser, by name
	groups *chsql.Expr      // of its pattern
	with   []chsql.Expr     // definitions of what conditions share
	cheap  int              // conditions before the first that takes lines apart

	negated bool // the condition is what must not hold
}

// bodies is the column that lines are looked for in. Where they must not be, its index
// leaves nothing out.
func (b *binding) bodies() fulltext.Column {
	return fulltext.Column{Text: chsql.Col("body"), Unasked: b.negated, ASCII: b.ascii}
}

// finish gives a statement what its conditions need. Lines are taken apart only where
// the others hold, which the server does not see to by itself.
func (b *binding) finish(s chsql.Select) chsql.Select {
	if len(b.with) == 0 {
		return s
	}
	// Compiling such a statement was seen to take hundreds of milliseconds when it came a
	// third time.
	s.With, s.Settings = b.with, append(s.Settings, chsql.Setting{Name: "compile_expressions", Value: 0})
	if b.cheap > 0 {
		s.Prewhere, s.Where = s.Where[:b.cheap], s.Where[b.cheap:]
	}
	return s
}

// share writes an expression once.
func (b *binding) share(e chsql.Expr) chsql.Expr {
	definition, name := e.Shared(len(b.with))
	b.with = append(b.with, definition)
	return name
}

// bind is what the filter's conditions need to know.
func (f *Filter) bind(t tenant.ID) *binding {
	return &binding{tenant: t, from: f.From, to: f.To, names: f.Meanings, textOnly: f.TextOnly, numbered: f.Numbered, ascii: f.ASCII}
}

func (c All) expr(b *binding) (chsql.Expr, error) { return b.join(c, chsql.And) }
func (c Any) expr(b *binding) (chsql.Expr, error) { return b.join(c, chsql.Or) }

func (b *binding) join(conds []Cond, join func(...chsql.Expr) chsql.Expr) (chsql.Expr, error) {
	list := make([]chsql.Expr, len(conds))
	for i, c := range conds {
		var err error
		if list[i], err = c.expr(b); err != nil {
			return chsql.Expr{}, err
		}
	}
	return join(list...), nil
}

func (c Not) expr(b *binding) (chsql.Expr, error) {
	b.negated = !b.negated
	e, err := c.Cond.expr(b)
	b.negated = !b.negated
	return chsql.Not(e), err
}

func (c Body) expr(b *binding) (chsql.Expr, error) {
	if b.textOnly {
		return chsql.Bool(!c.Structured), nil
	}
	if c.Structured {
		return structured(), nil
	}
	return chsql.Not(structured()), nil
}

// structured is whether the body is stored as OTLP/JSON.
func structured() chsql.Expr {
	return chsql.Gt(chsql.Col("body_kind"), chsql.Uint(uint64(attribute.String)))
}

func (c Line) expr(b *binding) (chsql.Expr, error) {
	if c.Text == "" {
		return chsql.Bool(true), nil
	}
	found := b.bodies().Contains(c.Text)
	if c.Op == LineMatches {
		var err error
		if found, err = b.bodies().Matches(c.Text); err != nil {
			return chsql.Expr{}, &attrcol.MatcherError{Matcher: attrcol.Matcher{Key: "line", Op: attrcol.Regexp, Value: c.Text}, Err: err}
		}
	}
	if b.textOnly {
		return found, nil // which an index can answer
	}
	return chsql.Or(found, structured()), nil
}

// expr turns every operator into one that finds only what is there, or the
// negation of one.
func (c Label) expr(b *binding) (chsql.Expr, error) {
	if b.parser != nil {
		return c.behind(b.value(b.parser, c.Name).text)
	}
	negate := false
	matches := func(text string) bool { return (text == c.Value) == (c.Op == attrcol.Equal) }
	switch c.Op {
	case attrcol.Equal:
		if negate = c.Value == ""; negate {
			c.Op = attrcol.NotEqual
		}
	case attrcol.NotEqual:
		if negate = c.Value != ""; negate {
			c.Op = attrcol.Equal
		}
	case attrcol.Regexp, attrcol.NotRegexp:
		re, err := regexp.Compile(attrcol.Anchored(c.Value))
		if err != nil {
			return chsql.Expr{}, &attrcol.MatcherError{Matcher: attrcol.Matcher{Key: c.Name, Op: c.Op, Value: c.Value}, Err: err}
		}
		if negate = re.MatchString("") == (c.Op == attrcol.Regexp); negate {
			c.Op = attrcol.Regexp + attrcol.NotRegexp - c.Op
		}
		matches = func(text string) bool { return re.MatchString(text) == (c.Op == attrcol.Regexp) }
	default:
		return chsql.Expr{}, fmt.Errorf("logs: label %s: operator %s is not of texts", c.Name, c.Op)
	}
	if c.Name == "detected_level" && b.unsent() {
		e := c.levels(b, matches)
		if negate {
			e = chsql.Not(e)
		}
		return e, nil
	}
	e, err := b.found(c.Name, c.column, func(key string, of holder) (chsql.Expr, error) {
		m := attrcol.Matcher{Key: key, Op: c.Op, Value: c.Value, Types: b.typesOf(key, of)}
		own, err := attrcol.Own(m)
		if err != nil || of != records {
			return own, err
		}
		return attrcol.Indexed(m, own), nil
	})
	if err == nil && negate {
		e = chsql.Not(e)
	}
	return e, err
}

// behind is the condition on a text that is "" where there is none.
func (c Label) behind(text chsql.Expr) (chsql.Expr, error) {
	on, _, err := attrcol.Matcher{Key: c.Name, Op: c.Op, Value: c.Value}.OnText()
	if err != nil {
		return chsql.Expr{}, err
	}
	return on(text), nil
}

// unsent is whether no client has sent a level of its own detection.
func (b *binding) unsent() bool { return len(b.names.Record["detected_level"]) == 0 }

// levels is the condition on the level where it follows from the severity: the
// names are compared here, so that the server compares numbers.
func (c Label) levels(b *binding, matches func(string) bool) chsql.Expr {
	number := chsql.Col("severity_number")
	var alternatives []chsql.Expr
	if !b.numbered {
		alternatives = append(alternatives, chsql.And(chsql.Eq(number, chsql.Uint(0)), c.column(c.Name, chsql.Func("lower", chsql.Col("severity_text")))))
	}
	for i := 0; i < len(levels); i++ {
		first := i
		for i < len(levels) && matches(levels[i]) {
			i++
		}
		if i == first {
			continue
		}
		within := chsql.Ge(number, chsql.Uint(uint64(4*first+1)))
		if i < len(levels) {
			within = chsql.And(within, chsql.Le(number, chsql.Uint(uint64(4*i))))
		}
		alternatives = append(alternatives, within)
	}
	return chsql.Or(alternatives...)
}

// column is the condition on a column instead of an attribute. Ids and numbers are
// compared as what they are, which an index or a typed column can do.
func (c Label) column(name string, text chsql.Expr) chsql.Expr {
	if c.Op == attrcol.Equal {
		switch name {
		case "trace_id", "span_id":
			raw, err := hex.DecodeString(c.Value)
			if err != nil || c.Value != strings.ToLower(c.Value) {
				return chsql.Bool(false)
			}
			if name == "trace_id" && len(raw) == 16 {
				return chsql.Eq(chsql.Col("trace_id"), chsql.Bytes(raw))
			}
			if name == "span_id" && len(raw) == 8 {
				return chsql.Eq(chsql.Col("span_id"), chsql.Bytes(raw))
			}
			return chsql.Bool(false)
		case "severity_number":
			if n, err := strconv.ParseUint(c.Value, 10, 8); err == nil && n > 0 {
				return chsql.Eq(chsql.Col("severity_number"), chsql.Uint(n))
			}
			return chsql.Bool(false)
		}
	}
	switch c.Op {
	case attrcol.Equal:
		return chsql.Eq(text, chsql.String(c.Value))
	case attrcol.NotEqual:
		return chsql.Ne(text, chsql.String(c.Value))
	}
	match := chsql.Func("match", text, chsql.String(attrcol.Anchored(c.Value)))
	if c.Op == attrcol.NotRegexp {
		return chsql.Not(match)
	}
	return match
}

func (c Number) expr(b *binding) (chsql.Expr, error) {
	value := chsql.Float(c.Value)
	holds := func(text chsql.Expr) chsql.Expr {
		op := map[attrcol.Op]func(a, b chsql.Expr) chsql.Expr{attrcol.Equal: chsql.Eq, attrcol.NotEqual: chsql.Ne,
			attrcol.Greater: chsql.Gt, attrcol.GreaterOrEqual: chsql.Ge, attrcol.Less: chsql.Lt, attrcol.LessOrEqual: chsql.Le}[c.Op]
		return chsql.Func("ifNull", op(toNumber(text), value), chsql.Bool(false))
	}
	if b.parser != nil {
		return holds(b.value(b.parser, c.Name).text), nil
	}
	return b.found(c.Name, func(_ string, text chsql.Expr) chsql.Expr { return holds(text) }, func(key string, of holder) (chsql.Expr, error) {
		own := func(op attrcol.Op) (chsql.Expr, error) {
			return attrcol.Own(attrcol.Matcher{Key: key, Op: op, Value: strconv.FormatFloat(c.Value, 'f', -1, 64), Types: b.typesOf(key, of)})
		}
		switch c.Op {
		case attrcol.Equal:
			low, err := own(attrcol.GreaterOrEqual)
			if err != nil {
				return low, err
			}
			high, err := own(attrcol.LessOrEqual)
			return chsql.And(low, high), err
		case attrcol.NotEqual:
			low, err := own(attrcol.Greater)
			if err != nil {
				return low, err
			}
			high, err := own(attrcol.Less)
			return chsql.Or(low, high), err
		}
		return own(c.Op)
	})
}

func (c NotNumber) expr(b *binding) (chsql.Expr, error) {
	not := func(text chsql.Expr) chsql.Expr {
		return chsql.And(chsql.Ne(text, chsql.String("")), chsql.IsNull(chsql.Func("toFloat64OrNull", text)))
	}
	return b.found(c.Name, func(_ string, text chsql.Expr) chsql.Expr { return not(text) },
		func(key string, of holder) (chsql.Expr, error) {
			switch {
			case of != records:
				return not(attrcol.Text(key)), nil
			case b.names.Types[key].Numbers():
				return chsql.Bool(false), nil
			}
			return not(b.names.text(key)), nil
		})
}

// holder is whose attributes a condition is on.
type holder uint8

const (
	resources holder = iota
	records
	scopes
)

// typesOf is where the values of a key are; of resources and scopes it is not noted.
func (b *binding) typesOf(key string, of holder) attrcol.Types {
	if of != records {
		return 0
	}
	return b.names.Types[key]
}

// found is a condition that holds only where what a name means is there: column
// makes it for a name that is a column, own for an attribute of a key.
func (b *binding) found(name string, column func(name string, text chsql.Expr) chsql.Expr, own func(key string, of holder) (chsql.Expr, error)) (chsql.Expr, error) {
	switch name {
	case "service_name":
		return column(name, chsql.Col("service_name")), nil
	case "scope_name", "scope_version":
		return b.inScopes(column(name, scopeColumn(name))), nil
	case "detected_level":
		return column(name, b.level()), nil
	}
	if _, text, ok := columnText(name); ok {
		return column(name, text), nil
	}
	each := func(keys []string, of holder) (chsql.Expr, error) {
		list := make([]chsql.Expr, len(keys))
		for i, key := range keys {
			var err error
			if list[i], err = own(key, of); err != nil {
				return chsql.Expr{}, err
			}
		}
		return chsql.Or(list...), nil
	}
	var alternatives []chsql.Expr
	before := chsql.Bool(true)
	if keys := b.names.Resource[name]; len(keys) > 0 {
		e, err := each(keys, resources)
		if err != nil {
			return e, err
		}
		alternatives = append(alternatives, b.inResources(e))
		before = chsql.Not(b.inResources(present(keys)))
	}
	if keys := b.names.Record[name]; len(keys) > 0 {
		e, err := each(keys, records)
		if err != nil {
			return e, err
		}
		if len(alternatives) > 0 {
			e = chsql.And(before, e)
		}
		alternatives = append(alternatives, e)
	}
	if keys := b.names.Scope[name]; len(keys) > 0 {
		e, err := each(keys, scopes)
		if err != nil {
			return e, err
		}
		alternatives = append(alternatives, b.inScopes(e))
	}
	return chsql.Or(alternatives...), nil
}

func present(keys []string) chsql.Expr {
	list := make([]chsql.Expr, len(keys))
	for i, key := range keys {
		list[i] = attrcol.Present(key)
	}
	return chsql.Or(list...)
}

func (b *binding) inResources(where chsql.Expr) chsql.Expr {
	return chsql.InSelect(chsql.Col("resource_id"), resourcestore.IDs(b.tenant, b.from, b.to, where))
}

func (b *binding) inScopes(where chsql.Expr) chsql.Expr {
	return chsql.InSelect(chsql.Col("scope_id"), resourcestore.ScopeIDs(b.tenant, b.from, b.to, where))
}

func scopeColumn(name string) chsql.Expr {
	if name == "scope_name" {
		return chsql.Col("name")
	}
	return chsql.Col("version")
}

// columnText is a column that has a name in queries, and its text, "" where
// nothing was sent.
func columnText(name string) (column, text chsql.Expr, ok bool) {
	id := func(col chsql.Expr, zero int) (column, text chsql.Expr, ok bool) {
		return col, chsql.Func("if", chsql.Eq(col, chsql.Bytes(make([]byte, zero))), chsql.String(""), chsql.Func("lower", chsql.Func("hex", col))), true
	}
	switch name {
	case "trace_id":
		return id(chsql.Col("trace_id"), 16)
	case "span_id":
		return id(chsql.Col("span_id"), 8)
	case "severity_text":
		return chsql.Col("severity_text"), chsql.Col("severity_text"), true
	case "event_name":
		return chsql.Col("event_name"), chsql.Col("event_name"), true
	case "severity_number":
		n := chsql.Col("severity_number")
		return n, chsql.Func("if", chsql.Eq(n, chsql.Uint(0)), chsql.String(""), chsql.Func("toString", n)), true
	}
	return chsql.Expr{}, chsql.Expr{}, false
}

// levels are the names of OTLP's severities, four numbers each from 1 on.
var levels = [...]string{"trace", "debug", "info", "warn", "error", "fatal"}

// Level is the level of a record: what a client that detects it has sent, else
// the name of its severity number, else its severity text, "" if it has none.
func Level(detected string, number uint8, text string) string {
	switch {
	case detected != "":
		return detected
	case number > 0:
		return levels[min(int(number-1)/4, len(levels)-1)]
	}
	return strings.ToLower(text)
}

// level is Level in SQL.
func (b *binding) level() chsql.Expr {
	n := chsql.Col("severity_number")
	var args []chsql.Expr
	if keys := b.names.Record["detected_level"]; len(keys) > 0 {
		sent := b.names.text(keys[0])
		args = append(args, chsql.Ne(sent, chsql.String("")), sent)
	}
	if !b.numbered {
		args = append(args, chsql.Eq(n, chsql.Uint(0)), chsql.Func("lower", chsql.Col("severity_text")))
	}
	for i, name := range levels[:len(levels)-1] {
		args = append(args, chsql.Le(n, chsql.Uint(uint64(4*i+4))), chsql.String(name))
	}
	args = append(args, chsql.String(levels[len(levels)-1]))
	return chsql.Func("multiIf", args...)
}

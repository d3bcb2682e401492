package logstore

import (
	"strings"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Parser is what takes bodies apart, as a stage of LogQL does. What names mean behind
// it are the fields of bodies as well, which come last: a name that a record has is the
// record's.
//
// The server does not read every line as the stage does, but it knows of which it is
// Sure: those it answers for, and the others have to be looked at one by one.
type Parser struct {
	Form ParserForm
	// Fields are the ways to the fields that are taken, by their names: keys of nested
	// objects in JSON, one key in logfmt. Nil takes every field.
	Fields map[string][]string
	// Pattern is a regular expression, and Groups has the numbers of its groups, from 1
	// on, by their names.
	Pattern string
	Groups  map[string]int
	// Matching: what the pattern does not match may have something all the same.
	Matching bool
}

// ParserForm is what bodies look like.
type ParserForm uint8

// The forms.
const (
	JSON   ParserForm = iota // an object; names of nested fields are joined by underscores
	Logfmt                   // pairs, those without a value are passed over
	Regexp                   // what the groups of a pattern match
)

// Behind is a condition on what names mean behind a parser.
type Behind struct {
	Parser *Parser
	Cond   Cond
}

// Sure finds the records of which the server knows what the parser finds for some
// names, and that it finds no fault with the body.
type Sure struct {
	Parser   *Parser
	Texts    []string // names of which the text is asked
	Numbers  []string // names of which the number is compared; what has none is a fault
	Measured string   // a name of which the number is taken where there is a text; "" for none
}

// Knows is whether names can be asked of the server behind the parser, where names mean
// what m says.
func (p *Parser) Knows(m Meanings, names []string) bool {
	for _, name := range names {
		if name == "service_name" {
			continue // of which a record always has one
		}
		if name == "scope_name" || name == "scope_version" || len(m.Resource[name])+len(m.Scope[name]) > 0 {
			return false // not a matter of the record alone
		}
		if !p.reads(name) {
			return false
		}
	}
	return true
}

// reads is whether the server can look for a name in a body.
func (p *Parser) reads(name string) bool {
	switch {
	case p.Form == Regexp:
		return true
	case p.Fields != nil:
		for _, key := range p.Fields[name] {
			if key == "" || p.Form == Logfmt && strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == '=' || r == '"' || r > '~' }) {
				return false
			}
		}
		return true
	}
	words := strings.Split(name, "_")
	for _, w := range words {
		if w == "" {
			return false
		}
	}
	return len(words) <= maxWords && (name[0] < '0' || name[0] > '9')
}

// maxWords bounds the words of a name that is looked for: it may be spelled, and
// nested, in as many ways as two to their number.
const maxWords = 4

func (c Behind) expr(b *binding) (chsql.Expr, error) {
	b.parser = c.Parser
	defer func() { b.parser = nil }()
	return c.Cond.expr(b)
}

func (c Sure) expr(b *binding) (chsql.Expr, error) {
	sure := []chsql.Expr{}
	if !b.textOnly {
		sure = append(sure, chsql.Not(structured()))
	}
	asked := map[string]bool{}
	fields := []field{}
	add := func(name string, number func(v value) chsql.Expr) {
		v := b.value(c.Parser, name)
		if !asked[name] && v.parsed {
			fields = append(fields, v.field)
			sure = append(sure, v.sure)
		}
		asked[name] = true
		if number != nil {
			sure = append(sure, number(v))
		} else if v.parsed {
			sure = append(sure, v.spelled)
		}
	}
	for _, name := range c.Texts {
		add(name, nil)
	}
	for _, name := range c.Numbers {
		add(name, func(v value) chsql.Expr { return chsql.Or(v.absent, isNumber(v.text)) })
	}
	if c.Measured != "" {
		add(c.Measured, func(v value) chsql.Expr { return chsql.Or(chsql.Eq(v.text, chsql.String("")), isNumber(v.text)) })
	}
	return chsql.And(append([]chsql.Expr{b.faultless(c.Parser, fields)}, sure...)...), nil
}

// faultless is whether the server is sure that a parser finds no fault with a body.
func (b *binding) faultless(p *Parser, fields []field) chsql.Expr {
	switch p.Form {
	case JSON:
		return faultlessJSON(fields)
	case Logfmt:
		return chsql.Eq(chsql.Func("match", body(), chsql.String(logfmtLine)), chsql.Uint(1))
	}
	valid := chsql.Eq(chsql.Func("isValidUTF8", body()), chsql.Uint(1))
	if p.Matching {
		valid = chsql.And(valid, chsql.Func("notEmpty", b.matched(p)))
	}
	return valid
}

// matched are what the groups of the pattern match, an empty list if it does not match.
func (b *binding) matched(p *Parser) chsql.Expr {
	if b.groups == nil {
		e := b.share(chsql.Func("extractGroups", body(), chsql.String("(?-s:"+p.Pattern+")")))
		b.groups = &e
	}
	return *b.groups
}

// isNumber is whether a text is a number that every reader reads alike.
func isNumber(text chsql.Expr) chsql.Expr {
	return chsql.Func("match", text, chsql.String(`^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$`))
}

// toNumber is the number of a text, NULL where it has none.
func toNumber(text chsql.Expr) chsql.Expr { return chsql.Func("toFloat64OrNull", text) }

// value is what a name means behind a parser.
type value struct {
	text   chsql.Expr // "" for none
	absent chsql.Expr // whether there surely is no label, not one that is ""
	parsed bool       // the field may count
	field
}

// field is what the server finds in a body.
type field struct {
	found   chsql.Expr // the text, "" for none
	raw     chsql.Expr // of JSON: the value as the server writes it
	missing chsql.Expr // whether there is none, not even ""
	sure    chsql.Expr // whether the parser finds the same, but for how numbers are spelled
	spelled chsql.Expr // whether the text is spelled as the parser spells it
}

// value is what a name means behind a parser. What the record has goes before what is
// in its body.
func (b *binding) value(p *Parser, name string) value {
	if v, ok := b.values[name]; ok {
		return v
	}
	v := b.newValue(p, name)
	if b.values == nil {
		b.values = map[string]value{}
	}
	v.text, v.absent = b.share(v.text), b.share(v.absent)
	if v.parsed {
		v.sure, v.spelled = b.share(v.sure), b.share(v.spelled)
	}
	b.values[name] = v
	return v
}

func (b *binding) newValue(p *Parser, name string) value {
	none := chsql.String("")
	if name == "service_name" {
		return value{text: chsql.Col("service_name"), absent: chsql.Bool(false)}
	}
	f, ok := b.field(p, name)
	if !ok {
		f = field{found: none, raw: none, missing: chsql.Bool(true), sure: chsql.Bool(true), spelled: chsql.Bool(true)}
	}
	v := value{text: f.found, absent: f.missing, parsed: ok, field: f}
	stored, own := chsql.Expr{}, false
	if name == "detected_level" {
		stored, own = b.level(), true
	} else {
		_, stored, own = columnText(name)
	}
	if own {
		v.text = chsql.Func("if", chsql.Ne(stored, none), stored, f.found)
		v.absent = chsql.And(chsql.Eq(stored, none), f.missing)
		return v
	}
	keys := b.names.Record[name]
	for i := len(keys) - 1; i >= 0; i-- {
		there := attrcol.PresentIn(keys[i], b.names.Types[keys[i]])
		v.text = chsql.Func("if", there, b.names.text(keys[i]), v.text)
		v.absent = chsql.And(chsql.Not(there), v.absent)
	}
	return v
}

// field is what there is of a name in a body; not ok if there never is anything.
func (b *binding) field(p *Parser, name string) (field, bool) {
	switch p.Form {
	case Regexp:
		i, ok := p.Groups[name]
		groups := b.matched(p)
		return field{found: chsql.Func("arrayElement", groups, chsql.Uint(uint64(i))), missing: chsql.Func("empty", groups),
			sure: chsql.Bool(true), spelled: chsql.Bool(true)}, ok
	case Logfmt:
		key, exact := name, p.Fields != nil
		if exact {
			path, ok := p.Fields[name]
			if !ok {
				return field{}, false
			}
			key = path[0]
		}
		return b.logfmtField(key, exact), true
	}
	if p.Fields != nil {
		path, ok := p.Fields[name]
		if !ok {
			return field{}, false
		}
		return b.pickedField(path), true
	}
	return b.jsonField(name), true
}

// otherBeginning is a pattern of what begins like a name of some words and has a character
// of the class between between two of them, or ends there.
func otherBeginning(words []string, between string) string {
	pattern := ""
	for i := len(words) - 2; i >= 0; i-- {
		next := between
		if pattern != "" {
			next = `(?:` + next + `|_` + pattern + `)`
		}
		pattern = words[i] + next
	}
	return pattern
}

func body() chsql.Expr { return chsql.Col("body") }

func has(needle string) chsql.Expr {
	return chsql.Gt(chsql.Func("position", body(), chsql.String(needle)), chsql.Uint(0))
}

func count(needle string) chsql.Expr {
	return chsql.Func("countSubstrings", body(), chsql.String(needle))
}

func atMostOne(needle string) chsql.Expr { return chsql.Le(count(needle), chsql.Uint(1)) }

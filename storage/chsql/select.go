package chsql

import (
	"strconv"
	"strings"
)

// Source is what a select reads from.
type Source struct{ sql string }

// Table is a table of our database.
func Table(name word) Source { return Source{string(name)} }

// Sub is the result of a select.
func Sub(s Select) Source { return Source{"(\n" + indent(s.SQL()) + "\n)"} }

// Union is the rows of several selects, whose columns are called alike.
func Union(all ...Select) Source {
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = indent(s.SQL())
	}
	return Source{"(\n" + strings.Join(parts, "\n  UNION ALL\n") + "\n)"}
}

// Join is the pairs of rows of two selects that have the same values of some
// columns. It is GLOBAL: on several servers the right side runs once for all.
func Join(left, right Select, using ...word) Source {
	names := make([]string, len(using))
	for i, u := range using {
		names[i] = string(u)
	}
	return Source{Sub(left).sql + " AS l\nGLOBAL INNER JOIN " + Sub(right).sql + " AS r\nUSING (" + strings.Join(names, ", ") + ")"}
}

// Order is one key to sort by.
type Order struct {
	By   Expr
	Desc bool
}

// Asc sorts upwards.
func Asc(e Expr) Order { return Order{By: e} }

// Desc sorts downwards.
func Desc(e Expr) Order { return Order{By: e, Desc: true} }

// Setting is a setting of one statement.
type Setting struct {
	Name  word
	Value int64
}

// Select is a SELECT statement. Conditions are joined by and; clauses that are
// zero are left out.
type Select struct {
	With     []Expr // definitions that Shared makes
	Distinct bool
	Columns  []Expr
	From     Source
	Prewhere []Expr // conditions that are cheap, asked before any of Where
	Where    []Expr
	GroupBy  []Expr
	Having   []Expr
	OrderBy  []Order
	LimitBy  []Expr // the first row for each of these
	Limit    int
	Settings []Setting
}

// SQL is the statement's text, one clause a line, one condition a line.
func (s Select) SQL() string {
	var b strings.Builder
	for i, e := range s.With {
		if i == 0 {
			b.WriteString("WITH ")
		} else {
			b.WriteString(",\n  ")
		}
		b.WriteString(e.sql)
	}
	if len(s.With) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("SELECT ")
	if s.Distinct {
		b.WriteString("DISTINCT ")
	}
	b.WriteString(list(s.Columns))
	if s.From.sql != "" {
		b.WriteString("\nFROM " + s.From.sql)
	}
	conditions(&b, "PREWHERE", s.Prewhere)
	conditions(&b, "WHERE", s.Where)
	if len(s.GroupBy) > 0 {
		b.WriteString("\nGROUP BY " + list(s.GroupBy))
	}
	conditions(&b, "HAVING", s.Having)
	s.tail(&b)
	return b.String()
}

func conditions(b *strings.Builder, clause string, exprs []Expr) {
	for i, e := range exprs {
		word := "\n" + clause + " "
		if i > 0 {
			word = "\n  AND "
		}
		b.WriteString(word)
		if len(exprs) == 1 {
			b.WriteString(e.sql)
		} else {
			b.WriteString(e.asOperand())
		}
	}
}

func (s Select) tail(b *strings.Builder) {
	for i, o := range s.OrderBy {
		if i == 0 {
			b.WriteString("\nORDER BY ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(o.By.sql)
		if o.Desc {
			b.WriteString(" DESC")
		}
	}
	if len(s.LimitBy) > 0 {
		b.WriteString("\nLIMIT 1 BY " + list(s.LimitBy))
	}
	if s.Limit > 0 {
		b.WriteString("\nLIMIT " + strconv.Itoa(s.Limit))
	}
	for i, o := range s.Settings {
		if i == 0 {
			b.WriteString("\nSETTINGS ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(string(o.Name) + " = " + strconv.FormatInt(o.Value, 10))
	}
}

// indent moves a statement inside parentheses. Literals have no line breaks,
// so every one here is between words.
func indent(sql string) string { return "  " + strings.ReplaceAll(sql, "\n", "\n  ") }

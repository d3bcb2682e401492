package logstore

import (
	"math"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Measurable is whether Count can add up the numbers of Measured: it means one key of
// records and nothing else. Of a quantile each group has to be a row of its own, which
// it is not where a name counted by may be a resource's or scope's.
func Measurable(m Meanings, c Counting, quantile bool) bool {
	if c.Parser != nil {
		return true
	}
	name := c.Measured
	if _, _, column := columnText(name); column || len(m.Record[name]) != 1 || len(m.Resource[name])+len(m.Scope[name]) > 0 {
		return false
	}
	switch name {
	case "service_name", "detected_level", "scope_name", "scope_version":
		return false
	}
	if quantile {
		f := Filter{Meanings: m}
		p := newCountPlan(f.bind(""), c)
		return !p.resource && !p.scope
	}
	return true
}

// measure are the columns of a Measure, and whether a record has a text to measure.
func (f *Filter) measure(b *binding, c Counting) (columns []chsql.Expr, there chsql.Expr) {
	zero := chsql.Func("toFloat64", chsql.Uint(0))
	if c.Measured == "" {
		return []chsql.Expr{chsql.Func("toUInt64", chsql.Uint(0)), zero, zero, zero, zero}, there
	}
	var text, number chsql.Expr
	if c.Parser != nil {
		text = b.value(c.Parser, c.Measured).text
		number = chsql.Func("ifNull", toNumber(text), chsql.Float(math.NaN()))
	} else {
		key := f.Meanings.Record[c.Measured][0]
		text = f.Meanings.text(key)
		number = chsql.Func("assumeNotNull", chsql.Func("coalesce", attrcol.Number(key, 0), toNumber(text), chsql.Float(math.NaN())))
	}
	return []chsql.Expr{
		chsql.Func("countIf", chsql.Func("isNaN", number)), chsql.Func("sum", number), chsql.Func("min", number), chsql.Func("max", number),
		chsql.FuncWith("quantileExactInclusive", []chsql.Expr{chsql.Float(c.Quantile)}, number),
	}, chsql.Ne(text, chsql.String(""))
}

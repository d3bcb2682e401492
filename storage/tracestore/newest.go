package tracestore

import (
	"context"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Matching is the conditions of a tenant's spans of [from, to), Unix ns, that
// where holds for, for statements that join them with other signals.
func Matching(t tenant.ID, from, to int64, where Condition, types KeyTypes) ([]chsql.Expr, error) {
	return knowing(t, from, to, types).where(where)
}

// Grouped is what the tenant's spans of [from, to) have in fields, as two arrays
// of strings in the fields' order: the types and the texts, as in GroupValue.
func Grouped(t tenant.ID, from, to int64, fields []Field, known KeyTypes) (types, texts chsql.Expr, err error) {
	return knowing(t, from, to, known).groups(fields)
}

func (q *conditions) groups(fields []Field) (types, texts chsql.Expr, err error) {
	var typeList, textList []chsql.Expr
	for _, f := range fields {
		typ, text, err := q.group(f)
		if err != nil {
			return types, texts, err
		}
		typeList, textList = append(typeList, chsql.Func("toString", typ)), append(textList, chsql.Func("toString", text))
	}
	strings := func(list []chsql.Expr) chsql.Expr {
		return chsql.Func("CAST", chsql.Func("array", list...), chsql.String("Array(String)"))
	}
	return strings(typeList), strings(textList), nil
}

// NewestSelect reads the newest spans that conditions hold for.
func NewestSelect(where []chsql.Expr, limit int) chsql.Select {
	return traceReader().sel(where, []chsql.Order{chsql.Desc(chsql.Col("start_time")), chsql.Asc(chsql.Col("span_id"))}, limit)
}

// ReadNewest runs a NewestSelect: spans, the newest first.
func (s *Store) ReadNewest(ctx context.Context, t tenant.ID, sel chsql.Select) (res Result, err error) {
	r := traceReader()
	if res.Stats, err = s.read(ctx, r, sel, "trace", &res.Spans); err != nil {
		return res, err
	}
	return res, s.resolve(ctx, t, r.need, res.Spans)
}

package tracestore

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// KeyTypes tells where the values of some keys of spans' attributes are, for spans that
// began from From to To, Unix ns. Of a key that is not in it nothing is known.
type KeyTypes struct {
	From, To int64
	Of       map[string]attrcol.Types
}

// covers is whether it tells of all spans of a range.
func (k *KeyTypes) covers(from, to int64) bool { return k.From <= from && to <= k.To }

// Keys are the keys of spans' attributes that a condition and fields name, each once, for
// Store.KeyTypes.
func Keys(where Condition, fields ...Field) (keys []string) {
	add := func(f Field) {
		if f.Kind == SpanAttribute || f.Kind == AnyAttribute {
			keys = append(keys, f.Key)
		}
	}
	each := func(list []Condition) {
		for _, one := range list {
			keys = append(keys, Keys(one)...)
		}
	}
	switch c := where.(type) {
	case Compare:
		add(c.Field)
	case Exists:
		add(c.Field)
	case And:
		each(c)
	case Or:
		each(c)
	case Not:
		keys = Keys(c.Of)
	}
	for _, f := range fields {
		add(f)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// KeyTypes finds out about keys, for searches in [from, to) and the traces they find.
// Other places than those known need not be read.
func (s *Store) KeyTypes(ctx context.Context, t tenant.ID, from, to int64, keys []string) (KeyTypes, conn.Stats, error) {
	const aside = int64(24 * time.Hour) // most traces are within it
	out := KeyTypes{From: max(from, aside) - aside, To: to + min(aside, 1<<63-1-to), Of: map[string]attrcol.Types{}}
	if len(keys) == 0 {
		return out, conn.Stats{}, nil
	}
	before := attrcol.Types(0) // of all keys, on days when it was not noted yet
	stats, err := s.db.Select(ctx, conn.Query{SQL: keyTypesSelect(t, out.From, out.To, keys).SQL(), Op: "span keys"}, func(rows driver.Rows) error {
		var key string
		var types uint8
		if err := rows.Scan(&key, &types); err != nil {
			return err
		}
		if key == "" {
			before = attrcol.Types(types)
		}
		out.Of[key] = attrcol.Types(types)
		return nil
	})
	for key := range out.Of {
		out.Of[key] |= before
	}
	return out, stats, err
}

func keyTypesSelect(t tenant.ID, from, to int64, keys []string) chsql.Select {
	key, day := chsql.Col("key"), chsql.Col("day")
	return chsql.Select{
		Columns: []chsql.Expr{key, attrcol.TypesIn(chsql.Col("place"))}, From: chsql.Table("span_key_types"), GroupBy: []chsql.Expr{key},
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))), chsql.InStrings(key, append([]string{""}, keys...)),
			chsql.Ge(day, chsql.Date(time.Unix(0, from))), chsql.Le(day, chsql.Date(time.Unix(0, to))),
		},
	}
}

package logstore

import (
	"context"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Keys are the keys of attributes in use: of records, their resources and their
// scopes, each sorted.
type Keys struct {
	Record, Resource, Scope []string
	Types                   map[string]attrcol.Types // of Record
}

// maxKeys bounds each list of Keys. A tenant with more of them cannot be asked
// for all.
const maxKeys = 100_000

// Asked says what a Survey is to find out.
type Asked struct{ Keys, Structured, Unnumbered, Beyond bool }

// Survey is what a filter's conditions can be made simpler by. What was not asked
// for is zero.
type Survey struct {
	Keys       Keys // in use on the days of the range
	Structured bool // a record of the range has a body that is no text
	Unnumbered bool // a record of the range has the severity number 0
	Beyond     bool // a record of the range has a body with characters beyond ASCII
	Stats      conn.Stats
}

// What a row of a survey tells of.
const (
	ofResources = resourcestore.OfResources
	ofScopes    = resourcestore.OfScopes
	ofRecords   = iota + 1
	isStructured
	isUnnumbered
	isBeyond
)

// Survey finds out about the records in [from, to), in one statement that reads small
// tables and indexes only.
func (s *Store) Survey(ctx context.Context, t tenant.ID, from, to time.Time, asked Asked) (Survey, error) {
	out := Survey{Keys: Keys{Types: map[string]attrcol.Types{}}}
	sel, err := surveySelect(t, from, to, asked)
	if err != nil || asked == (Asked{}) {
		return out, err
	}
	k := &out.Keys
	out.Stats, err = s.db.Select(ctx, conn.Query{SQL: sel.SQL(), Op: "log survey"}, func(rows driver.Rows) error {
		var of uint8
		var name string
		var types uint8
		if err := rows.Scan(&of, &name, &types); err != nil {
			return err
		}
		switch of {
		case ofResources:
			k.Resource = append(k.Resource, name)
		case ofScopes:
			k.Scope = append(k.Scope, name)
		case ofRecords:
			k.Record = append(k.Record, name)
			k.Types[name] = attrcol.Types(types)
		case isStructured:
			out.Structured = true
		case isUnnumbered:
			out.Unnumbered = true
		case isBeyond:
			out.Beyond = true
		}
		return nil
	})
	for _, list := range [][]string{k.Record, k.Resource, k.Scope} {
		slices.Sort(list)
	}
	return out, err
}

func surveySelect(t tenant.ID, from, to time.Time, asked Asked) (chsql.Select, error) {
	of := func(what uint64) chsql.Expr { return chsql.Func("toUInt8", chsql.Uint(what)).As("what") }
	none := chsql.String("").As("name")
	no := chsql.Func("toUInt8", chsql.Uint(0)).As("types")
	var parts []chsql.Select
	if asked.Keys {
		name := chsql.Col("key").As("name")
		parts = append(parts,
			chsql.Select{Columns: []chsql.Expr{chsql.Col("holder").As("what"), name, no}, From: chsql.Sub(resourcestore.KeysSelect(t, from, to, 2*maxKeys))},
			chsql.Select{Columns: []chsql.Expr{of(ofRecords), name, chsql.Col("types")}, From: chsql.Sub(keysSelect(t, from, to))})
	}
	any := func(wanted bool, what uint64, cond chsql.Expr) error {
		if !wanted {
			return nil
		}
		f := Filter{From: from, To: to}
		where, err := f.inRange(f.bind(t))
		parts = append(parts, chsql.Select{Columns: []chsql.Expr{of(what), none, no}, From: chsql.Sub(
			chsql.Select{Columns: []chsql.Expr{chsql.Uint(1)}, From: chsql.Table(table), Where: append(where, cond), Limit: 1})})
		return err
	}
	if err := any(asked.Structured, isStructured, structured()); err != nil {
		return chsql.Select{}, err
	}
	if err := any(asked.Unnumbered, isUnnumbered, chsql.Eq(chsql.Col("severity_number"), chsql.Uint(0))); err != nil {
		return chsql.Select{}, err
	}
	if err := any(asked.Beyond, isBeyond, chsql.Eq(chsql.Func("isValidASCII", chsql.Col("body")), chsql.Uint(0))); err != nil {
		return chsql.Select{}, err
	}
	return chsql.Select{Columns: []chsql.Expr{chsql.Col("what"), chsql.Col("name"), chsql.Col("types")}, From: chsql.Union(parts...)}, nil
}

func keysSelect(t tenant.ID, from, to time.Time) chsql.Select {
	key := chsql.Col("key")
	return chsql.Select{
		Columns: []chsql.Expr{key, attrcol.TypesIn(chsql.Col("place")).As("types")}, From: chsql.Table("log_keys"), GroupBy: []chsql.Expr{key},
		Where: []chsql.Expr{
			chsql.Eq(chsql.Col("tenant"), chsql.String(string(t))),
			chsql.Ge(chsql.Col("day"), chsql.Date(from)),
			chsql.Le(chsql.Col("day"), chsql.Date(to)),
		},
		Limit: maxKeys,
	}
}

package attrcol_test

import (
	"fmt"
	"testing"

	. "github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// Conditions that look only where values of a key are find what those find that look
// everywhere.
func TestTypesTakeNothingAway(t *testing.T) {
	db := storagetest.Empty(t)
	place := map[attribute.Kind]Types{attribute.String: Strings, attribute.Int: Ints, attribute.Double: Doubles, attribute.Bool: Bools}
	keys, rows := map[string]Types{}, [][]attribute.KeyValue{nil}
	store := func(key string, v attribute.Value) {
		at, plain := place[v.Kind]
		if !plain {
			at = Other
		}
		keys[key] |= at
		rows = append(rows, list(kv(key, v)))
	}
	for _, v := range values {
		store(fmt.Sprintf("only.%d", v.Kind), v)
		if v.Kind == attribute.String || v.Kind == attribute.Int {
			store("mixed", v)
		}
		store("any", v)
	}
	table(t, db, "types", rows, nil)
	numbers := map[Op]bool{Greater: true, GreaterOrEqual: true, Less: true, LessOrEqual: true}
	for key, types := range keys {
		for _, known := range []Types{types, types&^(Strings|Ints|Doubles|Bools) | Plain} {
			var differ []chsql.Expr
			names := map[int]string{}
			same := func(name string, a, b chsql.Expr) {
				names[len(differ)] = name
				differ = append(differ, chsql.Ne(a, b))
			}
			for _, value := range []string{"500", "true", "0.1", ""} {
				for op := Equal; op <= LessOrEqual; op++ {
					m := Matcher{Key: key, Op: op, Value: value}
					all, err := Own(m)
					if err != nil {
						if !numbers[op] {
							t.Fatal(err)
						}
						continue
					}
					m.Types = known
					some, err := Own(m)
					if err != nil {
						t.Fatal(err)
					}
					same(m.String(), all, some)
				}
			}
			for _, v := range []attribute.Value{attribute.StringValue("500"), attribute.IntValue(500), attribute.DoubleValue(0.1), attribute.BoolValue(true)} {
				for op := Equal; op <= LessOrEqual; op++ {
					if v.Kind != attribute.String && (op == Regexp || op == NotRegexp) {
						continue
					}
					all, err := Typed(key, op, v, 0)
					if err != nil {
						t.Fatal(err)
					}
					some, err := Typed(key, op, v, known)
					if err != nil {
						t.Fatal(err)
					}
					same(fmt.Sprintf("%s %s %v", key, op, v), all, some)
				}
			}
			same(key+" is there", Present(key), PresentIn(key, known))
			same("the text of "+key, Text(key), TextOf(key, known))
			same("the type of "+key, TypeName(key, 0), TypeName(key, known))
			number := func(t Types) chsql.Expr {
				return chsql.Func("ifNull", chsql.Func("toString", Number(key, t)), chsql.String("none"))
			}
			same("the number of "+key, number(0), number(known))
			if len(find(t, db, chsql.Table("types"), chsql.Or(differ...))) == 0 {
				continue
			}
			for i, d := range differ {
				if ids := find(t, db, chsql.Table("types"), d); len(ids) > 0 {
					t.Errorf("types %b: %s: other rows than without: %v", known, names[i], ids)
				}
			}
		}
	}
}

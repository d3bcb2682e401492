package logstore

import (
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// JSON in the server. Its reader is strict, in UTF-8 as well, and of fields with one key
// takes the first. The parser of LogQL takes the first that is a text, a number or a
// boolean, and many spellings are one name: http_status may be the field
//
//	{"http_status": …}   {"http.status": …}   {"http": {"status": …}}
//
// So the server looks for the plain ways to it, and is sure where a body has nothing
// that could be another one.

// faultlessJSON is whether a body is an object. Where something was found it is one.
func faultlessJSON(fields []field) chsql.Expr {
	var parsed []chsql.Expr
	for _, f := range fields {
		parsed = append(parsed, chsql.Ne(f.raw, chsql.String("")))
	}
	valid := chsql.Or(append(parsed, chsql.Eq(chsql.Func("isValidJSON", body()), chsql.Uint(1)))...)
	// Deep documents are a fault to the parser, not to the server.
	const deepest = 200
	shallow := chsql.Or(chsql.Lt(chsql.Func("length", body()), chsql.Uint(2*deepest)),
		chsql.Lt(chsql.Func("plus", count("{"), count("[")), chsql.Uint(deepest)))
	return chsql.And(chsql.Func("startsWith", body(), chsql.String("{")), shallow, valid)
}

// jsonField is a field of every spelling of a name.
func (b *binding) jsonField(name string) field {
	words := strings.Split(name, "_")
	if len(words) == 1 {
		raw := b.share(rawAt(name))
		return b.jsonValue(raw, typeAt(name), chsql.Or(chsql.Not(skipped(raw)), chsql.And(atMostOne(quoted(name)), chsql.Not(has(`\u00`)))))
	}
	// No key begins like the name and goes on otherwise: the one way is the plain key.
	other := b.share(chsql.Eq(chsql.Func("match", body(), chsql.String(`"`+otherBeginning(words, `[^A-Za-z0-9_]`))), chsql.Uint(1)))
	plainly := chsql.And(chsql.Not(other), chsql.Not(has(`\u00`)))
	raws, types := []chsql.Expr{b.share(rawAt(name))}, typeAt(name)
	for _, path := range nestings(words)[1:] {
		raws = append(raws, b.share(chsql.Func("if", chsql.And(other, has(quoted(path[0]))), rawAt(path...), chsql.String(""))))
		types = chsql.Func("if", chsql.Ne(raws[len(raws)-1], chsql.String("")), typeAt(path...), types)
	}
	raw := b.share(chsql.Func("concat", raws...))
	one := []chsql.Expr{}
	for _, r := range raws {
		one = append(one, chsql.Ne(r, chsql.String("")))
	}
	nested := chsql.And(
		chsql.Not(has(`\u00`)),
		chsql.Le(chsql.Func("plus", chsql.Uint(0), sum(one)), chsql.Uint(1)),
		chsql.Not(skipped(raw)),
		spelledPlainly(words), keysOnce(words))
	sure := chsql.Func("if", plainly, chsql.Or(chsql.Not(skipped(raw)), atMostOne(quoted(name))), nested)
	return b.jsonValue(raw, types, chsql.Eq(sure, chsql.Bool(true)))
}

func sum(exprs []chsql.Expr) chsql.Expr {
	total := exprs[0]
	for _, e := range exprs[1:] {
		total = chsql.Func("plus", total, e)
	}
	return total
}

// pickedField is the field at the end of a path that is named: what is no text, no
// number and no boolean is taken as well, as it is written.
func (b *binding) pickedField(path []string) field {
	raw := b.share(rawAt(path...))
	f := b.jsonValue(raw, typeAt(path...), chsql.Or(chsql.Not(skipped(raw)), chsql.Eq(raw, chsql.String("null"))))
	f.missing = chsql.Bool(false)
	return f
}

// jsonValue is the field of a value as the server writes it: integers as they are
// written everywhere, other numbers not.
func (b *binding) jsonValue(raw, typ, sure chsql.Expr) field {
	first := b.share(chsql.Func("ascii", raw))
	text := chsql.Func("if", chsql.Eq(chsql.Func("position", raw, chsql.String(`\`)), chsql.Uint(0)),
		chsql.Func("substring", raw, chsql.Uint(2), chsql.Minus(chsql.Func("length", raw), chsql.Uint(2))), chsql.Func("JSONExtractString", raw))
	number := chsql.And(chsql.Ge(first, chsql.Uint('-')), chsql.Le(first, chsql.Uint('9')))
	whole := chsql.And(chsql.InStrings(typ, []string{"Int64", "UInt64"}), chsql.Or(chsql.Ne(raw, chsql.String("0")), chsql.Not(has("-0"))))
	return field{
		found:   chsql.Func("multiIf", chsql.Eq(first, chsql.Uint('"')), text, skipped(raw), chsql.String(""), raw),
		raw:     raw,
		missing: chsql.Or(chsql.Eq(raw, chsql.String("")), skipped(raw)),
		sure:    sure,
		spelled: chsql.Or(chsql.Not(number), whole),
	}
}

// skipped is whether a value is passed over: null, an array or an object.
func skipped(raw chsql.Expr) chsql.Expr {
	return chsql.In(chsql.Func("ascii", raw), chsql.Uint('n'), chsql.Uint('['), chsql.Uint('{'))
}

func rawAt(path ...string) chsql.Expr { return chsql.Func("JSONExtractRaw", at(path)...) }
func typeAt(path ...string) chsql.Expr {
	return chsql.Func("toString", chsql.Func("JSONType", at(path)...))
}

func at(path []string) []chsql.Expr {
	args := []chsql.Expr{body()}
	for _, key := range path {
		args = append(args, chsql.String(key))
	}
	return args
}

func quoted(key string) string { return `"` + key + `"` }

// nestings are the ways to a name of some words: as one key first, then in two, and so on.
func nestings(words []string) [][]string {
	out := [][]string{{strings.Join(words, "_")}}
	for n := 1; n < len(words); n++ {
		for _, rest := range nestings(words[n:]) {
			out = append(out, append([]string{strings.Join(words[:n], "_")}, rest...))
		}
	}
	return out
}

// groups are the keys that a part of the words may be, the last word among them or not.
func groups(words []string, last bool) [][]string {
	var out [][]string
	for i := range words {
		for j := i + 1; j <= len(words); j++ {
			if (j < len(words) || last) && !slices.ContainsFunc(out, func(g []string) bool { return slices.Equal(g, words[i:j]) }) {
				out = append(out, words[i:j])
			}
		}
	}
	return out
}

// spelledPlainly is whether keys of several of the words have underscores between them.
func spelledPlainly(words []string) chsql.Expr {
	var all []chsql.Expr
	for _, g := range groups(words, true) {
		if len(g) > 1 {
			any := `"` + strings.Join(g, `(?:[^A-Za-z0-9"\\]|\\.)`) + `"`
			all = append(all, chsql.Eq(chsql.Func("countMatches", body(), chsql.String(any)), count(quoted(strings.Join(g, "_")))))
		}
	}
	return chsql.And(all...)
}

// keysOnce is whether every key on a way to the name is there once at most.
func keysOnce(words []string) chsql.Expr {
	var all []chsql.Expr
	for _, g := range groups(words, false) {
		all = append(all, atMostOne(quoted(strings.Join(g, "_"))))
	}
	return chsql.And(all...)
}

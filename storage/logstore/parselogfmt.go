package logstore

import (
	"strings"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// logfmtLine matches the lines of logfmt that the server reads: pairs with one blank or
// more between them, without escapes. In them, a place is within quotes if there is an
// odd number of quotes before it.
const logfmtLine = `^ *(?:[^\x00-\x20="]+(?:=(?:"[^"\\]*"|[^\x00-\x20="]*))?(?: +|$))*$`

// logfmtField is the field of a key or, if it need not be exactly it, of every spelling
// of a name. A key that is named is there without a text where a line does not have it.
func (b *binding) logfmtField(key string, exact bool) field {
	line := b.share(chsql.Func("concat", chsql.String(" "), body()))
	needle := " " + key + "="
	number := b.share(chsql.Func("countSubstrings", line, chsql.String(needle)))
	place := b.share(chsql.Func("position", line, chsql.String(needle)))
	before := chsql.Func("countSubstrings", chsql.Func("substring", line, chsql.Uint(1), place), chsql.String(`"`))
	outside := chsql.Eq(chsql.Func("modulo", before, chsql.Uint(2)), chsql.Uint(0))
	rest := b.share(chsql.Func("substring", line, chsql.Func("plus", place, chsql.Uint(uint64(len(needle))))))
	// A quoted text ends at the next quote, another at the next blank.
	text := chsql.Func("if", chsql.Func("startsWith", rest, chsql.String(`"`)),
		chsql.Func("substringIndex", chsql.Func("substring", rest, chsql.Uint(2)), chsql.String(`"`), chsql.Int(1)),
		chsql.Func("substringIndex", rest, chsql.String(" "), chsql.Int(1)))
	found := b.share(chsql.Func("if", chsql.And(chsql.Eq(number, chsql.Uint(1)), outside), text, chsql.String("")))
	sure := chsql.Le(number, chsql.Uint(1))
	if words := strings.Split(key, "_"); !exact && len(words) > 1 {
		sure = chsql.And(sure, chsql.Eq(chsql.Func("match", line, chsql.String(" "+otherBeginning(words, `[^A-Za-z0-9_ ="]`))), chsql.Uint(0)))
	}
	missing := chsql.Eq(found, chsql.String(""))
	if exact {
		missing = chsql.Bool(false)
	}
	return field{found: found, missing: missing, sure: sure, spelled: chsql.Bool(true)}
}

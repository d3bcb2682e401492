package attrcol

import (
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

const tokensColumn = "attribute_tokens"

// Indexed is cond, a condition that holds only for records of a table with
// attribute_tokens whose own attributes match m, with a hint to the index of
// that column where there is one for m: for Equal and a text. The hint costs no
// reading and takes nothing from the result.
func Indexed(m Matcher, cond chsql.Expr) chsql.Expr {
	tokens := attribute.NewTokenizer(m.Key).Equal(m.Value)
	if m.Op != Equal || len(tokens) == 0 {
		return cond
	}
	return chsql.And(hint(tokens), cond)
}

// IndexedElement is Indexed where cond also holds for arrays that have an
// element with the text.
func IndexedElement(m Matcher, cond chsql.Expr) chsql.Expr {
	t := attribute.NewTokenizer(m.Key)
	tokens := t.Equal(m.Value)
	if m.Op != Equal || len(tokens) == 0 {
		return cond
	}
	return chsql.And(hint(append(tokens, t.Array())), cond)
}

// hint leaves the parts of a table in which a record has one of the tokens, or
// was stored before there were tokens.
func hint(tokens []attribute.Token) chsql.Expr {
	list := []chsql.Expr{chsql.Bytes(attribute.UnknownToken[:])}
	for i := range tokens {
		list = append(list, chsql.Bytes(tokens[i][:]))
	}
	return chsql.Func("indexHint", chsql.Func("hasAny", chsql.Col(tokensColumn), chsql.Func("array", list...)))
}

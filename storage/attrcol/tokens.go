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
	return hinted(m, cond, attribute.NewTokenizer(m.Key).Equal(m.Value))
}

// IndexedElement is Indexed where cond also holds for arrays that have an
// element with the text.
func IndexedElement(m Matcher, cond chsql.Expr) chsql.Expr {
	t := attribute.NewTokenizer(m.Key)
	tokens := t.Equal(m.Value)
	if len(tokens) > 0 && m.Types.May(Other) {
		tokens = append(tokens, t.Array())
	}
	return hinted(m, cond, tokens)
}

// hinted leaves the parts of a table in which a record has one of the tokens, or
// may have been stored before there were tokens: one more token to look for, which
// the index takes granules for that have nothing.
func hinted(m Matcher, cond chsql.Expr, tokens []attribute.Token) chsql.Expr {
	if m.Op != Equal || len(tokens) == 0 {
		return cond
	}
	var list []chsql.Expr
	if m.Types.May(Unknown) {
		list = append(list, chsql.Bytes(attribute.UnknownToken[:]))
	}
	for i := range tokens {
		list = append(list, chsql.Bytes(tokens[i][:]))
	}
	return chsql.And(chsql.Func("indexHint", chsql.Func("hasAny", chsql.Col(tokensColumn), chsql.Func("array", list...))), cond)
}

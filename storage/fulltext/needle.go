package fulltext

import (
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// Column is a text that a text index is on.
type Column struct {
	Text    chsql.Expr
	Unasked bool // the conditions leave the index alone
	// ASCII says that no text has a character beyond ASCII. To a regular expression words
	// end at one and to the index they do not, so that only then a whole word is a token.
	ASCII bool
}

// Contains is whether part is a part of the text.
func (c Column) Contains(part string) chsql.Expr {
	whole, parts := needle{text: part}.tokens()
	// Whole tokens are looked up for a LIKE without being asked for.
	return c.contains(chsql.Contains, part, c.ask(exact, nil, scanned(whole, parts)))
}

// ContainsFold is Contains in any case.
func (c Column) ContainsFold(part string) chsql.Expr {
	return c.contains(chsql.ContainsFold, part, c.lookups(needle{text: part, fold: ilike}))
}

// contains is a condition beside what the index knows of it, if it does not answer it
// by itself.
func (c Column) contains(contains func(e chsql.Expr, text string) chsql.Expr, part string, hints []chsql.Expr) chsql.Expr {
	cond := contains(c.Text, part)
	if len(hints) == 1 && hints[0] == cond {
		return cond
	}
	return c.hinted(cond, hints)
}

// hinted is a condition beside what the index knows of it.
func (c Column) hinted(cond chsql.Expr, hints []chsql.Expr) chsql.Expr {
	if len(hints) == 0 || c.Unasked {
		return cond
	}
	return chsql.And(cond, chsql.Func("indexHint", chsql.And(hints...)))
}

// needle is a text that is part of another one.
type needle struct {
	text        string
	left, right bool // no token goes on across this end of it
	fold        fold
}

// fold is in which cases a needle is found.
type fold uint8

const (
	exact fold = iota
	ilike      // in any, as ILIKE understands it
	re2        // in any, as a regular expression does
)

// lookups are conditions on the tokens of the text that hold wherever the needle is part
// of it.
func (c Column) lookups(n needle) []chsql.Expr {
	whole, parts := n.tokens()
	return c.ask(n.fold, whole, scanned(whole, parts))
}

// ask are conditions on whole tokens of the text and on parts of some.
func (c Column) ask(in fold, whole, parts []string) (conds []chsql.Expr) {
	if len(whole) > 0 {
		list := make([]chsql.Expr, len(whole))
		for i, token := range whole {
			list[i] = chsql.String(token)
		}
		conds = append(conds, chsql.Func("hasAllTokens", c.Text, chsql.Func("array", list...)))
	}
	contains := chsql.Contains
	if in != exact {
		contains = chsql.ContainsFold
	}
	for _, part := range parts {
		conds = append(conds, contains(c.Text, part))
	}
	return conds
}

// scanned are the parts worth going through the index for: none where a whole token
// looks like a name or a number of something, of which few records are left anyway.
func scanned(whole, parts []string) []string {
	for _, token := range whole {
		if len(token) >= minPart && strings.ContainsAny(token, "0123456789") {
			return nil
		}
	}
	return parts
}

const (
	minPart   = 4  // shorter ones the index does not go through its tokens for
	maxTokens = 16 // of one needle; more are not asked for
)

// tokens are what a text that contains the needle has among its tokens: whole ones, and
// parts of some.
func (n needle) tokens() (whole, parts []string) {
	for start, end := range split(n.text, func(c byte) bool { return c >= 0x80 || alphanumeric(c) }) {
		token := n.text[start:end]
		if (start > 0 || n.left) && (end < len(n.text) || n.right) && !(n.fold != exact && cased(token)) {
			whole = append(whole, token)
			continue
		}
		for start, end := range split(token, func(c byte) bool { return alphanumeric(c) && !(n.fold == re2 && foldsBeyond(c)) }) {
			if part := token[start:end]; len(part) >= minPart && !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	return whole[:min(len(whole), maxTokens)], parts[:min(len(parts), maxTokens)]
}

// split goes over the longest stretches of bytes that are in.
func split(text string, in func(byte) bool) func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		for start := 0; start < len(text); start++ {
			end := start
			for end < len(text) && in(text[end]) {
				end++
			}
			if end > start && !yield(start, end) {
				return
			}
			start = end
		}
	}
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// cased is whether a token has other spellings in any case; it may where it has more
// than digits.
func cased(token string) bool {
	return strings.ContainsFunc(token, func(r rune) bool { return r < '0' || r > '9' })
}

// foldsBeyond is whether a regular expression takes a letter beyond ASCII for this one
// in any case, the long s or the sign of Kelvin. ILIKE does not know the first.
func foldsBeyond(c byte) bool { return strings.IndexByte("kKsS", c) >= 0 }

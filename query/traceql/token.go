package traceql

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trefoil-o11y/trefoil/query/timetext"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenField
	tokenValue // number, duration or string
	tokenSign
)

// token is a word of a query. Fields are one token: their names may hold dots
// and quoted parts.
type token struct {
	kind  tokenKind
	at    int // offset
	text  string
	field Field
	value Value
}

// signs are the operators and brackets, longest first.
var signs = [...]string{
	"!>>", "!<<", "&>>", "&<<",
	"!>", "!<", "!~", "&>", "&<", "&~", "&&", "||", ">>", "<<", ">=", "<=", "=~", "!=",
	"{", "}", "(", ")", ",", "|", "=", ">", "<", "~", "!", "+", "-", "*", "/", "%", "^", "[", "]",
}

type lexer struct {
	query  string
	at     int
	tokens []token
}

// lex cuts a query into tokens; the last one is tokenEnd.
func lex(query string) ([]token, *Error) {
	l := &lexer{query: query}
	for {
		l.skipSpace()
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		l.tokens = append(l.tokens, t)
		if t.kind == tokenEnd {
			return l.tokens, nil
		}
	}
}

func (l *lexer) fail(at int, message string) *Error {
	return &Error{Query: l.query, Offset: at, Message: message}
}

func (l *lexer) skipSpace() {
	for l.at < len(l.query) {
		r, n := utf8.DecodeRuneInString(l.query[l.at:])
		if !unicode.IsSpace(r) {
			return
		}
		l.at += n
	}
}

func (l *lexer) next() (token, *Error) {
	start := l.at
	if start == len(l.query) {
		return token{kind: tokenEnd, at: start, text: "end of query"}, nil
	}
	switch c := l.query[start]; {
	case c == '"' || c == '`':
		s, err := l.quoted()
		return token{kind: tokenValue, at: start, text: l.query[start:l.at], value: String(s)}, err
	case c == '.' && !l.digitAt(start+1):
		l.at++
		return l.attribute(start, Field{Scope: ScopeNone})
	case isDigit(c) || c == '.':
		return l.number()
	case isLetter(c):
		return l.word()
	}
	for _, s := range signs {
		if strings.HasPrefix(l.query[start:], s) {
			l.at += len(s)
			return token{kind: tokenSign, at: start, text: s}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.query[start:])
	return token{}, l.fail(start, "unexpected character "+strconv.QuoteRune(r))
}

func (l *lexer) digitAt(i int) bool { return i < len(l.query) && isDigit(l.query[i]) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// quoted reads a string in double quotes or backticks.
func (l *lexer) quoted() (string, *Error) {
	start, quote := l.at, l.query[l.at]
	for i := start + 1; i < len(l.query); i++ {
		switch {
		case l.query[i] == '\\' && quote == '"':
			i++
		case l.query[i] == quote:
			l.at = i + 1
			if quote == '`' {
				return l.query[start+1 : i], nil
			}
			s, err := strconv.Unquote(strings.ReplaceAll(l.query[start:l.at], "\n", `\n`))
			if err != nil {
				return "", l.fail(start, "string is not well-formed: want escapes such as \\n, \\\" and \\u00e9")
			}
			return s, nil
		}
	}
	return "", l.fail(start, "string has no closing "+string(quote))
}

// number reads an integer, a float or a duration.
func (l *lexer) number() (token, *Error) {
	start := l.at
	for l.at < len(l.query) {
		c := l.query[l.at]
		signed := (c == '-' || c == '+') && (l.query[l.at-1] == 'e' || l.query[l.at-1] == 'E')
		if !isDigit(c) && !isLetter(c) && c != '.' && c < utf8.RuneSelf && !signed {
			break
		}
		l.at++
	}
	text := l.query[start:l.at]
	t := token{kind: tokenValue, at: start, text: text}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		t.value = Int(i)
		return t, nil
	}
	if d, err := timetext.Span(text); err == nil {
		t.value = Duration(d)
		return t, nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		t.value = Float(f)
		return t, nil
	}
	return t, l.fail(start, strconv.Quote(text)+" is neither a number nor a duration such as 1.5s, 100ms or 1h30m")
}

// word reads a word, or the field that a scope's name begins.
func (l *lexer) word() (token, *Error) {
	start := l.at
	for l.at < len(l.query) && (isLetter(l.query[l.at]) || isDigit(l.query[l.at])) {
		l.at++
	}
	text := l.query[start:l.at]
	if l.at < len(l.query) {
		switch scope, ok := scopeNamed(text); {
		case l.query[l.at] == '.' && text == "parent":
			l.at++
			return l.parentField(start)
		case l.query[l.at] == '.' && ok && scope != ScopeTrace:
			l.at++
			return l.attribute(start, Field{Scope: scope})
		case l.query[l.at] == ':' && ok:
			return l.colonField(start, scope)
		}
	}
	return token{kind: tokenWord, at: start, text: text}, nil
}

// parentField reads what follows "parent.".
func (l *lexer) parentField(start int) (token, *Error) {
	f := Field{Scope: ScopeNone, Parent: true}
	for _, s := range []Scope{ScopeSpan, ScopeResource} {
		if strings.HasPrefix(l.query[l.at:], s.String()+".") {
			l.at += len(s.String()) + 1
			f.Scope = s
			break
		}
	}
	return l.attribute(start, f)
}

// colonField reads what follows the scope of an intrinsic field.
func (l *lexer) colonField(start int, scope Scope) (token, *Error) {
	l.at++
	from := l.at
	for l.at < len(l.query) && isLetter(l.query[l.at]) {
		l.at++
	}
	name := l.query[from:l.at]
	for _, in := range intrinsics {
		if in.scope == scope && in.scoped == name {
			return token{kind: tokenField, at: start, text: l.query[start:l.at], field: Field{Intrinsic: in.id, Colon: true}}, nil
		}
	}
	return token{}, l.fail(from, strconv.Quote(scope.String()+":"+name)+" is no intrinsic field; want one of "+strings.Join(scopedNames(scope), ", "))
}

// isAttributeRune is whether a rune can stand in a name without quotes.
func isAttributeRune(r rune) bool {
	return !unicode.IsSpace(r) && r != utf8.RuneError && !strings.ContainsRune("{}()=~!<>&|^,[]\"`", r)
}

// attribute reads a name: runes and quoted parts.
func (l *lexer) attribute(start int, f Field) (token, *Error) {
	var name strings.Builder
	for l.at < len(l.query) {
		if l.query[l.at] == '"' {
			s, err := l.quoted()
			if err != nil {
				return token{}, err
			}
			name.WriteString(s)
			continue
		}
		r, n := utf8.DecodeRuneInString(l.query[l.at:])
		if !isAttributeRune(r) {
			break
		}
		name.WriteString(l.query[l.at : l.at+n])
		l.at += n
	}
	if f.Name = name.String(); f.Name == "" {
		return token{}, l.fail(l.at, "want the name of an attribute behind the dot")
	}
	return token{kind: tokenField, at: start, text: l.query[start:l.at], field: f}, nil
}

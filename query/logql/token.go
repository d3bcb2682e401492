package logql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd     tokenKind = iota
	tokenName              // a name or a word of the language; which, the grammar knows
	tokenString            // value is what it says
	tokenLiteral           // begins with a digit: a number, a duration, a size
	tokenFlag              // --strict; value is without the dashes
	tokenSign              // an operator or a bracket
)

type token struct {
	kind   tokenKind
	offset int
	text   string // as written
	value  string // of a string or a flag
}

func (t token) String() string {
	if t.kind == tokenEnd {
		return "the end of the query"
	}
	return strconv.Quote(t.text)
}

// signs are the operators and brackets, the longer before those they begin with.
var signs = []string{"|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=",
	"|", "=", ">", "<", "{", "}", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "^"}

// scan cuts a query into tokens; the last is the end.
func scan(query string) ([]token, *ParseError) {
	s := scanner{query: query}
	var list []token
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		list = append(list, t)
		if t.kind == tokenEnd {
			return list, nil
		}
	}
}

type scanner struct {
	query string
	pos   int
}

func (s *scanner) fail(at int, format string, args ...any) *ParseError {
	return &ParseError{Query: s.query, Offset: at, Message: fmt.Sprintf(format, args...)}
}

func (s *scanner) next() (token, *ParseError) {
	s.skip()
	start := s.pos
	rest := s.query[start:]
	if rest == "" {
		return token{kind: tokenEnd, offset: start}, nil
	}
	c := rest[0]
	switch {
	case c == '"' || c == '`':
		return s.quoted(c)
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return s.take(tokenLiteral, literalLength(rest)), nil
	case isLetter(c):
		return s.take(tokenName, nameLength(rest)), nil
	case strings.HasPrefix(rest, "--") && len(rest) > 2 && isLetter(rest[2]):
		n := 2
		for n < len(rest) && (isLetter(rest[n]) || rest[n] == '-') {
			n++
		}
		t := s.take(tokenFlag, n)
		t.value = t.text[2:]
		return t, nil
	}
	for _, sign := range signs {
		if strings.HasPrefix(rest, sign) {
			return s.take(tokenSign, len(sign)), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, s.fail(start, "unexpected character %q", r)
}

func (s *scanner) take(kind tokenKind, n int) token {
	t := token{kind: kind, offset: s.pos, text: s.query[s.pos : s.pos+n]}
	s.pos += n
	return t
}

// skip passes over white space and comments.
func (s *scanner) skip() {
	for s.pos < len(s.query) {
		r, n := utf8.DecodeRuneInString(s.query[s.pos:])
		switch {
		case r == '#':
			if end := strings.IndexByte(s.query[s.pos:], '\n'); end >= 0 {
				s.pos += end
			} else {
				s.pos = len(s.query)
			}
		case unicode.IsSpace(r):
			s.pos += n
		default:
			return
		}
	}
}

func (s *scanner) quoted(quote byte) (token, *ParseError) {
	start := s.pos
	for i := start + 1; i < len(s.query); i++ {
		switch c := s.query[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote:
			t := s.take(tokenString, i+1-start)
			value, ok := unquote(t.text[1:len(t.text)-1], quote)
			if !ok {
				return token{}, s.fail(start, "string with an unknown escape or a line break; write it between backquotes")
			}
			t.value = value
			return t, nil
		}
	}
	return token{}, s.fail(start, "string without an end")
}

// unquote is strconv.Unquote that also keeps carriage returns between backquotes.
func unquote(inner string, quote byte) (string, bool) {
	if quote == '`' {
		return inner, true
	}
	value, err := strconv.Unquote(`"` + inner + `"`)
	return value, err == nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// nameLength is of a name at the start of s; dots are in it, not at its end.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || isDigit(s[n]) || s[n] == '.' && n+1 < len(s) && (isLetter(s[n+1]) || isDigit(s[n+1]))) {
		n++
	}
	return n
}

// literalLength is of a number, duration or size at the start of s.
func literalLength(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		switch {
		case isDigit(c), isLetter(c), c == '.':
			n++
		case strings.HasPrefix(s[n:], "µ"), strings.HasPrefix(s[n:], "μ"):
			n += 2
		case (c == '+' || c == '-') && n > 0 && (s[n-1] == 'e' || s[n-1] == 'E') && n+1 < len(s) && isDigit(s[n+1]) && isDecimal(s[:n-1]):
			n++
		default:
			return n
		}
	}
	return n
}

func isDecimal(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && s[i] != '.' {
			return false
		}
	}
	return s != ""
}

package rawsql

import (
	"fmt"
	"strings"
)

// Mistake is why a text cannot be run, and where.
type Mistake struct {
	Offset  int // in bytes
	Message string
}

func (m *Mistake) Error() string { return m.Message }

// Check says whether a text is one SELECT as far as its words tell: quotes and
// parentheses are closed, it begins with SELECT or WITH, and nothing comes
// behind it. Whether ClickHouse understands it, only ClickHouse knows. The error
// is a *Mistake.
func Check(text string) error {
	s := scanner{text: text}
	var open []int
	first, end := true, -1
	for {
		kind, from, err := s.next()
		switch {
		case err != nil:
			return err
		case kind == atEnd && first:
			return &Mistake{0, "there is no statement"}
		case kind == atEnd && len(open) > 0:
			return &Mistake{open[len(open)-1], "this parenthesis is not closed"}
		case kind == atEnd:
			return nil
		case end >= 0:
			return &Mistake{from, "a second statement; a rule has one"}
		case first && !(kind == word && begins(text[from:s.at])):
			return &Mistake{from, "a rule's statement begins with SELECT or WITH"}
		}
		first = false
		switch text[from] {
		case '(':
			open = append(open, from)
		case ')':
			if len(open) == 0 {
				return &Mistake{from, "this parenthesis was not opened"}
			}
			open = open[:len(open)-1]
		case ';':
			end = from
		}
	}
}

func begins(word string) bool {
	return strings.EqualFold(word, "select") || strings.EqualFold(word, "with")
}

// statement is a checked text without what may follow it.
func statement(text string) string {
	s, end := scanner{text: text}, len(text)
	for {
		kind, from, err := s.next()
		if err != nil || kind == atEnd {
			return strings.TrimSpace(text[:end])
		}
		if text[from] == ';' {
			end = from
		}
	}
}

// kind is that of a token.
type kind uint8

const (
	atEnd kind = iota
	word
	quoted
	sign // any other character
)

// scanner takes a text apart as far as quotes and comments go.
type scanner struct {
	text string
	at   int
}

// next answers where the next token begins; it ends at s.at.
func (s *scanner) next() (kind, int, error) {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch c := rest[0]; {
		case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			s.at++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
			s.to(strings.IndexByte(rest, '\n'))
		case strings.HasPrefix(rest, "/*"):
			closed := strings.Index(rest[2:], "*/")
			if closed < 0 {
				return 0, 0, &Mistake{s.at, "this comment is not closed"}
			}
			s.at += closed + 4
		case c == '\'' || c == '"' || c == '`':
			return s.quoted(c)
		case wordy(c):
			from := s.at
			for s.at < len(s.text) && wordy(s.text[s.at]) {
				s.at++
			}
			return word, from, nil
		default:
			s.at++
			return sign, s.at - 1, nil
		}
	}
	return atEnd, s.at, nil
}

// to moves on by n, or to the end.
func (s *scanner) to(n int) {
	if n < 0 {
		n = len(s.text) - s.at
	}
	s.at += n
}

func (s *scanner) quoted(quote byte) (kind, int, error) {
	from := s.at
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case quote:
			s.at++
			return quoted, from, nil
		}
	}
	s.at = len(s.text)
	return 0, 0, &Mistake{from, fmt.Sprintf("this %c is not closed", quote)}
}

func wordy(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

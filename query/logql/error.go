package logql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseError is a query that is not LogQL, or asks for what cannot be.
type ParseError struct {
	Query   string
	Offset  int    // bytes from the start of Query
	Message string // without the position
}

// Position is the line and the column (in bytes) of the error, from 1.
func (e *ParseError) Position() (line, column int) {
	before := e.Query[:min(max(e.Offset, 0), len(e.Query))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

// Error is the position and the message.
func (e *ParseError) Error() string {
	line, column := e.Position()
	return fmt.Sprintf("parse error at line %d, col %d: %s", line, column, e.Message)
}

// Caret is the line of the query the error is in with a mark below the place.
func (e *ParseError) Caret() string {
	line, column := e.Position()
	text := strings.Split(e.Query, "\n")[line-1]
	mark := utf8.RuneCountInString(text[:min(column-1, len(text))])
	return strings.ReplaceAll(text, "\t", " ") + "\n" + strings.Repeat(" ", mark) + "^"
}

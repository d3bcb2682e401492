package traceql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in a query.
type Error struct {
	Query   string
	Offset  int // bytes before the mistake
	Message string
}

// Error is the message behind its line and column.
func (e *Error) Error() string {
	line, column := e.Position()
	return fmt.Sprintf("%d:%d: %s", line, column, e.Message)
}

// Position is the mistake's line and column, both from 1, columns in bytes.
func (e *Error) Position() (line, column int) {
	before := e.Query[:min(max(e.Offset, 0), len(e.Query))]
	return strings.Count(before, "\n") + 1, len(before) - (strings.LastIndexByte(before, '\n') + 1) + 1
}

// Caret is the line of the mistake with a caret under it.
func (e *Error) Caret() string {
	line, column := e.Position()
	text := strings.Split(e.Query, "\n")[line-1]
	return text + "\n" + strings.Repeat(" ", utf8.RuneCountInString(text[:column-1])) + "^"
}

package termview

import (
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/mattn/go-isatty"
)

// Style is how much the terminal can show.
type Style struct {
	Color bool
	Width int // columns; at least minWidth
}

const (
	minWidth     = 60
	defaultWidth = 120
)

// ForFile looks at where output goes. color is auto, always or never; auto
// means a terminal and no NO_COLOR in the environment.
func ForFile(f *os.File, color string) Style {
	terminal := isatty.IsTerminal(f.Fd())
	style := Style{Color: terminal && os.Getenv("NO_COLOR") == "", Width: defaultWidth}
	switch color {
	case "always":
		style.Color = true
	case "never":
		style.Color = false
	}
	if terminal {
		if columns := terminalWidth(f); columns > 0 {
			style.Width = max(columns, minWidth)
		}
	}
	return style
}

// Codes of the ANSI colours used; the eight basic ones, so that the user's
// theme decides what they look like.
const (
	red    = "31"
	yellow = "33"
	dim    = "2"
	bold   = "1"
)

// serviceColor gives the n-th service of a trace its colour: never red, which
// means an error.
func serviceColor(n int) string {
	return [...]string{"36", "32", "34", "35", "33"}[n%5]
}

func (s Style) paint(code, text string) string {
	if !s.Color || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// printable keeps text on one line and replaces what a terminal would obey.
func printable(text string) string {
	clean := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.IndexFunc(text, clean) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString("⏎")
		case r == '\t':
			b.WriteByte(' ')
		case clean(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// width counts columns as runes; wide scripts may shift a table, not break it.
func width(text string) int { return len([]rune(text)) }

// fit cuts text to n columns.
func fit(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	if n <= 1 {
		return string(runes[:max(n, 0)])
	}
	return string(runes[:n-1]) + "…"
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(n-width(text), 0))
}

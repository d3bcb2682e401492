package rulefile

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one mistake in a rule file.
type Problem struct {
	File string
	// Line and Column are one-based; zero where the place is unknown.
	Line, Column int
	// Group and Rule name where the mistake is, as far as it is inside one.
	Group, Rule string
	Message     string
}

// Error prints `file:line:column: group "g": rule "r": message`.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Group != "" {
		fmt.Fprintf(&b, "group %q: ", p.Group)
	}
	if p.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", p.Rule)
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems are all mistakes found, in the order of the file.
type Problems []Problem

// Error prints one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is nil for no problems, so that a caller can return it as an error.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (ps Problems) sort() {
	sort.SliceStable(ps, func(i, j int) bool {
		if ps[i].Line != ps[j].Line {
			return ps[i].Line < ps[j].Line
		}
		return ps[i].Column < ps[j].Column
	})
}

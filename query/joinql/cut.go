package joinql

import (
	"slices"
	"strings"
)

// part is the text of a step, without the pipe before it.
type part struct {
	whole  string // with its word
	at     int    // where whole begins
	word   string // logs, spans, exemplars or by; "" for TraceQL
	text   string // what stands behind the word
	textAt int
}

var words = []string{"logs", "spans", "exemplars"}

// cut cuts a query at the pipes that a step's word follows, or braces where the step
// before is not TraceQL. Pipes in quotes and brackets and the other ones of TraceQL
// and LogQL are parts of steps.
func cut(query string) []part {
	var parts []part
	start, depth := 0, 0
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '"' || c == '`' || c == '\'' && wordAt(query, start) == "exemplars":
			i = closing(query, i)
		case c == '{' || c == '(' || c == '[':
			depth++
		case c == '}' || c == ')' || c == ']':
			depth--
		case c == '|' && strings.HasPrefix(query[i:], "||"):
			i++
		case c == '|' && depth <= 0 && (wordAt(query, i+1) != "" || bracesAt(query, i+1) && wordAt(query, start) != "" && wordAt(query, start) != "spans"):
			parts = append(parts, partOf(query, start, i))
			start = i + 1
		}
	}
	return append(parts, partOf(query, start, len(query)))
}

// closing is where the quoted text ends that begins at i; the end of the query if
// it does not.
func closing(query string, i int) int {
	for k := i + 1; k < len(query); k++ {
		switch {
		case query[k] == '\\' && query[i] != '`':
			k++
		case query[k] == query[i]:
			return k
		}
	}
	return len(query)
}

// wordAt is the word of the step that begins at i, "" if there is none.
func wordAt(query string, i int) string {
	rest := strings.TrimLeft(query[i:], " \t\r\n")
	n := 0
	for n < len(rest) && (rest[n] == '_' || rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z' || rest[n] >= '0' && rest[n] <= '9') {
		n++
	}
	switch word := rest[:n]; {
	case slices.Contains(words, word):
		return word
	case word == "by" && strings.HasPrefix(strings.TrimLeft(rest[n:], " \t\r\n"), "("):
		return word
	}
	return ""
}

func bracesAt(query string, i int) bool {
	return strings.HasPrefix(strings.TrimLeft(query[i:], " \t\r\n"), "{")
}

func partOf(query string, from, to int) part {
	for from < to && strings.IndexByte(" \t\r\n", query[from]) >= 0 {
		from++
	}
	p := part{whole: query[from:to], at: from, word: wordAt(query[:to], from)}
	p.textAt = from + len(p.word)
	p.text = query[p.textAt:to]
	return p
}

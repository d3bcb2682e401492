package logline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Pattern takes a line apart where its literals are:
//
//	<ip> - - <_> "<method> <path> <_>" <status>
//
// Each <name> takes what lies between the literals around it; <_> is passed over.
type Pattern struct {
	parts []patternPart
	names []string
}

type patternPart struct {
	text    string // the literal, or the capture's name
	capture bool
}

// ParsePattern reads a pattern of the parser pattern, which has at least one
// named capture, no two in a row and no name twice.
func ParsePattern(text string) (*Pattern, error) {
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	for _, part := range p.parts {
		if part.capture && part.text != "_" {
			if slices.Contains(p.names, part.text) {
				return nil, fmt.Errorf("pattern %q: two captures are called %s", text, part.text)
			}
			p.names = append(p.names, part.text)
		}
	}
	if len(p.names) == 0 {
		return nil, fmt.Errorf("pattern %q: at least one capture is required, such as <method>", text)
	}
	return p, nil
}

func parsePattern(text string) (*Pattern, error) {
	if text == "" {
		return nil, errors.New("pattern is empty")
	}
	p := &Pattern{}
	literal := ""
	flush := func() {
		if literal != "" {
			p.parts = append(p.parts, patternPart{text: literal})
			literal = ""
		}
	}
	for rest := text; rest != ""; {
		if name, after, ok := captureAt(rest); ok {
			flush()
			if n := len(p.parts); n > 0 && p.parts[n-1].capture {
				return nil, fmt.Errorf("pattern %q: <%s> and <%s> have nothing between them", text, p.parts[n-1].text, name)
			}
			p.parts = append(p.parts, patternPart{name, true})
			rest = after
			continue
		}
		literal += rest[:1]
		rest = rest[1:]
	}
	flush()
	return p, nil
}

// captureAt reads <name> at the start of a text.
func captureAt(s string) (name, after string, ok bool) {
	end := strings.IndexByte(s, '>')
	if s[0] != '<' || end < 2 {
		return "", "", false
	}
	for i := 1; i < end; i++ {
		if !nameByte(s[i]) || i == 1 && s[i] >= '0' && s[i] <= '9' {
			return "", "", false
		}
	}
	return s[1:end], s[end+1:], true
}

// Names are the names of the captures, in order.
func (p *Pattern) Names() []string { return p.names }

// Captures calls capture for what the line has for each name. A literal at the
// start has to be at the start of the line; where a later one is missing, the
// capture before it takes the rest and those behind it take nothing.
func (p *Pattern) Captures(line string, capture func(name, value string)) {
	rest := line
	parts := p.parts
	if !parts[0].capture {
		if !strings.HasPrefix(rest, parts[0].text) {
			return
		}
		rest, parts = rest[len(parts[0].text):], parts[1:]
	}
	for len(parts) > 0 && rest != "" {
		end, skip := len(rest), 0
		if len(parts) > 1 {
			if i := strings.Index(rest, parts[1].text); i >= 0 {
				end, skip = i, len(parts[1].text)
			}
		}
		if parts[0].text != "_" {
			capture(parts[0].text, rest[:end])
		}
		if skip == 0 {
			return
		}
		rest, parts = rest[end+skip:], parts[2:]
	}
}

// Regexp is the pattern as a regular expression with a group for each of its names, in
// their order. What it does not match has fewer captures, or none.
func (p *Pattern) Regexp() string {
	var b strings.Builder
	b.WriteString("(?s:^")
	for i, part := range p.parts {
		switch {
		case !part.capture:
			b.WriteString(regexp.QuoteMeta(part.text))
		case i == len(p.parts)-1 && part.text == "_":
			b.WriteString(".*$")
		case i == len(p.parts)-1:
			b.WriteString("(.*)$")
		case part.text == "_":
			b.WriteString(".*?")
		default:
			b.WriteString("(.*?)")
		}
	}
	b.WriteByte(')')
	return b.String()
}

// Like is a pattern of a line filter: it matches whole lines, and <_> is anything.
type Like struct{ parts []patternPart }

// ParseLike reads a pattern of a line filter. The empty one matches the empty
// line only.
func ParseLike(text string) (*Like, error) {
	if text == "" {
		return &Like{}, nil
	}
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	for _, part := range p.parts {
		if part.capture && part.text != "_" {
			return nil, fmt.Errorf("pattern %q: named captures are not allowed in a filter; write <_> for <%s>", text, part.text)
		}
	}
	return &Like{p.parts}, nil
}

// Match is whether the whole line is like the pattern.
func (l *Like) Match(line string) bool {
	rest, open := line, false // open: anything may come before the next literal
	for i, p := range l.parts {
		switch {
		case p.capture:
			open = true
		case !open:
			if !strings.HasPrefix(rest, p.text) {
				return false
			}
			rest = rest[len(p.text):]
		case i == len(l.parts)-1:
			return strings.HasSuffix(rest, p.text)
		default:
			at := strings.Index(rest, p.text)
			if at < 0 {
				return false
			}
			rest, open = rest[at+len(p.text):], false
		}
	}
	return open || rest == ""
}

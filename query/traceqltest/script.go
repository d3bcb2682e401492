package traceqltest

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Script is what a file says.
type Script struct {
	Traces []Trace
	Cases  []Case
}

// Trace is the spans of one trace, with times from 0 on.
type Trace struct {
	Name  string
	Spans []Span
}

// Span is a span and what it belongs to.
type Span struct {
	tracestore.Record
	ResourceAttributes  []attribute.KeyValue // with service.name
	Scope, ScopeVersion string
	ScopeAttributes     []attribute.KeyValue
}

// Case is a query and what it answers.
type Case struct {
	Line    int
	Section string // the last "# -- name ---" before it
	Verb    string // eval, fail or print
	Query   string
	Want    []string
}

// TraceID is the ID of the i-th trace of a script.
func TraceID(i int) [16]byte { return [16]byte{0: 0xab, 15: byte(i + 1)} }

// Number is a span's number in its line.
func Number(id [8]byte) int { return int(id[6])<<8 | int(id[7]) }

func spanID(n int) [8]byte { return [8]byte{0: 0xcd, 6: byte(n >> 8), 7: byte(n)} }

// Load reads the scripts that a pattern of paths names, by the names of their files. None
// is an error.
func Load(pattern string) (map[string]*Script, error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no scripts at %s: %w", pattern, cmp.Or(err, fs.ErrNotExist))
	}
	all := map[string]*Script{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if all[filepath.Base(file)], err = Parse(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}

// Parse reads a script.
func Parse(text string) (*Script, error) {
	s := &Script{}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		indented := strings.HasPrefix(line, "  ")
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		var err error
		switch {
		case strings.HasPrefix(line, "# -- "):
			section = strings.Trim(line, "#- ")
		case line == "" || strings.HasPrefix(line, "#"):
		case !indented && verb == "trace":
			s.Traces = append(s.Traces, Trace{Name: rest})
			s.Cases = append(s.Cases, Case{}) // what follows are spans
		case !indented && (verb == "eval" || verb == "fail" || verb == "print"):
			s.Cases = append(s.Cases, Case{Line: i + 1, Section: section, Verb: verb, Query: rest})
		case !indented || len(s.Cases) == 0:
			err = fmt.Errorf("%q is no verb", verb)
		case s.Cases[len(s.Cases)-1].Verb == "":
			err = s.span(line)
		default:
			c := &s.Cases[len(s.Cases)-1]
			c.Want = append(c.Want, line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	kept := s.Cases[:0]
	for _, c := range s.Cases {
		if c.Verb != "" {
			kept = append(kept, c)
		}
	}
	s.Cases = kept
	return s, nil
}

// words cuts a line at spaces outside quotes and brackets.
func words(line string) (list []string) {
	depth, quoted := 0, false
	start := -1
	for i := range len(line) {
		c := line[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '[' && !quoted:
			depth++
		case c == ']' && !quoted:
			depth--
		}
		if c == ' ' && !quoted && depth == 0 {
			if start >= 0 {
				list = append(list, line[start:i])
			}
			start = -1
		} else if start < 0 {
			start = i
		}
	}
	if start >= 0 {
		list = append(list, line[start:])
	}
	return list
}

func (s *Script) span(line string) error {
	w := words(line)
	if len(w) < 7 {
		return fmt.Errorf("a span needs number, parent, service, name, kind, start and duration")
	}
	t := &s.Traces[len(s.Traces)-1]
	sp := Span{}
	sp.TraceID = TraceID(len(s.Traces) - 1)
	n, err := strconv.Atoi(w[0])
	if err != nil {
		return err
	}
	sp.SpanID = spanID(n)
	if w[1] != "-" {
		if n, err = strconv.Atoi(w[1]); err != nil {
			return err
		}
		sp.Parent = spanID(n)
	}
	sp.Service = w[2]
	sp.ResourceAttributes = []attribute.KeyValue{{Key: "service.name", Value: attribute.StringValue(w[2])}}
	sp.Name = strings.Trim(w[3], `"`)
	sp.Kind = map[string]uint8{"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}[w[4]]
	start, err := time.ParseDuration(w[5])
	if err != nil {
		return err
	}
	length, err := time.ParseDuration(w[6])
	if err != nil {
		return err
	}
	sp.Start, sp.End = int64(start), int64(start+length)
	for _, word := range w[7:] {
		if err := sp.set(word); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	t.Spans = append(t.Spans, sp)
	return nil
}

func (sp *Span) set(word string) (err error) {
	key, text, _ := strings.Cut(word, "=")
	switch key {
	case "error":
		sp.StatusCode = 2
	case "ok":
		sp.StatusCode = 1
	case "message":
		sp.StatusMessage = strings.Trim(text, `"`)
	case "state":
		sp.TraceState = strings.Trim(text, `"`)
	case "scope":
		sp.Scope, sp.ScopeVersion, _ = strings.Cut(text, "/")
	case "event":
		name, after, _ := strings.Cut(text, "@")
		d, err := time.ParseDuration(after)
		if err != nil {
			return err
		}
		sp.Events = append(sp.Events, tracestore.Event{Name: name, Time: sp.Start + int64(d)})
	case "link":
		l := tracestore.Link{}
		trace, span, _ := strings.Cut(text, "/")
		if _, err = hex.Decode(l.TraceID[:], []byte(trace)); err == nil {
			_, err = hex.Decode(l.SpanID[:], []byte(span))
		}
		sp.Links = append(sp.Links, l)
	default:
		return sp.attribute(key, text)
	}
	return err
}

func (sp *Span) attribute(key, text string) error {
	scope, name, _ := strings.Cut(key, ".")
	v, err := value(text)
	kv := attribute.KeyValue{Key: name, Value: v}
	switch scope {
	case "span":
		sp.Attributes = append(sp.Attributes, kv)
	case "resource":
		sp.ResourceAttributes = append(sp.ResourceAttributes, kv)
	case "scope":
		sp.ScopeAttributes = append(sp.ScopeAttributes, kv)
	case "event":
		e := &sp.Events[len(sp.Events)-1]
		e.Attributes = append(e.Attributes, kv)
	case "link":
		l := &sp.Links[len(sp.Links)-1]
		l.Attributes = append(l.Attributes, kv)
	default:
		return fmt.Errorf("%q is no scope", scope)
	}
	return err
}

// value reads an attribute's value as JSON.
func value(text string) (attribute.Value, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return attribute.Value{}, err
	}
	return plain(v)
}

func plain(v any) (attribute.Value, error) {
	switch v := v.(type) {
	case string:
		return attribute.StringValue(v), nil
	case bool:
		return attribute.BoolValue(v), nil
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return attribute.IntValue(i), nil
		}
		f, err := v.Float64()
		return attribute.DoubleValue(f), err
	case []any:
		text := `{"arrayValue":{"values":[`
		for i, e := range v {
			if i > 0 {
				text += ","
			}
			one, err := plain(e)
			if err != nil {
				return one, err
			}
			text += string(one.AppendJSON(nil))
		}
		return attribute.JSONValue(attribute.Slice, text+"]}}"), nil
	case nil:
		return attribute.Value{}, nil
	}
	return attribute.DoubleValue(math.NaN()), fmt.Errorf("a %T", v)
}

package logline

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrJSON is a line that is not a JSON object, wrapped with what is wrong.
var ErrJSON = errors.New("not a JSON object")

// depthLimit bounds how deep a document may nest.
const depthLimit = 256

// FlattenJSON calls field for every text, number and boolean of a JSON object,
// nested ones under their names joined by underscores, in the order of the line.
// Arrays and nulls are passed over. What it found before an error stands.
func FlattenJSON(line string, field func(name, value string)) error {
	s := jsonScanner{text: line}
	if err := s.object(func(key string) error { return s.flatten(Name(key), field, 1) }); err != nil {
		return err
	}
	return s.end()
}

func (s *jsonScanner) flatten(name string, field func(name, value string), depth int) error {
	s.space()
	switch s.peek() {
	case '{':
		if depth >= depthLimit {
			return s.fail("nests too deep")
		}
		return s.object(func(key string) error { return s.flatten(name+"_"+Name2(key), field, depth+1) })
	case '"':
		v, err := s.str()
		if err == nil {
			field(name, v)
		}
		return err
	case '[', 'n':
		return s.skip(depth)
	}
	start := s.pos
	if err := s.skip(depth); err != nil {
		return err
	}
	field(name, s.text[start:s.pos])
	return nil
}

// Name2 is Name for what does not come first in a name.
func Name2(key string) string {
	if key != "" && key[0] >= '0' && key[0] <= '9' {
		return Name("_" + key)[1:]
	}
	return Name(key)
}

// UnpackJSON calls field for the texts of a JSON object.
func UnpackJSON(line string, field func(key, value string)) error {
	s := jsonScanner{text: line}
	err := s.object(func(key string) error {
		s.space()
		if s.peek() != '"' {
			return s.skip(1)
		}
		v, err := s.str()
		if err == nil {
			field(key, v)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.end()
}

// JSONPath is the way to a field of a document.
type JSONPath struct{ steps []jsonStep }

// Keys are the keys on the way; not ok if there are indices of arrays on it.
func (p JSONPath) Keys() (keys []string, ok bool) {
	for _, s := range p.steps {
		if s.index >= 0 {
			return nil, false
		}
		keys = append(keys, s.key)
	}
	return keys, true
}

type jsonStep struct {
	key   string
	index int // -1 for a key
}

// ParseJSONPath reads a.b, a[0].b, a["b.c"] and ["a"].
func ParseJSONPath(text string) (JSONPath, error) {
	var p JSONPath
	bad := func() (JSONPath, error) { return JSONPath{}, fmt.Errorf("cannot parse expression %q", text) }
	rest := strings.TrimSpace(text)
	if rest == "" {
		return bad()
	}
	for first := true; rest != ""; first = false {
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if strings.HasPrefix(rest, `["`) {
				quoted, err := strconv.QuotedPrefix(rest[1:])
				if err != nil || !strings.HasPrefix(rest[1+len(quoted):], "]") {
					return bad()
				}
				key, err := strconv.Unquote(quoted)
				if err != nil {
					return bad()
				}
				p.steps = append(p.steps, jsonStep{key, -1})
				rest = rest[len(quoted)+2:]
				continue
			}
			if end < 0 {
				return bad()
			}
			i, err := strconv.Atoi(rest[1:end])
			if err != nil || i < 0 {
				return bad()
			}
			p.steps = append(p.steps, jsonStep{"", i})
			rest = rest[end+1:]
			continue
		}
		if !first {
			if rest[0] != '.' {
				return bad()
			}
			rest = rest[1:]
		}
		n := strings.IndexAny(rest, ".[")
		if n < 0 {
			n = len(rest)
		}
		if n == 0 || strings.ContainsAny(rest[:n], "]\"' \t\n") {
			return bad()
		}
		p.steps = append(p.steps, jsonStep{rest[:n], -1})
		rest = rest[n:]
	}
	return p, nil
}

// PickJSON gives found the text at each path of a JSON object: strings as they
// are, everything else as it is written, "" where there is nothing or null.
func PickJSON(line string, paths []JSONPath, found func(i int, value string)) error {
	s := jsonScanner{text: line}
	start := s.pos
	if err := s.object(func(string) error { return s.skip(1) }); err != nil {
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	for i, p := range paths {
		s.pos = start
		v, err := s.at(p.steps)
		if err != nil {
			return err
		}
		found(i, v)
	}
	return nil
}

// at reads the value at the end of steps from a text that is known to be JSON.
func (s *jsonScanner) at(steps []jsonStep) (string, error) {
	s.space()
	if len(steps) == 0 {
		switch s.peek() {
		case '"':
			return s.str()
		case 'n':
			return "", nil
		}
		start := s.pos
		err := s.skip(0)
		return s.text[start:s.pos], err
	}
	step := steps[0]
	value, hit := "", false
	visit := func(match bool) (err error) {
		if hit || !match {
			return s.skip(0)
		}
		hit = true
		value, err = s.at(steps[1:])
		if err == nil && value == "" && s.peek() == 'n' {
			err = s.skip(0)
		}
		return err
	}
	var err error
	switch {
	case step.index < 0 && s.peek() == '{':
		err = s.object(func(key string) error { return visit(key == step.key) })
	case step.index >= 0 && s.peek() == '[':
		err = s.array(func(i int) error { return visit(i == step.index) })
	default:
		err = s.skip(0)
	}
	return value, err
}

// jsonScanner reads JSON from a text.
type jsonScanner struct {
	text string
	pos  int
}

func (s *jsonScanner) fail(what string) error {
	return fmt.Errorf("%w: byte %d: %s", ErrJSON, s.pos, what)
}

func (s *jsonScanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek is the byte at the position, 0 at the end.
func (s *jsonScanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *jsonScanner) take(c byte) error {
	s.space()
	if s.peek() != c {
		return s.fail("want " + strconv.QuoteRune(rune(c)))
	}
	s.pos++
	return nil
}

func (s *jsonScanner) end() error {
	if s.space(); s.pos < len(s.text) {
		return s.fail("text behind the object")
	}
	return nil
}

// object calls member with each key; member reads the value.
func (s *jsonScanner) object(member func(key string) error) error {
	if err := s.take('{'); err != nil {
		return err
	}
	if s.space(); s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		s.space()
		key, err := s.str()
		if err == nil {
			err = s.take(':')
		}
		if err == nil {
			err = member(key)
		}
		if err != nil {
			return err
		}
		if s.space(); s.peek() != ',' {
			return s.take('}')
		}
		s.pos++
	}
}

func (s *jsonScanner) array(element func(i int) error) error {
	if err := s.take('['); err != nil {
		return err
	}
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if s.space(); s.peek() != ',' {
			return s.take(']')
		}
		s.pos++
	}
}

// skip passes over one value.
func (s *jsonScanner) skip(depth int) error {
	s.space()
	switch c := s.peek(); {
	case depth >= depthLimit:
		return s.fail("nests too deep")
	case c == '{':
		return s.object(func(string) error { return s.skip(depth + 1) })
	case c == '[':
		return s.array(func(int) error { return s.skip(depth + 1) })
	case c == '"':
		_, err := s.str()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.text[s.pos:], word) {
			s.pos += len(word)
			return nil
		}
	}
	return s.fail("want a value")
}

func (s *jsonScanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	digits := func() bool {
		start := s.pos
		for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
			s.pos++
		}
		return s.pos > start
	}
	zero := s.peek() == '0'
	start := s.pos
	ok := digits() && (!zero || s.pos == start+1)
	if ok && s.peek() == '.' {
		s.pos++
		ok = digits()
	}
	if ok && (s.peek() == 'e' || s.peek() == 'E') {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		ok = digits()
	}
	if !ok {
		return s.fail("want a number")
	}
	return nil
}

// str reads a string; one without escapes is a part of the text.
func (s *jsonScanner) str() (string, error) {
	if s.peek() != '"' {
		return "", s.fail("want a string")
	}
	start := s.pos + 1
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			return s.text[start:i], nil
		case c == '\\':
			s.pos = i
			return s.escaped(start)
		case c < ' ':
			s.pos = i
			return "", s.fail("control character in a string")
		}
	}
	s.pos = len(s.text)
	return "", s.fail("string without an end")
}

// escaped reads the rest of a string that began at start, from its first escape.
func (s *jsonScanner) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(s.text[start:s.pos])
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == '"':
			return b.String(), nil
		case c < ' ':
			return "", s.fail("control character in a string")
		case c != '\\':
			b.WriteByte(c)
			continue
		}
		e := s.peek()
		s.pos++
		if e == 'u' {
			r, ok := s.unicode()
			if !ok {
				return "", s.fail("bad escape in a string")
			}
			b.WriteRune(r)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, e)
		if e == 0 || i < 0 {
			return "", s.fail("bad escape in a string")
		}
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
	}
	return "", s.fail("string without an end")
}

// unicode reads the digits behind \u, and the second half of a pair.
func (s *jsonScanner) unicode() (rune, bool) {
	r, ok := s.hex()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if strings.HasPrefix(s.text[s.pos:], `\u`) {
		at := s.pos
		s.pos += 2
		low, ok := s.hex()
		if !ok {
			return 0, false
		}
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, true
		}
		s.pos = at
	}
	return utf8.RuneError, true
}

func (s *jsonScanner) hex() (rune, bool) {
	if s.pos+4 > len(s.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(s.text[s.pos:s.pos+4], 16, 16)
	s.pos += 4
	return rune(n), err == nil
}

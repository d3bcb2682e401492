package logline

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrLogfmt is a line that is not logfmt, wrapped with what is wrong.
var ErrLogfmt = errors.New("not logfmt")

// Logfmt calls pair for the pairs of a line, key=value, key="quoted \" value" or a
// key alone, whose value is "". What cannot be read is passed over, or, if strict,
// ends the line with an error; what came before stands.
func Logfmt(line string, strict bool, pair func(key, value string)) error {
	for pos := 0; ; {
		for pos < len(line) && line[pos] <= ' ' {
			pos++
		}
		if pos == len(line) {
			return nil
		}
		key, value, next, problem := logfmtPair(line, pos)
		if problem == "" {
			pair(key, value)
			pos = next
			continue
		}
		if strict {
			return fmt.Errorf("%w: byte %d: %s", ErrLogfmt, next, problem)
		}
		for pos = max(next, pos+1); pos < len(line) && line[pos] > ' '; pos++ {
		}
	}
}

// logfmtPair reads one pair at a place; next is where it ends, or where the
// problem is.
func logfmtPair(line string, pos int) (key, value string, next int, problem string) {
	start := pos
	for pos < len(line) && line[pos] > ' ' && line[pos] != '=' && line[pos] != '"' {
		pos++
	}
	key = line[start:pos]
	switch {
	case pos < len(line) && line[pos] == '"':
		return "", "", pos, "a quote in a key"
	case key == "":
		return "", "", pos, "a value without a key"
	case !utf8.ValidString(key):
		return "", "", pos, "a key that is not UTF-8"
	case pos == len(line) || line[pos] != '=':
		return key, "", pos, ""
	}
	pos++
	if pos < len(line) && line[pos] == '"' {
		return logfmtQuoted(line, key, pos)
	}
	start = pos
	for pos < len(line) && line[pos] > ' ' {
		if line[pos] == '=' || line[pos] == '"' {
			return "", "", pos, "a " + strconv.Quote(line[pos:pos+1]) + " in a value without quotes"
		}
		pos++
	}
	return key, line[start:pos], pos, ""
}

func logfmtQuoted(line, key string, pos int) (_, value string, next int, problem string) {
	escapes := false
	for i := pos + 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			escapes = true
			i++
		case '"':
			if i+1 < len(line) && line[i+1] > ' ' {
				return "", "", i + 1, "text behind a closing quote"
			}
			text := line[pos+1 : i]
			if !escapes {
				return key, text, i + 1, ""
			}
			value, ok := unescape(text)
			if !ok {
				return "", "", i + 1, "an unknown escape"
			}
			return key, value, i + 1, ""
		}
	}
	return "", "", len(line), "a value whose quote does not end"
}

// unescape reads JSON's escapes.
func unescape(text string) (string, bool) {
	s := jsonScanner{text: `"` + strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text) + `"`}
	v, err := s.str()
	return v, err == nil && s.pos == len(s.text)
}

package otlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// maxJSONDepth bounds brackets: one of the hundred nested messages that
// protobuf may have is up to three of them.
const maxJSONDepth = 300

// objectBytes is what one decoded message costs on average beside the bytes
// it was made of.
const objectBytes = 128

// size is what a request will cost once decoded.
type size struct {
	objects int // messages of any kind, each a struct in memory
}

// checkJSON walks the brackets of a JSON request without decoding it. It counts
// what decoding would build, so that a few bytes cannot become gigabytes, and
// says where a malformed request is broken. It also refuses what the decoder behind it would
// read as something else: data after the request, and an empty key, at which
// it would stop as at the end of an object.
func checkJSON(b []byte) (size, error) {
	var s size
	depth, commas, closed := 0, 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			continue
		}
		if closed {
			return s, malformedJSON(i, "data after the request")
		}
		if depth == 0 && c != '{' {
			return s, malformedJSON(i, "the request is not an object")
		}
		switch c {
		case '{', '[':
			if depth++; depth > maxJSONDepth {
				return s, malformedJSON(i, fmt.Sprintf("nested deeper than %d", maxJSONDepth))
			}
			if c == '{' {
				s.objects++
			}
		case '}', ']':
			depth--
			closed = depth == 0
		case ',':
			commas++
		case 'n':
			s.objects++ // a null in a list of messages makes one
		case '"':
			end := stringEnd(b, i+1)
			if end < 0 {
				return s, malformedJSON(i, "string without an end")
			}
			if end == i+1 && isKey(b, end+1) {
				return s, malformedJSON(i, "empty key")
			}
			i = end
		}
	}
	if !closed {
		return s, jsonError(b, errors.New("unexpected end")) // or brackets that do not match before it
	}
	s.objects += commas / 8
	return s, nil
}

// stringEnd is the index of the quote that ends the string starting at i, or -1.
func stringEnd(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func isKey(b []byte, i int) bool {
	for ; i < len(b); i++ {
		switch b[i] {
		case ' ', '\n', '\t', '\r':
		case ':':
			return true
		default:
			return false
		}
	}
	return false
}

func malformedJSON(offset int, what string) error {
	return &ingest.MalformedError{Format: "JSON", Offset: offset, Err: errors.New(what)}
}

// jsonError says where JSON that the decoder did not take is broken. The
// decoder's own position is relative to a window of its own, so syntax is
// looked at again; what is left are values of the wrong type.
func jsonError(b []byte, err error) error {
	var raw json.RawMessage
	var syntax *json.SyntaxError
	if again := json.Unmarshal(b, &raw); errors.As(again, &syntax) {
		if int(syntax.Offset) >= len(b) && strings.Contains(syntax.Error(), "unexpected end") {
			return malformedJSON(len(b), "unexpected end")
		}
		return &ingest.MalformedError{Format: "JSON", Offset: max(0, int(syntax.Offset)-1), Err: syntax}
	}
	what, around, found := strings.Cut(err.Error(), ", error found in ")
	if found {
		if _, context, ok := strings.Cut(around, "...|"); ok {
			if context, _, ok = strings.Cut(context, "|..."); ok {
				what += fmt.Sprintf(" near %q", context)
			}
		}
	}
	return &ingest.MalformedError{Format: "JSON", Offset: -1, Err: errors.New(what)}
}

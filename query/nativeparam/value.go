package nativeparam

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// TraceID reads a trace ID, in hexadecimal; none is all zero.
func TraceID(s string) (id [16]byte, err error) { return id, parseID(s, id[:], "trace ID") }

// SpanID reads a span ID as TraceID does.
func SpanID(s string) (id [8]byte, err error) { return id, parseID(s, id[:], "span ID") }

func parseID(s string, dst []byte, what string) error {
	if len(s) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%q is not a %s: want %d hexadecimal digits", s, what, hex.EncodedLen(len(dst)))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("%q is not a %s: %w", s, what, err)
	}
	if !slices.ContainsFunc(dst, func(b byte) bool { return b != 0 }) {
		return fmt.Errorf("%q is not a %s: it is all zero", s, what)
	}
	return nil
}

// severities are the names of OTLP's severity ranges; each starts four numbers
// after the one before.
var severities = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

// Severity reads the name of the least severity wanted and returns its
// lowest number.
func Severity(s string) (uint8, error) {
	for i, name := range severities {
		if strings.EqualFold(s, name) {
			return uint8(i*4 + 1), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of %s", s, strings.Join(severities[:], ", "))
}

// SeverityName is the name of an OTLP severity number, empty if it has none.
func SeverityName(number uint8) string {
	if number < 1 || number > 24 {
		return ""
	}
	return severities[(number-1)/4]
}

// Matcher is one attr parameter.
type Matcher struct {
	Key, Value string
	Not        bool
}

// Attribute reads key=value or key!=value. The key ends at the first "=", so a
// key cannot hold one; a value can.
func Attribute(s string) (Matcher, error) {
	key, value, ok := strings.Cut(s, "=")
	m := Matcher{Key: key, Value: value}
	if ok {
		m.Key, m.Not = strings.CutSuffix(key, "!")
	}
	switch {
	case !ok:
		return m, fmt.Errorf("%q is neither key=value nor key!=value", s)
	case m.Key == "":
		return m, fmt.Errorf("%q has no key", s)
	case !utf8.ValidString(s):
		return m, fmt.Errorf("%q is not UTF-8", s)
	}
	return m, nil
}

// Cursor is the place of a record in the order of logs: (time, id).
type Cursor struct {
	Time int64 // Unix ns
	ID   uint64
}

// String is the cursor as answers give it out.
func (c Cursor) String() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.Time))
	b = binary.BigEndian.AppendUint64(b, c.ID)
	return base64.RawURLEncoding.EncodeToString(b)
}

// CursorOf reads a cursor that an answer gave out.
func CursorOf(s string) (Cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	// The length of the text too: the decoder skips line ends.
	if err != nil || len(b) != 16 || len(s) != base64.RawURLEncoding.EncodedLen(16) {
		return Cursor{}, errors.New("is not a cursor this API gave out")
	}
	return Cursor{Time: int64(binary.BigEndian.Uint64(b)), ID: binary.BigEndian.Uint64(b[8:])}, nil
}

package attribute

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Kind is the type of a Value. The numbers are stored (column body_kind) and
// must not change.
type Kind uint8

// The kinds an OTLP AnyValue can have.
const (
	Empty Kind = iota
	String
	Bool
	Int
	Double
	Bytes
	Slice
	Map
)

// Value is one OTLP AnyValue. Str may alias a buffer of the caller: it is
// valid as long as that buffer is, and whoever keeps a Value copies it.
type Value struct {
	Kind Kind
	// Num holds a Bool as 0 or 1, an Int as its two's complement bits and a
	// Double as its IEEE 754 bits.
	Num uint64
	// Str holds a String's text, the raw bytes of Bytes, and for Slice and Map
	// the value as OTLP/JSON text (an AnyValue object).
	Str string
}

// KeyValue is one attribute.
type KeyValue struct {
	Key   string
	Value Value
}

// StringValue is s as a Value.
func StringValue(s string) Value { return Value{Kind: String, Str: s} }

// BoolValue is b as a Value.
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: Bool, Num: 1}
	}
	return Value{Kind: Bool}
}

// IntValue is i as a Value.
func IntValue(i int64) Value { return Value{Kind: Int, Num: uint64(i)} }

// DoubleValue is f as a Value.
func DoubleValue(f float64) Value { return Value{Kind: Double, Num: math.Float64bits(f)} }

// BytesValue is raw bytes as a Value.
func BytesValue(raw string) Value { return Value{Kind: Bytes, Str: raw} }

// JSONValue is a Slice or a Map given as OTLP/JSON AnyValue text.
func JSONValue(k Kind, text string) Value { return Value{Kind: k, Str: text} }

// Bool is the value of a Bool.
func (v Value) Bool() bool { return v.Num != 0 }

// Int is the value of an Int.
func (v Value) Int() int64 { return int64(v.Num) }

// Double is the value of a Double.
func (v Value) Double() float64 { return math.Float64frombits(v.Num) }

// Text is the value as a label or a matcher sees it: strings as they are,
// numbers in their shortest form, bytes in base64, slices and maps as plain
// JSON, the empty value as "".
func (v Value) Text() string {
	switch v.Kind {
	case String:
		return v.Str
	case Bool:
		return strconv.FormatBool(v.Bool())
	case Int:
		return strconv.FormatInt(v.Int(), 10)
	case Double:
		return formatDouble(v.Double())
	case Bytes:
		return base64.StdEncoding.EncodeToString([]byte(v.Str))
	case Slice, Map:
		return plainJSON(v)
	}
	return ""
}

// plainJSON is a slice or a map as JSON without OTLP's wrappers.
func plainJSON(v Value) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a matcher is written with < and &, not with \u003c
	if err := e.Encode(v.Any()); err != nil {
		return v.Str
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// formatDouble is the shortest text that reads back as f.
func formatDouble(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// Any is the value as plain Go data for JSON output: string, bool, int64,
// float64 (its text where JSON has no number for it), base64 text for bytes,
// []any, map[string]any or nil.
func (v Value) Any() any {
	switch v.Kind {
	case String:
		return v.Str
	case Bool:
		return v.Bool()
	case Int:
		return v.Int()
	case Double:
		f := v.Double()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return formatDouble(f)
		}
		return f
	case Bytes:
		return base64.StdEncoding.EncodeToString([]byte(v.Str))
	case Slice, Map:
		var w anyValue
		if json.Unmarshal([]byte(v.Str), &w) != nil {
			return v.Str
		}
		return w.plain()
	}
	return nil
}

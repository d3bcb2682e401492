package attribute

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// The text form is OTLP/JSON: an attribute list is
//
//	[{"key":"http.status","value":{"intValue":"200"}}, ...]
//
// It is lossless: kinds stay apart, 64-bit integers are strings, and what JSON
// numbers cannot say (NaN, infinities) is a string in doubleValue. One
// departure: a string that is not UTF-8 is written as bytesValue, since JSON
// text cannot hold it.

// AppendJSON appends the list as OTLP/JSON text. An empty list is "".
func AppendJSON(dst []byte, kvs []KeyValue) []byte {
	if len(kvs) == 0 {
		return dst
	}
	dst = append(dst, '[')
	for i := range kvs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"key":`...)
		dst = AppendQuoted(dst, kvs[i].Key)
		dst = append(dst, `,"value":`...)
		dst = kvs[i].Value.AppendJSON(dst)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// AppendJSON appends the value as an OTLP/JSON AnyValue object.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind {
	case String:
		if !utf8.ValidString(v.Str) {
			return Value{Kind: Bytes, Str: v.Str}.AppendJSON(dst)
		}
		dst = append(dst, `{"stringValue":`...)
		dst = AppendQuoted(dst, v.Str)
	case Bool:
		dst = append(dst, `{"boolValue":`...)
		dst = strconv.AppendBool(dst, v.Bool())
	case Int:
		dst = append(dst, `{"intValue":"`...)
		dst = strconv.AppendInt(dst, v.Int(), 10)
		dst = append(dst, '"')
	case Double:
		dst = append(dst, `{"doubleValue":`...)
		if f := v.Double(); math.IsNaN(f) || math.IsInf(f, 0) {
			dst = AppendQuoted(dst, formatDouble(f))
		} else {
			dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
		}
	case Bytes:
		dst = append(dst, `{"bytesValue":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.Str))
		dst = append(dst, '"')
	case Slice, Map:
		return append(dst, v.Str...)
	default:
		return append(dst, `{}`...)
	}
	return append(dst, '}')
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// anyValue reads an OTLP/JSON AnyValue.
type anyValue struct {
	String *string         `json:"stringValue"`
	Bool   *bool           `json:"boolValue"`
	Int    json.RawMessage `json:"intValue"`
	Double json.RawMessage `json:"doubleValue"`
	Bytes  *string         `json:"bytesValue"`
	Array  *struct {
		Values []anyValue `json:"values"`
	} `json:"arrayValue"`
	Map *struct {
		Values []struct {
			Key   string   `json:"key"`
			Value anyValue `json:"value"`
		} `json:"values"`
	} `json:"kvlistValue"`
}

func (w anyValue) plain() any {
	switch {
	case w.Array != nil:
		list := make([]any, len(w.Array.Values))
		for i, e := range w.Array.Values {
			list[i] = e.plain()
		}
		return list
	case w.Map != nil:
		m := make(map[string]any, len(w.Map.Values))
		for _, e := range w.Map.Values {
			m[e.Key] = e.Value.plain()
		}
		return m
	}
	v, err := w.scalar()
	if err != nil {
		return nil
	}
	return v.Any()
}

// scalar is the value of anything but arrays and maps.
func (w anyValue) scalar() (Value, error) {
	switch {
	case w.String != nil:
		return StringValue(*w.String), nil
	case w.Bool != nil:
		return BoolValue(*w.Bool), nil
	case w.Int != nil:
		i, err := strconv.ParseInt(unquote(w.Int), 10, 64)
		if err != nil {
			return Value{}, fmt.Errorf("intValue: %w", err)
		}
		return IntValue(i), nil
	case w.Double != nil:
		f, err := strconv.ParseFloat(unquote(w.Double), 64)
		if err != nil {
			return Value{}, fmt.Errorf("doubleValue: %w", err)
		}
		return DoubleValue(f), nil
	case w.Bytes != nil:
		raw, err := base64.StdEncoding.DecodeString(*w.Bytes)
		if err != nil {
			return Value{}, fmt.Errorf("bytesValue: %w", err)
		}
		return BytesValue(string(raw)), nil
	}
	return Value{}, nil
}

func unquote(raw json.RawMessage) string {
	if n := len(raw); n >= 2 && raw[0] == '"' && raw[n-1] == '"' {
		return string(raw[1 : n-1])
	}
	return string(raw)
}

// ParseValue reads one OTLP/JSON AnyValue object.
func ParseValue(text string) (Value, error) {
	var w anyValue
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return Value{}, fmt.Errorf("attribute: value: %w", err)
	}
	switch {
	case w.Array != nil:
		return JSONValue(Slice, text), nil
	case w.Map != nil:
		return JSONValue(Map, text), nil
	}
	v, err := w.scalar()
	if err != nil {
		return Value{}, fmt.Errorf("attribute: value: %w", err)
	}
	return v, nil
}

// ParseJSON reads what AppendJSON wrote. The empty string is an empty list.
func ParseJSON(text string) ([]KeyValue, error) {
	if text == "" {
		return nil, nil
	}
	var list []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("attribute: list: %w", err)
	}
	kvs := make([]KeyValue, len(list))
	for i, e := range list {
		v, err := ParseValue(string(e.Value))
		if err != nil {
			return nil, fmt.Errorf("attribute: list: key %q: %w", e.Key, err)
		}
		kvs[i] = KeyValue{Key: e.Key, Value: v}
	}
	return kvs, nil
}

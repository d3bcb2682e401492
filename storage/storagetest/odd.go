package storagetest

import (
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// OddAttributes are a value of every kind and the keys and values that are easily broken on the way, sorted by key.
// Every store must keep them as they are.
func OddAttributes() []attribute.KeyValue {
	s := attribute.StringValue
	kvs := []attribute.KeyValue{
		{Key: "bool.false", Value: attribute.BoolValue(false)},
		{Key: "bool.true", Value: attribute.BoolValue(true)},
		{Key: "bytes", Value: attribute.BytesValue("\x00\xff\x80")},
		{Key: "bytes.empty", Value: attribute.BytesValue("")},
		{Key: "double", Value: attribute.DoubleValue(0.1)},
		{Key: "double.-inf", Value: attribute.DoubleValue(math.Inf(-1))},
		{Key: "double.inf", Value: attribute.DoubleValue(math.Inf(1))},
		{Key: "double.max", Value: attribute.DoubleValue(math.MaxFloat64)},
		{Key: "double.nan", Value: attribute.DoubleValue(math.NaN())},
		{Key: "double.negative zero", Value: attribute.DoubleValue(math.Copysign(0, -1))},
		{Key: "double.smallest", Value: attribute.DoubleValue(math.SmallestNonzeroFloat64)},
		{Key: "double.whole", Value: attribute.DoubleValue(2)},
		{Key: "empty", Value: attribute.Value{}},
		{Key: "int", Value: attribute.IntValue(5)},
		{Key: "int.max", Value: attribute.IntValue(math.MaxInt64)},
		{Key: "int.min", Value: attribute.IntValue(math.MinInt64)},
		{Key: "int.zero", Value: attribute.IntValue(0)},
		{Key: "map", Value: attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[{"key":"a.b","value":{"intValue":"1"}},{"key":"","value":{}}]}}`)},
		{Key: "map.empty", Value: attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[]}}`)},
		{Key: "slice", Value: attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[{"stringValue":"x"},{"doubleValue":1.5},{"boolValue":true},{"arrayValue":{"values":[]}}]}}`)},
		{Key: "slice.empty", Value: attribute.JSONValue(attribute.Slice, `{"arrayValue":{"values":[]}}`)},
		{Key: "string", Value: s("a\"b\\c\n\t\r\u2028\x01\x00'`")},
		{Key: "string.5", Value: s("5")},
		{Key: "string.empty", Value: s("")},
		{Key: "string.json", Value: s(`{"stringValue":"x"}`)},
		{Key: "string.long", Value: s(strings.Repeat("ab\x00ü", 1<<18))}, // 1.25 MiB
		{Key: "string.true", Value: s("true")},
		// Keys that look alike, nested or not.
		{Key: "a", Value: attribute.IntValue(1)},
		{Key: "a.b", Value: s("2")},
		{Key: "a.b.c", Value: attribute.BoolValue(true)},
		{Key: "a.b.c.d", Value: attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[{"key":"e","value":{"intValue":"1"}}]}}`)},
		// Keys that mean something to a parser of paths, names or patterns.
		{Key: "", Value: attribute.IntValue(7)}, {Key: " ", Value: s("space")}, {Key: ".", Value: s("dot")}, {Key: "..", Value: s("dots")},
		{Key: ".lead", Value: s("x")}, {Key: "trail.", Value: s("x")}, {Key: "two..dots", Value: s("x")},
		{Key: "^a", Value: s("x")}, {Key: "a[]", Value: s("x")}, {Key: "a[0].b", Value: s("x")}, {Key: "a.:Int64", Value: s("x")}, {Key: "a%2Eb", Value: s("x")},
		{Key: "`tick`", Value: s("x")}, {Key: `"quote"`, Value: s("x")}, {Key: "it's", Value: s("x")}, {Key: `back\slash`, Value: s("x")},
		{Key: "new\nline", Value: s("x")}, {Key: "nul\x00byte", Value: s("x")}, {Key: "слово.字.🙂", Value: s("x")}, {Key: "UPPER", Value: s("1")}, {Key: "upper", Value: s("2")},
		{Key: "SharedData", Value: s("x")}, {Key: "null", Value: s("x")}, {Key: "k" + strings.Repeat("e", 5000) + "y", Value: s("x")},
	}
	attribute.Sort(kvs)
	return kvs
}

// Buffer lends strings that point into its memory, as a decoder's do.
type Buffer struct{ parts [][]byte }

// String is s in the buffer.
func (b *Buffer) String(s string) string {
	if s == "" {
		return ""
	}
	part := []byte(s)
	b.parts = append(b.parts, part)
	return unsafe.String(&part[0], len(part))
}

// Attributes are kvs with keys and texts in the buffer.
func (b *Buffer) Attributes(kvs []attribute.KeyValue) []attribute.KeyValue {
	list := slices.Clone(kvs)
	for i := range list {
		list[i].Key, list[i].Value.Str = b.String(list[i].Key), b.String(list[i].Value.Str)
	}
	return list
}

// Overwrite is the next request.
func (b *Buffer) Overwrite() {
	for _, part := range b.parts {
		for i := range part {
			part[i] = '#'
		}
	}
}

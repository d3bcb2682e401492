package ingest

import (
	"slices"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// attributes appends m to dst, sorted by key, types kept. Of a key that is
// there twice the last value stays, as in a map. It returns the bytes of keys
// and values.
func (l *Limits) attributes(dst []attribute.KeyValue, m pcommon.Map, field string) ([]attribute.KeyValue, int, fault) {
	if n := m.Len(); n > l.Attributes {
		return dst, 0, fault{reason: TooManyAttributes, field: field, got: int64(n), limit: int64(l.Attributes)}
	}
	first, total := len(dst), 0
	for key, v := range m.All() {
		value := attributeValue(v)
		size := len(key) + len(value.Str)
		if size > l.AttributeBytes {
			return dst, 0, fault{reason: AttributeTooLarge, field: field, key: key, got: int64(size), limit: int64(l.AttributeBytes)}
		}
		total += size + 8
		dst = append(dst, attribute.KeyValue{Key: key, Value: value})
	}
	kvs := dst[first:]
	attribute.Sort(kvs)
	return dst[:first+lastOfEach(kvs)], total, fault{}
}

// lastOfEach keeps the last of equal neighbours and returns how many are left.
func lastOfEach(kvs []attribute.KeyValue) int {
	n := 0
	for i := range kvs {
		if i+1 < len(kvs) && kvs[i].Key == kvs[i+1].Key {
			continue
		}
		kvs[n] = kvs[i]
		n++
	}
	return n
}

// attributeValue keeps v's type; lists and maps become their OTLP JSON text.
func attributeValue(v pcommon.Value) attribute.Value {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return attribute.StringValue(v.Str())
	case pcommon.ValueTypeBool:
		return attribute.BoolValue(v.Bool())
	case pcommon.ValueTypeInt:
		return attribute.IntValue(v.Int())
	case pcommon.ValueTypeDouble:
		return attribute.DoubleValue(v.Double())
	case pcommon.ValueTypeBytes:
		raw := v.Bytes().AsRaw() // a copy of its own
		return attribute.BytesValue(unsafe.String(unsafe.SliceData(raw), len(raw)))
	case pcommon.ValueTypeSlice:
		return attribute.JSONValue(attribute.Slice, string(appendValue(nil, v)))
	case pcommon.ValueTypeMap:
		return attribute.JSONValue(attribute.Map, string(appendValue(nil, v)))
	default:
		return attribute.Value{}
	}
}

// appendValue appends v as an OTLP JSON AnyValue. Maps are sorted by key, so
// that equal values have equal text.
func appendValue(dst []byte, v pcommon.Value) []byte {
	switch v.Type() {
	case pcommon.ValueTypeSlice:
		dst = append(dst, `{"arrayValue":{"values":[`...)
		for i, e := range v.Slice().All() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, e)
		}
	case pcommon.ValueTypeMap:
		dst = append(dst, `{"kvlistValue":{"values":[`...)
		for i, e := range sorted(v.Map()) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = attribute.AppendQuoted(append(dst, `{"key":`...), e.key)
			dst = append(appendValue(append(dst, `,"value":`...), e.value), '}')
		}
	default:
		return attributeValue(v).AppendJSON(dst)
	}
	return append(dst, `]}}`...)
}

// entry is one key of a map value.
type entry struct {
	key   string
	value pcommon.Value
}

func sorted(m pcommon.Map) []entry {
	entries := make([]entry, 0, m.Len())
	for k, v := range m.All() {
		entries = append(entries, entry{k, v})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries
}

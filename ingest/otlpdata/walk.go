package otlpdata

import (
	"slices"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// intake is what the intakes of all signals can.
type intake interface {
	EnterResource(*resourcestore.Resource)
	EnterScope(*resourcestore.Scope)
}

// fits bounds the records of a request.
func fits(p *ingest.Pipeline, records int) error {
	if limit := p.Limits().Records; records > limit {
		return &ingest.TooLargeError{What: "request", Unit: "records", Limit: int64(limit), Got: int64(records)}
	}
	return nil
}

// appendAttributes appends m to dst as it is, types kept.
func appendAttributes(dst []attribute.KeyValue, m pcommon.Map) []attribute.KeyValue {
	for key, v := range m.All() {
		dst = append(dst, attribute.KeyValue{Key: key, Value: attributeValue(v)})
	}
	return dst
}

// walk is what the walks fill again for every record.
type walk struct {
	resource resourcestore.Resource
	scope    resourcestore.Scope
	attrs    []attribute.KeyValue // of the record at hand
	extra    []attribute.KeyValue // of what hangs below it: events, links, exemplars
}

func (w *walk) enterResource(in intake, r pcommon.Resource, schemaURL string) {
	w.resource = resourcestore.Resource{
		Attributes: appendAttributes(w.resource.Attributes[:0], r.Attributes()),
		Dropped:    r.DroppedAttributesCount(), SchemaURL: schemaURL,
	}
	in.EnterResource(&w.resource)
}

func (w *walk) enterScope(in intake, s pcommon.InstrumentationScope, schemaURL string) {
	w.scope = resourcestore.Scope{
		Name: s.Name(), Version: s.Version(), SchemaURL: schemaURL,
		Attributes: appendAttributes(w.scope.Attributes[:0], s.Attributes()), Dropped: s.DroppedAttributesCount(),
	}
	in.EnterScope(&w.scope)
}

// hang cuts the attributes of something below a record from one slice; when it
// moves as it grows, earlier cuts keep the old one.
func (w *walk) hang(m pcommon.Map) []attribute.KeyValue {
	first := len(w.extra)
	w.extra = appendAttributes(w.extra, m)
	return w.extra[first:len(w.extra):len(w.extra)]
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

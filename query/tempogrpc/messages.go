package tempogrpc

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Kinds of fields. A message's is its name.
const (
	text   = "string"
	flag   = "bool"
	small  = "uint32"
	large  = "uint64"
	signed = "int64"
	real   = "double"
	mapTo  = "map" // from text; behind it the kind of the values
)

type field struct {
	name   string
	number int32
	kind   string
	many   bool
}

type message struct {
	name   string
	fields []field
}

// schema is what is read and written of the messages, by the numbers they have on
// the wire. Names in answers are those of Tempo's JSON. Fields that Grafana does
// not send are unknown here and passed over.
var schema = []message{
	{"SearchRequest", []field{
		{"tags", 1, mapTo + text, true}, {"minDurationMs", 2, small, false}, {"maxDurationMs", 3, small, false}, {"limit", 4, small, false},
		{"start", 5, small, false}, {"end", 6, small, false}, {"query", 8, text, false}, {"spansPerSpanSet", 9, small, false},
	}},
	{"SearchTagsRequest", []field{
		{"scope", 1, text, false}, {"query", 2, text, false}, {"start", 3, small, false}, {"end", 4, small, false}, {"maxTagsPerScope", 5, small, false},
	}},
	{"SearchTagValuesRequest", []field{
		{"tagName", 1, text, false}, {"query", 2, text, false}, {"start", 4, small, false}, {"end", 5, small, false}, {"maxTagValues", 6, small, false},
	}},
	{"QueryRangeRequest", []field{
		{"query", 1, text, false}, {"start", 2, large, false}, {"end", 3, large, false}, {"step", 4, large, false}, {"exemplars", 16, small, false},
	}},
	{"QueryInstantRequest", []field{{"query", 1, text, false}, {"start", 2, large, false}, {"end", 3, large, false}}},

	{"SearchResponse", []field{{"traces", 1, "TraceSearchMetadata", true}, {"metrics", 2, "SearchMetrics", false}}},
	{"TraceSearchMetadata", []field{
		{"traceID", 1, text, false}, {"rootServiceName", 2, text, false}, {"rootTraceName", 3, text, false}, {"startTimeUnixNano", 4, large, false},
		{"durationMs", 5, small, false}, {"spanSet", 6, "SpanSet", false}, {"spanSets", 7, "SpanSet", true}, {"serviceStats", 8, mapTo + "ServiceStats", true},
	}},
	{"ServiceStats", []field{{"spanCount", 1, small, false}, {"errorCount", 2, small, false}}},
	{"SpanSet", []field{{"spans", 1, "Span", true}, {"matched", 2, small, false}, {"attributes", 3, "KeyValue", true}}},
	{"Span", []field{
		{"spanID", 1, text, false}, {"name", 2, text, false}, {"startTimeUnixNano", 3, large, false}, {"durationNanos", 4, large, false}, {"attributes", 5, "KeyValue", true},
	}},
	{"SearchMetrics", []field{
		{"inspectedTraces", 1, small, false}, {"inspectedBytes", 2, large, false}, {"completedJobs", 4, small, false}, {"totalJobs", 5, small, false}, {"inspectedSpans", 7, large, false},
	}},
	{"SearchTagsResponse", []field{{"tagNames", 1, text, true}, {"metrics", 2, "MetadataMetrics", false}}},
	{"SearchTagsV2Response", []field{{"scopes", 1, "SearchTagsV2Scope", true}, {"metrics", 2, "MetadataMetrics", false}}},
	{"SearchTagsV2Scope", []field{{"name", 1, text, false}, {"tags", 2, text, true}}},
	{"SearchTagValuesResponse", []field{{"tagValues", 1, text, true}, {"metrics", 2, "MetadataMetrics", false}}},
	{"SearchTagValuesV2Response", []field{{"tagValues", 1, "TagValue", true}, {"metrics", 2, "MetadataMetrics", false}}},
	{"MetadataMetrics", []field{{"totalJobs", 2, small, false}, {"completedJobs", 3, small, false}}},
	{"TagValue", []field{{"type", 1, text, false}, {"value", 2, text, false}}},
	{"QueryRangeResponse", []field{{"series", 1, "TimeSeries", true}, {"metrics", 2, "SearchMetrics", false}}},
	{"TimeSeries", []field{{"labels", 1, "KeyValue", true}, {"samples", 2, "Sample", true}, {"promLabels", 3, text, false}, {"exemplars", 4, "Exemplar", true}}},
	{"Sample", []field{{"value", 1, real, false}, {"timestampMs", 2, signed, false}}},
	{"Exemplar", []field{{"labels", 1, "KeyValue", true}, {"value", 2, real, false}, {"timestampMs", 3, signed, false}}},
	{"QueryInstantResponse", []field{{"series", 1, "InstantSeries", true}, {"metrics", 2, "SearchMetrics", false}}},
	{"InstantSeries", []field{{"labels", 1, "KeyValue", true}, {"value", 2, real, false}, {"promLabels", 3, text, false}}},

	// As in OTLP.
	{"KeyValue", []field{{"key", 1, text, false}, {"value", 2, "AnyValue", false}}},
	{"AnyValue", []field{{"stringValue", 1, text, false}, {"boolValue", 2, flag, false}, {"intValue", 3, signed, false}, {"doubleValue", 4, real, false}, {"arrayValue", 5, "ArrayValue", false}}},
	{"ArrayValue", []field{{"values", 1, "AnyValue", true}}},
}

// oneOf names the message whose fields exclude each other: zero is a value there.
const oneOf = "AnyValue"

var kinds = map[string]descriptorpb.FieldDescriptorProto_Type{
	text: descriptorpb.FieldDescriptorProto_TYPE_STRING, flag: descriptorpb.FieldDescriptorProto_TYPE_BOOL,
	small: descriptorpb.FieldDescriptorProto_TYPE_UINT32, large: descriptorpb.FieldDescriptorProto_TYPE_UINT64,
	signed: descriptorpb.FieldDescriptorProto_TYPE_INT64, real: descriptorpb.FieldDescriptorProto_TYPE_DOUBLE,
}

const pkg = "tempopb"

// describe makes protobuf's own description of the schema.
func describe() (protoreflect.MessageDescriptors, error) {
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("trefoil/tempo_streaming.proto"), Package: proto.String(pkg), Syntax: proto.String("proto3")}
	for _, m := range schema {
		d := &descriptorpb.DescriptorProto{Name: proto.String(m.name)}
		if m.name == oneOf {
			d.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: proto.String("value")}}
		}
		for _, f := range m.fields {
			d.Field = append(d.Field, f.describe(m.name, d))
		}
		file.MessageType = append(file.MessageType, d)
	}
	out, err := protodesc.NewFile(file, nil)
	if err != nil {
		return nil, fmt.Errorf("tempogrpc: messages: %w", err)
	}
	return out.Messages(), nil
}

func (f field) describe(in string, m *descriptorpb.DescriptorProto) *descriptorpb.FieldDescriptorProto {
	d := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(f.name), JsonName: proto.String(f.name), Number: proto.Int32(f.number),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if f.many {
		d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	if in == oneOf {
		d.OneofIndex = proto.Int32(0)
	}
	kind := f.kind
	if len(kind) > len(mapTo) && kind[:len(mapTo)] == mapTo {
		// A map is a list of entries, which are messages of the message.
		entry := string(f.name[0]-'a'+'A') + f.name[1:] + "Entry"
		nested := &descriptorpb.DescriptorProto{Name: proto.String(entry), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}}
		for _, part := range []field{{"key", 1, text, false}, {"value", 2, kind[len(mapTo):], false}} {
			nested.Field = append(nested.Field, part.describe("", nested))
		}
		m.NestedType = append(m.NestedType, nested)
		kind = in + "." + entry
	}
	if plain, ok := kinds[kind]; ok {
		d.Type = plain.Enum()
	} else {
		d.Type, d.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String("."+pkg+"."+kind)
	}
	return d
}

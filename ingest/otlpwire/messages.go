package otlpwire

// kind is how a field of the OTLP protobuf messages is put on the wire.
type kind uint8

const (
	unknown kind = iota
	varint
	fixed32
	fixed64
	text    // string, bytes
	id      // bytes of a fixed length, or none
	packed8 // repeated fixed64 or double: packed, or one by one
	packedV // repeated varint: packed, or one by one
	nested
)

type field struct {
	name   string
	kind   kind
	size   int      // id: its length
	msg    *message // nested: what is inside
	record bool     // counts as a record of the signal
}

// message describes one protobuf message: fields[n] is field number n.
type message struct {
	fields []field
	// deprecated says that scopes may be in field number 1000 instead of 2.
	deprecated bool
}

// numberDeprecated is where scopes were before they had that name.
const numberDeprecated = 1000

// field is the field of that number; its kind is unknown when there is none.
func (m *message) field(number int) field {
	if number < len(m.fields) {
		return m.fields[number]
	}
	if number == numberDeprecated && m.deprecated {
		return m.fields[2]
	}
	return field{}
}

// skips says whether a field that a reader of m does not look at may be there:
// one of a later version, not one of ours with another wire type.
func (m *message) skips(tag uint32) bool { return m.field(int(tag>>3)).kind == unknown }

// schema has the messages that readers look at.
type schema struct {
	value, array, kvlist, keyValue *message
	resource, entity, scope        *message
	logs, metrics, traces          signal

	logRecord                                                                    *message
	span, event, link, status                                                    *message
	metric, number, histogram, exponential, summary, buckets, quantile, exemplar *message
	data                                                                         *message // of points; all kinds have the same fields
}

// signal is request → resource → scope → records, the same for each signal.
type signal struct{ request, perResource, perScope *message }

// messages is opentelemetry-proto 1.x as far as reading needs it. A field that
// is not listed is skipped by its wire type, as protobuf wants.
var messages = newSchema()

func newSchema() *schema {
	s := &schema{value: &message{}, keyValue: &message{}}
	s.array = &message{fields: []field{1: {name: "values", kind: nested, msg: s.value}}}
	s.kvlist = &message{fields: []field{1: {name: "values", kind: nested, msg: s.keyValue}}}
	s.value.fields = []field{
		1: {name: "string_value", kind: text},
		2: {name: "bool_value", kind: varint},
		3: {name: "int_value", kind: varint},
		4: {name: "double_value", kind: fixed64},
		5: {name: "array_value", kind: nested, msg: s.array},
		6: {name: "kvlist_value", kind: nested, msg: s.kvlist},
		7: {name: "bytes_value", kind: text},
		8: {name: "string_value_strindex", kind: varint}, // of profiles; empty elsewhere
	}
	s.keyValue.fields = []field{
		1: {name: "key", kind: text},
		2: {name: "value", kind: nested, msg: s.value},
		3: {name: "key_strindex", kind: varint},
	}
	s.entity = &message{fields: []field{
		1: {name: "schema_url", kind: text}, 2: {name: "type", kind: text},
		3: {name: "id_keys", kind: text}, 4: {name: "description_keys", kind: text},
	}}
	s.resource = &message{fields: []field{1: s.attributes(), 2: dropped, 3: {name: "entity_refs", kind: nested, msg: s.entity}}}
	s.scope = &message{fields: []field{
		1: {name: "name", kind: text}, 2: {name: "version", kind: text}, 3: s.attributes(), 4: dropped,
	}}
	s.describeLogs()
	s.describeTraces()
	s.describeMetrics()
	return s
}

// Fields that several messages have.
var (
	dropped = field{name: "dropped_attributes_count", kind: varint}
	traceID = field{name: "trace_id", kind: id, size: 16}
	spanID  = field{name: "span_id", kind: id, size: 8}
)

func (s *schema) attributes() field { return field{name: "attributes", kind: nested, msg: s.keyValue} }

// envelope describes what is around records. It counts them unless they are
// metrics, which have their points below them.
func (s *schema) envelope(resources, scopes, records string, record *message) signal {
	perScope := &message{fields: []field{
		1: {name: "scope", kind: nested, msg: s.scope},
		2: {name: records, kind: nested, msg: record, record: record != s.metric},
		3: {name: "schema_url", kind: text},
	}}
	perResource := &message{deprecated: true, fields: []field{
		1: {name: "resource", kind: nested, msg: s.resource},
		2: {name: scopes, kind: nested, msg: perScope},
		3: {name: "schema_url", kind: text},
	}}
	request := &message{fields: []field{1: {name: resources, kind: nested, msg: perResource}}}
	return signal{request: request, perResource: perResource, perScope: perScope}
}

func (s *schema) describeLogs() {
	s.logRecord = &message{fields: []field{
		1:  {name: "time_unix_nano", kind: fixed64},
		2:  {name: "severity_number", kind: varint},
		3:  {name: "severity_text", kind: text},
		5:  {name: "body", kind: nested, msg: s.value},
		6:  s.attributes(),
		7:  dropped,
		8:  {name: "flags", kind: fixed32},
		9:  traceID,
		10: spanID,
		11: {name: "observed_time_unix_nano", kind: fixed64},
		12: {name: "event_name", kind: text},
	}}
	s.logs = s.envelope("resource_logs", "scope_logs", "log_records", s.logRecord)
}

func (s *schema) describeTraces() {
	s.event = &message{fields: []field{
		1: {name: "time_unix_nano", kind: fixed64}, 2: {name: "name", kind: text}, 3: s.attributes(), 4: dropped,
	}}
	s.link = &message{fields: []field{
		1: traceID, 2: spanID, 3: {name: "trace_state", kind: text}, 4: s.attributes(), 5: dropped,
		6: {name: "flags", kind: fixed32},
	}}
	s.status = &message{fields: []field{2: {name: "message", kind: text}, 3: {name: "code", kind: varint}}}
	s.span = &message{fields: []field{
		1:  traceID,
		2:  spanID,
		3:  {name: "trace_state", kind: text},
		4:  {name: "parent_span_id", kind: id, size: 8},
		5:  {name: "name", kind: text},
		6:  {name: "kind", kind: varint},
		7:  {name: "start_time_unix_nano", kind: fixed64},
		8:  {name: "end_time_unix_nano", kind: fixed64},
		9:  s.attributes(),
		10: dropped,
		11: {name: "events", kind: nested, msg: s.event},
		12: {name: "dropped_events_count", kind: varint},
		13: {name: "links", kind: nested, msg: s.link},
		14: {name: "dropped_links_count", kind: varint},
		15: {name: "status", kind: nested, msg: s.status},
		16: {name: "flags", kind: fixed32},
	}}
	s.traces = s.envelope("resource_spans", "scope_spans", "spans", s.span)
}

func (s *schema) describeMetrics() {
	start := field{name: "start_time_unix_nano", kind: fixed64}
	at := field{name: "time_unix_nano", kind: fixed64}
	count := field{name: "count", kind: fixed64}
	sum := field{name: "sum", kind: fixed64}
	low, high := field{name: "min", kind: fixed64}, field{name: "max", kind: fixed64}
	flags := field{name: "flags", kind: varint}
	asDouble, asInt := field{name: "as_double", kind: fixed64}, field{name: "as_int", kind: fixed64}
	s.exemplar = &message{fields: []field{
		2: at, 3: asDouble, 4: spanID, 5: traceID, 6: asInt, 7: {name: "filtered_attributes", kind: nested, msg: s.keyValue},
	}}
	exemplars := field{name: "exemplars", kind: nested, msg: s.exemplar}
	s.buckets = &message{fields: []field{1: {name: "offset", kind: varint}, 2: {name: "bucket_counts", kind: packedV}}}

	s.number = &message{fields: []field{2: start, 3: at, 4: asDouble, 5: exemplars, 6: asInt, 7: s.attributes(), 8: flags}}
	s.histogram = &message{fields: []field{
		2: start, 3: at, 4: count, 5: sum,
		6: {name: "bucket_counts", kind: packed8}, 7: {name: "explicit_bounds", kind: packed8},
		8: exemplars, 9: s.attributes(), 10: flags, 11: low, 12: high,
	}}
	s.exponential = &message{fields: []field{
		1: s.attributes(), 2: start, 3: at, 4: count, 5: sum,
		6: {name: "scale", kind: varint}, 7: {name: "zero_count", kind: fixed64},
		8: {name: "positive", kind: nested, msg: s.buckets}, 9: {name: "negative", kind: nested, msg: s.buckets},
		10: flags, 11: exemplars, 12: low, 13: high, 14: {name: "zero_threshold", kind: fixed64},
	}}
	s.quantile = &message{fields: []field{1: {name: "quantile", kind: fixed64}, 2: {name: "value", kind: fixed64}}}
	s.summary = &message{fields: []field{
		2: start, 3: at, 4: count, 5: sum,
		6: {name: "quantile_values", kind: nested, msg: s.quantile}, 7: s.attributes(), 8: flags,
	}}
	data := func(point *message) *message {
		s.data = &message{fields: []field{
			1: {name: "data_points", kind: nested, msg: point, record: true},
			2: {name: "aggregation_temporality", kind: varint},
			3: {name: "is_monotonic", kind: varint},
		}}
		return s.data
	}
	s.metric = &message{fields: []field{
		1:  {name: "name", kind: text},
		2:  {name: "description", kind: text},
		3:  {name: "unit", kind: text},
		5:  {name: "gauge", kind: nested, msg: data(s.number)},
		7:  {name: "sum", kind: nested, msg: data(s.number)},
		9:  {name: "histogram", kind: nested, msg: data(s.histogram)},
		10: {name: "exponential_histogram", kind: nested, msg: data(s.exponential)},
		11: {name: "summary", kind: nested, msg: data(s.summary)},
		12: {name: "metadata", kind: nested, msg: s.keyValue},
	}}
	s.metrics = s.envelope("resource_metrics", "scope_metrics", "metrics", s.metric)
}

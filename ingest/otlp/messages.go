package otlp

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
}

// requests holds the three request messages.
type requests struct {
	logs, metrics, traces *message
}

// messages is opentelemetry-proto 1.x as far as the wire check needs it. A
// field that is not listed is skipped by its wire type, as protobuf wants.
var messages = newMessages()

func newMessages() requests {
	value, keyValue := &message{}, &message{}
	array := &message{[]field{1: {name: "values", kind: nested, msg: value}}}
	kvlist := &message{[]field{1: {name: "values", kind: nested, msg: keyValue}}}
	value.fields = []field{
		1: {name: "string_value", kind: text},
		2: {name: "bool_value", kind: varint},
		3: {name: "int_value", kind: varint},
		4: {name: "double_value", kind: fixed64},
		5: {name: "array_value", kind: nested, msg: array},
		6: {name: "kvlist_value", kind: nested, msg: kvlist},
		7: {name: "bytes_value", kind: text},
	}
	keyValue.fields = []field{
		1: {name: "key", kind: text},
		2: {name: "value", kind: nested, msg: value},
	}
	attributes := field{name: "attributes", kind: nested, msg: keyValue}
	dropped := field{name: "dropped_attributes_count", kind: varint}
	traceID := field{name: "trace_id", kind: id, size: 16}
	spanID := field{name: "span_id", kind: id, size: 8}

	c := commons{
		attributes: attributes, dropped: dropped, traceID: traceID, spanID: spanID, value: value,
		resource: &message{[]field{
			1: attributes, 2: dropped,
			3: {name: "entity_refs", kind: nested, msg: &message{[]field{
				1: {name: "schema_url", kind: text}, 2: {name: "type", kind: text},
				3: {name: "id_keys", kind: text}, 4: {name: "description_keys", kind: text},
			}}},
		}},
		scope: &message{[]field{
			1: {name: "name", kind: text}, 2: {name: "version", kind: text}, 3: attributes, 4: dropped,
		}},
	}
	return requests{logs: c.logs(), metrics: c.metrics(), traces: c.traces()}
}

// commons are the messages and fields that the signals share.
type commons struct {
	attributes, dropped, traceID, spanID field
	value, resource, scope               *message
}

// envelope is request → resource → scope → records, the same for each signal.
func (c commons) envelope(resources, scopes, records string, record *message, counts bool) *message {
	perScope := &message{[]field{
		1: {name: "scope", kind: nested, msg: c.scope},
		2: {name: records, kind: nested, msg: record, record: counts},
		3: {name: "schema_url", kind: text},
	}}
	perResource := &message{[]field{
		1: {name: "resource", kind: nested, msg: c.resource},
		2: {name: scopes, kind: nested, msg: perScope},
		3: {name: "schema_url", kind: text},
	}}
	return &message{[]field{1: {name: resources, kind: nested, msg: perResource}}}
}

func (c commons) logs() *message {
	return c.envelope("resource_logs", "scope_logs", "log_records", &message{[]field{
		1:  {name: "time_unix_nano", kind: fixed64},
		2:  {name: "severity_number", kind: varint},
		3:  {name: "severity_text", kind: text},
		5:  {name: "body", kind: nested, msg: c.value},
		6:  c.attributes,
		7:  c.dropped,
		8:  {name: "flags", kind: fixed32},
		9:  c.traceID,
		10: c.spanID,
		11: {name: "observed_time_unix_nano", kind: fixed64},
		12: {name: "event_name", kind: text},
	}}, true)
}

func (c commons) traces() *message {
	event := &message{[]field{
		1: {name: "time_unix_nano", kind: fixed64}, 2: {name: "name", kind: text}, 3: c.attributes, 4: c.dropped,
	}}
	link := &message{[]field{
		1: c.traceID, 2: c.spanID, 3: {name: "trace_state", kind: text}, 4: c.attributes, 5: c.dropped,
		6: {name: "flags", kind: fixed32},
	}}
	status := &message{[]field{2: {name: "message", kind: text}, 3: {name: "code", kind: varint}}}
	return c.envelope("resource_spans", "scope_spans", "spans", &message{[]field{
		1:  c.traceID,
		2:  c.spanID,
		3:  {name: "trace_state", kind: text},
		4:  {name: "parent_span_id", kind: id, size: 8},
		5:  {name: "name", kind: text},
		6:  {name: "kind", kind: varint},
		7:  {name: "start_time_unix_nano", kind: fixed64},
		8:  {name: "end_time_unix_nano", kind: fixed64},
		9:  c.attributes,
		10: c.dropped,
		11: {name: "events", kind: nested, msg: event},
		12: {name: "dropped_events_count", kind: varint},
		13: {name: "links", kind: nested, msg: link},
		14: {name: "dropped_links_count", kind: varint},
		15: {name: "status", kind: nested, msg: status},
		16: {name: "flags", kind: fixed32},
	}}, true)
}

func (c commons) metrics() *message {
	start := field{name: "start_time_unix_nano", kind: fixed64}
	at := field{name: "time_unix_nano", kind: fixed64}
	count := field{name: "count", kind: fixed64}
	sum := field{name: "sum", kind: fixed64}
	low, high := field{name: "min", kind: fixed64}, field{name: "max", kind: fixed64}
	flags := field{name: "flags", kind: varint}
	asDouble, asInt := field{name: "as_double", kind: fixed64}, field{name: "as_int", kind: fixed64}
	exemplars := field{name: "exemplars", kind: nested, msg: &message{[]field{
		2: at, 3: asDouble, 4: c.spanID, 5: c.traceID, 6: asInt, 7: {name: "filtered_attributes", kind: nested, msg: c.attributes.msg},
	}}}
	buckets := &message{[]field{1: {name: "offset", kind: varint}, 2: {name: "bucket_counts", kind: packedV}}}

	number := &message{[]field{2: start, 3: at, 4: asDouble, 5: exemplars, 6: asInt, 7: c.attributes, 8: flags}}
	histogram := &message{[]field{
		2: start, 3: at, 4: count, 5: sum,
		6: {name: "bucket_counts", kind: packed8}, 7: {name: "explicit_bounds", kind: packed8},
		8: exemplars, 9: c.attributes, 10: flags, 11: low, 12: high,
	}}
	exponential := &message{[]field{
		1: c.attributes, 2: start, 3: at, 4: count, 5: sum,
		6: {name: "scale", kind: varint}, 7: {name: "zero_count", kind: fixed64},
		8: {name: "positive", kind: nested, msg: buckets}, 9: {name: "negative", kind: nested, msg: buckets},
		10: flags, 11: exemplars, 12: low, 13: high, 14: {name: "zero_threshold", kind: fixed64},
	}}
	quantile := &message{[]field{1: {name: "quantile", kind: fixed64}, 2: {name: "value", kind: fixed64}}}
	summary := &message{[]field{
		2: start, 3: at, 4: count, 5: sum,
		6: {name: "quantile_values", kind: nested, msg: quantile}, 7: c.attributes, 8: flags,
	}}
	data := func(point *message) *message {
		return &message{[]field{
			1: {name: "data_points", kind: nested, msg: point, record: true},
			2: {name: "aggregation_temporality", kind: varint},
			3: {name: "is_monotonic", kind: varint},
		}}
	}
	return c.envelope("resource_metrics", "scope_metrics", "metrics", &message{[]field{
		1:  {name: "name", kind: text},
		2:  {name: "description", kind: text},
		3:  {name: "unit", kind: text},
		5:  {name: "gauge", kind: nested, msg: data(number)},
		7:  {name: "sum", kind: nested, msg: data(number)},
		9:  {name: "histogram", kind: nested, msg: data(histogram)},
		10: {name: "exponential_histogram", kind: nested, msg: data(exponential)},
		11: {name: "summary", kind: nested, msg: data(summary)},
		12: {name: "metadata", kind: nested, msg: c.attributes.msg},
	}}, false)
}

package tracestore

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

type spanColumns struct {
	input                                proto.Input
	owner                                *block.Owner
	service, name                        block.Dict
	start                                proto.ColInt64
	duration                             proto.ColUInt64
	kind, statusCode                     proto.ColUInt8
	statusMessage, traceState            block.Strings
	traceID                              block.TraceIDs
	spanID, parent                       block.SpanIDs
	flags                                proto.ColUInt32
	attrs                                block.Attributes
	dropped, droppedEvents, droppedLinks proto.ColUInt32
	resource, scope                      proto.ColUInt64
	event                                *eventColumns
	link                                 *linkColumns
}

func newSpanColumns(o *block.Owner) *spanColumns {
	c := &spanColumns{owner: o, event: newEventColumns(), link: newLinkColumns()}
	c.input = o.Columns(proto.Input{
		{Name: "service_name", Data: &c.service},
		{Name: "name", Data: &c.name},
		{Name: "start_time", Data: block.Typed(&c.start, block.Nanoseconds)},
		{Name: "duration", Data: &c.duration},
		{Name: "kind", Data: &c.kind},
		{Name: "status_code", Data: &c.statusCode},
		{Name: "status_message", Data: &c.statusMessage},
		{Name: "trace_id", Data: &c.traceID},
		{Name: "span_id", Data: &c.spanID},
		{Name: "parent_span_id", Data: &c.parent},
		{Name: "trace_state", Data: &c.traceState},
		{Name: "flags", Data: &c.flags},
		{Name: "dropped_attributes_count", Data: &c.dropped},
		{Name: "dropped_events_count", Data: &c.droppedEvents},
		{Name: "dropped_links_count", Data: &c.droppedLinks},
		{Name: "resource_id", Data: &c.resource},
		{Name: "scope_id", Data: &c.scope},
	}...)
	c.input = append(c.input, c.attrs.IndexedColumns()...)
	c.input = append(c.input, c.event.arrays.Columns...)
	c.input = append(c.input, c.link.arrays.Columns...)
	return c
}

// eventColumns are the event_* arrays.
type eventColumns struct {
	time    proto.ColInt64
	name    block.Dict
	attrs   block.Strings
	dropped proto.ColUInt32
	arrays  *block.Nested
}

func newEventColumns() *eventColumns {
	c := &eventColumns{}
	c.arrays = block.NewNested(proto.Input{
		{Name: "event_time", Data: block.Typed(&c.time, block.Nanoseconds)},
		{Name: "event_name", Data: &c.name},
		{Name: "event_attributes", Data: &c.attrs},
		{Name: "event_dropped", Data: &c.dropped},
	}...)
	return c
}

// linkColumns are the link_* arrays.
type linkColumns struct {
	traceID           block.TraceIDs
	spanID            block.SpanIDs
	traceState, attrs block.Strings
	flags, dropped    proto.ColUInt32
	arrays            *block.Nested
}

func newLinkColumns() *linkColumns {
	c := &linkColumns{}
	c.arrays = block.NewNested(proto.Input{
		{Name: "link_trace_id", Data: &c.traceID},
		{Name: "link_span_id", Data: &c.spanID},
		{Name: "link_trace_state", Data: &c.traceState},
		{Name: "link_flags", Data: &c.flags},
		{Name: "link_attributes", Data: &c.attrs},
		{Name: "link_dropped", Data: &c.dropped},
	}...)
	return c
}

type indexColumns struct {
	input      proto.Input
	owner      *block.Owner
	day        proto.ColDate
	traceID    block.TraceIDs
	start, end proto.ColInt64
}

func newIndexColumns(o *block.Owner) *indexColumns {
	c := &indexColumns{owner: o}
	c.input = o.Columns(proto.Input{
		{Name: "day", Data: &c.day},
		{Name: "trace_id", Data: &c.traceID},
		{Name: "start_time", Data: block.Typed(&c.start, minTime)},
		{Name: "end_time", Data: block.Typed(&c.end, maxTime)},
	}...)
	return c
}

// Types of aggregate columns as the tables declare them.
const (
	minTime proto.ColumnType = "SimpleAggregateFunction(min, DateTime64(9, 'UTC'))"
	maxTime proto.ColumnType = "SimpleAggregateFunction(max, DateTime64(9, 'UTC'))"
)

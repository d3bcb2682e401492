package tracestore

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

type spanColumns struct {
	tenant, service, name                block.Dict
	retention                            proto.ColUInt16
	start                                proto.ColInt64
	duration                             proto.ColUInt64
	kind, statusCode                     proto.ColUInt8
	statusMessage                        proto.ColStr
	traceID, spanID, parent              proto.ColFixedStr
	traceState                           proto.ColStr
	flags                                proto.ColUInt32
	attrs                                block.Attributes
	dropped, droppedEvents, droppedLinks proto.ColUInt32
	resource, scope                      proto.ColUInt64
	event                                *eventColumns
	link                                 *linkColumns
}

func newSpanColumns() spanColumns {
	return spanColumns{
		traceID: proto.ColFixedStr{Size: 16}, spanID: proto.ColFixedStr{Size: 8}, parent: proto.ColFixedStr{Size: 8},
		event: newEventColumns(), link: newLinkColumns(),
	}
}

func (c *spanColumns) input() proto.Input {
	in := proto.Input{
		{Name: "tenant", Data: &c.tenant},
		{Name: "retention_days", Data: &c.retention},
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
	}
	in = append(in, c.attrs.Columns()...)
	in = append(in, c.event.input...)
	return append(in, c.link.input...)
}

// eventColumns are the event_* arrays, which share their row ends.
type eventColumns struct {
	time    proto.ColInt64
	name    block.Dict
	attrs   proto.ColStr
	dropped proto.ColUInt32
	arrays  []*block.Array
	input   proto.Input
}

func newEventColumns() *eventColumns {
	c := &eventColumns{}
	c.arrays, c.input = arrays(proto.Input{
		{Name: "event_time", Data: block.Typed(&c.time, block.Nanoseconds)},
		{Name: "event_name", Data: &c.name},
		{Name: "event_attributes", Data: &c.attrs},
		{Name: "event_dropped", Data: &c.dropped},
	})
	return c
}

func (c *eventColumns) endRow() { endRow(c.arrays) }

// linkColumns are the link_* arrays, which share their row ends.
type linkColumns struct {
	traceID, spanID   proto.ColFixedStr
	traceState, attrs proto.ColStr
	flags, dropped    proto.ColUInt32
	arrays            []*block.Array
	input             proto.Input
}

func newLinkColumns() *linkColumns {
	c := &linkColumns{traceID: proto.ColFixedStr{Size: 16}, spanID: proto.ColFixedStr{Size: 8}}
	c.arrays, c.input = arrays(proto.Input{
		{Name: "link_trace_id", Data: &c.traceID},
		{Name: "link_span_id", Data: &c.spanID},
		{Name: "link_trace_state", Data: &c.traceState},
		{Name: "link_flags", Data: &c.flags},
		{Name: "link_attributes", Data: &c.attrs},
		{Name: "link_dropped", Data: &c.dropped},
	})
	return c
}

func (c *linkColumns) endRow() { endRow(c.arrays) }

// arrays wraps each column of elements into an array column.
func arrays(elements proto.Input) ([]*block.Array, proto.Input) {
	var list []*block.Array
	for i := range elements {
		a := block.NewArray(elements[i].Data)
		elements[i].Data = a
		list = append(list, a)
	}
	return list, elements
}

func endRow(arrays []*block.Array) {
	for _, a := range arrays {
		a.EndRow()
	}
}

type indexColumns struct {
	tenant     block.Dict
	retention  proto.ColUInt16
	day        proto.ColDate
	traceID    proto.ColFixedStr
	start, end proto.ColInt64
}

func newIndexColumns() indexColumns { return indexColumns{traceID: proto.ColFixedStr{Size: 16}} }

// Types of aggregate columns as the tables declare them.
const (
	minTime proto.ColumnType = "SimpleAggregateFunction(min, DateTime64(9, 'UTC'))"
	maxTime proto.ColumnType = "SimpleAggregateFunction(max, DateTime64(9, 'UTC'))"
)

func (c *indexColumns) input() proto.Input {
	return proto.Input{
		{Name: "tenant", Data: &c.tenant},
		{Name: "retention_days", Data: &c.retention},
		{Name: "day", Data: &c.day},
		{Name: "trace_id", Data: &c.traceID},
		{Name: "start_time", Data: block.Typed(&c.start, minTime)},
		{Name: "end_time", Data: block.Typed(&c.end, maxTime)},
	}
}

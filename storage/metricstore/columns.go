package metricstore

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// Types of columns as the tables declare them.
const (
	enumType        proto.ColumnType = "Enum8('gauge' = 1, 'sum' = 2, 'histogram' = 3, 'exponential_histogram' = 4, 'summary' = 5, 'unknown' = 6)"
	enumTemporality proto.ColumnType = "Enum8('unspecified' = 0, 'delta' = 1, 'cumulative' = 2)"
)

type seriesColumns struct {
	*seriesData
	input proto.Input
}

type seriesData struct {
	owner            *block.Owner
	day              proto.ColDate
	name, promName   block.Strings
	fingerprint      proto.ColUInt64
	typ, temporality proto.ColInt8
	monotonic        proto.ColBool
	unit             block.Dict
	description      block.Strings
	labels           labelColumn
	attributes       block.Strings
	resource, scope  proto.ColUInt64
	observed         proto.ColInt64
	prometheus       proto.ColBool
}

func newSeriesColumns(o *block.Owner) seriesColumns {
	c := &seriesData{owner: o}
	return seriesColumns{c, o.Columns(proto.Input{
		{Name: "day", Data: &c.day},
		{Name: "metric_name", Data: &c.name},
		{Name: "prom_name", Data: &c.promName},
		{Name: "fingerprint", Data: &c.fingerprint},
		{Name: "type", Data: block.Typed(&c.typ, enumType)},
		{Name: "temporality", Data: block.Typed(&c.temporality, enumTemporality)},
		{Name: "monotonic", Data: &c.monotonic},
		{Name: "unit", Data: &c.unit},
		{Name: "description", Data: &c.description},
		{Name: "labels", Data: &c.labels},
		{Name: "attributes", Data: &c.attributes},
		{Name: "resource_id", Data: &c.resource},
		{Name: "scope_id", Data: &c.scope},
		{Name: "observed", Data: block.Typed(&c.observed, block.Milliseconds)},
		{Name: "prometheus", Data: &c.prometheus},
	}...)}
}

func (c *seriesData) append(b *Batch, s *Series, fp uint64, day proto.Date) {
	c.owner.AddRow()
	c.day = append(c.day, day)
	c.name.Append(s.Name)
	c.promName.Append(s.promName())
	c.fingerprint.Append(fp)
	c.typ.Append(int8(s.Type))
	c.temporality.Append(int8(s.Temporality))
	c.monotonic.Append(s.Monotonic)
	c.unit.Append(s.Unit)
	c.description.Append(s.Description)
	c.labels.append(s)
	b.text = attribute.AppendJSON(b.text[:0], s.Attributes)
	c.attributes.AppendBytes(b.text)
	c.resource.Append(s.ResourceID)
	c.scope.Append(s.ScopeID)
	c.observed.Append(s.observed())
	c.prometheus.Append(s.PromName != "")
}

type exemplarColumns struct {
	*exemplarData
	input proto.Input
}

type exemplarData struct {
	owner       *block.Owner
	time        proto.ColInt64
	traceID     block.TraceIDs
	spanID      block.SpanIDs
	fingerprint proto.ColUInt64
	metric      block.Dict
	value       proto.ColFloat64
	attributes  block.Strings
}

func newExemplarColumns(o *block.Owner) exemplarColumns {
	c := &exemplarData{owner: o}
	return exemplarColumns{c, o.Columns(
		proto.InputColumn{Name: "time", Data: block.Typed(&c.time, block.Nanoseconds)},
		proto.InputColumn{Name: "trace_id", Data: &c.traceID},
		proto.InputColumn{Name: "span_id", Data: &c.spanID},
		proto.InputColumn{Name: "fingerprint", Data: &c.fingerprint},
		proto.InputColumn{Name: "metric_name", Data: &c.metric},
		proto.InputColumn{Name: "value", Data: &c.value},
		proto.InputColumn{Name: "attributes", Data: &c.attributes},
	)}
}

func (c *exemplarData) append(b *Batch, fp uint64, metric string, e *Exemplar) {
	c.owner.AddRow()
	c.time.Append(e.Time)
	c.traceID.Append(&e.TraceID)
	c.spanID.Append(&e.SpanID)
	c.fingerprint.Append(fp)
	c.metric.Append(metric)
	c.value.Append(e.Value)
	b.text = attribute.AppendJSON(b.text[:0], e.Attributes)
	c.attributes.AppendBytes(b.text)
}

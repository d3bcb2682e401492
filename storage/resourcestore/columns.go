package resourcestore

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// common are the columns that resources and scopes share.
type common struct {
	tenant    block.Dict
	retention proto.ColUInt16
	day       proto.ColDate
	id        proto.ColUInt64
	attrs     block.Attributes
	dropped   proto.ColUInt32
	schemaURL block.Dict
}

func (c *common) append(b *Batch, day proto.Date, id uint64, dropped uint32, schemaURL string) {
	c.tenant.Append(b.tenant)
	c.retention.Append(b.retention)
	c.day = append(c.day, day)
	c.id.Append(id)
	c.dropped.Append(dropped)
	c.schemaURL.Append(schemaURL)
}

func (c *common) input(id string) proto.Input {
	return append(proto.Input{
		{Name: "tenant", Data: &c.tenant},
		{Name: "retention_days", Data: &c.retention},
		{Name: "day", Data: &c.day},
		{Name: id, Data: &c.id},
		{Name: "dropped_attributes_count", Data: &c.dropped},
		{Name: "schema_url", Data: &c.schemaURL},
	}, c.attrs.Columns()...)
}

type resourceColumns struct {
	common
	service, namespace block.Dict
	instance           block.Strings
}

func (c *resourceColumns) append(b *Batch, day proto.Date, id uint64, service string, r *Resource) {
	c.common.append(b, day, id, r.Dropped, r.SchemaURL)
	c.attrs.Append(r.Attributes)
	c.service.Append(service)
	c.namespace.Append(text(r.Attributes, "service.namespace"))
	c.instance.Append(text(r.Attributes, "service.instance.id"))
}

func (c *resourceColumns) input() proto.Input {
	return append(c.common.input("resource_id"),
		proto.InputColumn{Name: "service_name", Data: &c.service},
		proto.InputColumn{Name: "service_namespace", Data: &c.namespace},
		proto.InputColumn{Name: "service_instance_id", Data: &c.instance})
}

type scopeColumns struct {
	common
	name, version block.Dict
}

func (c *scopeColumns) append(b *Batch, day proto.Date, id uint64, s *Scope) {
	c.common.append(b, day, id, s.Dropped, s.SchemaURL)
	c.attrs.Append(s.Attributes)
	c.name.Append(s.Name)
	c.version.Append(s.Version)
}

func (c *scopeColumns) input() proto.Input {
	return append(c.common.input("scope_id"),
		proto.InputColumn{Name: "name", Data: &c.name},
		proto.InputColumn{Name: "version", Data: &c.version})
}

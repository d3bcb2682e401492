package block

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

// Owner is the two columns every table starts with, tenant and retention_days,
// which are the same in all rows of a batch and cost nothing a row.
type Owner struct {
	tenant string
	days   uint16
	rows   int
}

// NewOwner makes the columns of a batch.
func NewOwner(tenant string, retentionDays uint16) *Owner {
	return &Owner{tenant: tenant, days: retentionDays}
}

// AddRow adds a row.
func (o *Owner) AddRow() { o.rows++ }

// Columns are the two columns and more, for a block's column list.
func (o *Owner) Columns(more ...proto.InputColumn) proto.Input {
	return append(proto.Input{
		{Name: "tenant", Data: (*tenantColumn)(o)}, {Name: "retention_days", Data: (*retentionColumn)(o)},
	}, more...)
}

type tenantColumn Owner

func (*tenantColumn) Type() proto.ColumnType        { return "LowCardinality(String)" }
func (c *tenantColumn) Rows() int                   { return c.rows }
func (c *tenantColumn) Reset()                      { c.rows = 0 }
func (*tenantColumn) EncodeState(b *proto.Buffer)   { b.PutInt64(dictVersion) }
func (c *tenantColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

// EncodeColumn writes a dictionary of one value; every row has its number, 0.
func (c *tenantColumn) EncodeColumn(b *proto.Buffer) {
	if c.rows == 0 {
		return
	}
	b.PutInt64(dictFlags)
	b.PutInt64(1)
	b.PutString(c.tenant)
	b.PutInt64(int64(c.rows))
	b.Buf = append(b.Buf, make([]byte, c.rows)...)
}

type retentionColumn Owner

func (*retentionColumn) Type() proto.ColumnType        { return proto.ColumnTypeUInt16 }
func (c *retentionColumn) Rows() int                   { return c.rows }
func (c *retentionColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

func (c *retentionColumn) EncodeColumn(b *proto.Buffer) {
	for range c.rows {
		b.Buf = binary.LittleEndian.AppendUint16(b.Buf, c.days)
	}
}

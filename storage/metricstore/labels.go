package metricstore

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// labelColumn builds labels, a Map(LowCardinality(String), String): the point
// attributes under the names they were sent with, values as text.
type labelColumn struct {
	keys   block.Dict
	values block.Strings
	ends   proto.ColUInt64
}

func (c *labelColumn) append(s *Series) {
	for i := range s.Attributes {
		c.keys.Append(s.Attributes[i].Key)
		c.values.Append(s.Attributes[i].Value.Text())
	}
	if s.Quantile != "" {
		c.keys.Append("quantile")
		c.values.Append(s.Quantile)
	}
	c.ends = append(c.ends, uint64(c.keys.Rows()))
}

func (*labelColumn) Type() proto.ColumnType        { return "Map(LowCardinality(String), String)" }
func (c *labelColumn) Rows() int                   { return len(c.ends) }
func (c *labelColumn) EncodeState(b *proto.Buffer) { c.keys.EncodeState(b) }
func (c *labelColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

func (c *labelColumn) EncodeColumn(b *proto.Buffer) {
	c.ends.EncodeColumn(b)
	c.keys.EncodeColumn(b)
	c.values.EncodeColumn(b)
}

func (c *labelColumn) Reset() {
	c.keys.Reset()
	c.values.Reset()
	c.ends = c.ends[:0]
}

package block

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
)

// Typed gives a column builder the exact ClickHouse type of the table's
// column, so that the server need not convert it: nanoseconds kept as integers
// for a DateTime64, arrays for an aggregate of arrays.
func Typed(c proto.ColInput, t proto.ColumnType) proto.ColInput { return typed{c, t} }

// Day is the day of a Unix time in seconds. What a Date cannot hold (before
// 1970, after 2149) becomes its first or last day instead of wrapping around.
func Day(seconds int64) proto.Date {
	return proto.Date(min(max(seconds/86_400, 0), math.MaxUint16))
}

// Types of the columns that several tables share.
const (
	Nanoseconds  proto.ColumnType = "DateTime64(9, 'UTC')"
	Milliseconds proto.ColumnType = "DateTime64(3, 'UTC')"
)

type typed struct {
	proto.ColInput
	t proto.ColumnType
}

func (c typed) Type() proto.ColumnType { return c.t }

func (c typed) Reset() {
	if r, ok := c.ColInput.(proto.Resettable); ok {
		r.Reset()
	}
}

func (c typed) Prepare() error {
	if p, ok := c.ColInput.(proto.Preparable); ok {
		return p.Prepare()
	}
	return nil
}

func (c typed) EncodeState(b *proto.Buffer) {
	if s, ok := c.ColInput.(proto.StateEncoder); ok {
		s.EncodeState(b)
	}
}

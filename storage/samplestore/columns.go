package samplestore

import (
	"cmp"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// point is one number as it came in.
type point struct {
	fingerprint uint64
	ts, start   int64 // Unix milliseconds
	value       float64
}

// hourOf is the start of the hour of a time in Unix milliseconds, in Unix
// seconds. What the column cannot hold (before 1970, after 2106) goes to its
// first or last hour: the sample keeps its own time either way.
func hourOf(ms int64) uint32 {
	const hour = 3600
	s := min(max(ms/1000, 0), math.MaxUint32)
	return uint32(s - s%hour)
}

// place says where a point belongs: the order of the table's key, and among
// points of one row the order they came in.
type place struct {
	fingerprint uint64
	hour        uint32
	index       uint32 // of the point
}

func (a place) compare(b place) int {
	if c := cmp.Compare(a.fingerprint, b.fingerprint); c != 0 {
		return c
	}
	if c := cmp.Compare(a.hour, b.hour); c != 0 {
		return c
	}
	return cmp.Compare(a.index, b.index)
}

// Columns are rows of the table of samples: one for each series and hour, with the
// points as arrays.
type Columns struct {
	Input proto.Input // as Fill left it

	points      []point
	owner       *block.Owner
	order       []place
	fingerprint proto.ColUInt64
	hour        proto.ColUInt32
	ts, start   proto.ColInt64
	value       proto.ColFloat64
	arrays      *block.Nested
}

const (
	chunkInts   proto.ColumnType = "SimpleAggregateFunction(groupArrayArray, Array(Int64))"
	chunkFloats proto.ColumnType = "SimpleAggregateFunction(groupArrayArray, Array(Float64))"
)

// NewColumns makes empty columns for an owner's rows.
func NewColumns(o *block.Owner) *Columns {
	c := &Columns{owner: o}
	c.arrays = block.NewNested(
		proto.InputColumn{Name: "ts", Data: &c.ts},
		proto.InputColumn{Name: "start_ts", Data: &c.start},
		proto.InputColumn{Name: "value", Data: &c.value},
	)
	ts, start, value := c.arrays.Columns[0], c.arrays.Columns[1], c.arrays.Columns[2]
	c.Input = o.Columns(
		proto.InputColumn{Name: "fingerprint", Data: &c.fingerprint},
		proto.InputColumn{Name: "hour", Data: block.Typed(&c.hour, "DateTime('UTC')")},
		proto.InputColumn{Name: ts.Name, Data: block.Typed(ts.Data, chunkInts)},
		proto.InputColumn{Name: start.Name, Data: block.Typed(start.Data, chunkInts)},
		proto.InputColumn{Name: value.Name, Data: block.Typed(value.Data, chunkFloats)},
	)
	return c
}

// Append adds a point. Times are Unix milliseconds; start is 0 when unknown.
func (c *Columns) Append(fp uint64, ts, start int64, value float64) {
	c.points = append(c.points, point{fp, ts, start, value})
}

// Points is how many were appended.
func (c *Columns) Points() int { return len(c.points) }

// Rows is how many rows Fill has made.
func (c *Columns) Rows() int { return len(c.fingerprint) }

// Reset empties the columns and keeps their buffers.
func (c *Columns) Reset() {
	c.points = c.points[:0]
	c.Input.Reset()
}

// Fill makes the rows anew from the points.
func (c *Columns) Fill() {
	c.Input.Reset()
	c.order = c.order[:0]
	for i := range c.points {
		c.order = append(c.order, place{c.points[i].fingerprint, hourOf(c.points[i].ts), uint32(i)})
	}
	slices.SortFunc(c.order, place.compare)
	for i, at := range c.order {
		p := &c.points[at.index]
		c.ts.Append(p.ts)
		c.start.Append(p.start)
		c.value.Append(p.value)
		if i+1 < len(c.order) && c.order[i+1].fingerprint == at.fingerprint && c.order[i+1].hour == at.hour {
			continue
		}
		c.owner.AddRow()
		c.fingerprint.Append(at.fingerprint)
		c.hour.Append(at.hour)
		c.arrays.EndRow()
	}
}

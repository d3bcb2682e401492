package bulkframe

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"google.golang.org/grpc/mem"
)

// Frame is a frame with its rows beside it: of times, ascending, and numbers.
type Frame struct {
	// Schema has a field of times and behind it one for each of Values, all
	// without rows.
	Schema *data.Frame
	Times  []time.Time
	Values [][]float64 // each as long as Times
	// Sent, unless nil, is called when Values have been sent, if ever they are:
	// from then on their memory can serve again.
	Sent func()
}

// file is an Arrow file in parts.
type file struct {
	parts []part
	sent  func()
}

type part struct {
	bytes  []byte
	values bool // the memory of Values
}

// file is the Arrow file Grafana reads, in parts: those that hold Values are
// their memory, the rest is new.
func (f Frame) file() (*file, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	schema, err := textsOf(f.Schema)
	if err != nil {
		return nil, fmt.Errorf("bulkframe: schema: %w", err)
	}
	rows := len(f.Times)
	head := schema.begin(rows)
	out := &file{parts: make([]part, 0, len(f.Values)+2), sent: f.Sent}
	stamps := make([]arrow.Timestamp, rows)
	for i, t := range f.Times {
		stamps[i] = arrow.Timestamp(t.UnixNano())
	}
	out.add(part{append(head, arrow.TimestampTraits.CastToBytes(stamps)...), false})
	for _, values := range f.Values {
		b := arrow.Float64Traits.CastToBytes(values)
		out.add(part{b, len(b) >= leastShared})
	}
	out.add(part{schema.end(), false})
	return out, nil
}

func (f Frame) check() error {
	if n := len(f.Schema.Fields); n != len(f.Values)+1 {
		return fmt.Errorf("bulkframe: %d columns of numbers for %d fields", len(f.Values), n)
	}
	for i, field := range f.Schema.Fields {
		if kind := field.Type(); kind != data.FieldTypeFloat64 && (i > 0 || kind != data.FieldTypeTime) {
			return fmt.Errorf("bulkframe: field %d is of %s", i, kind)
		}
	}
	for i, values := range f.Values {
		if len(values) != len(f.Times) {
			return fmt.Errorf("bulkframe: column %d has %d values for %d times", i, len(values), len(f.Times))
		}
	}
	return nil
}

// leastShared is the length from which a part of its own is cheaper than a copy,
// and more than what gRPC takes for too little to be put back.
const leastShared = 2048

// add puts p behind the parts: copied to the last where neither is memory of values.
func (f *file) add(p part) {
	if n := len(f.parts); n > 0 && !p.values && !f.parts[n-1].values {
		f.parts[n-1].bytes = append(f.parts[n-1].bytes, p.bytes...)
		return
	}
	f.parts = append(f.parts, p)
}

// buffers are the parts as gRPC takes them. Those with values count themselves
// off as gRPC lets them go.
func (f *file) buffers() mem.BufferSlice {
	left := &countdown{sent: f.sent}
	for i := range f.parts {
		if f.parts[i].values {
			left.n.Add(1)
		}
	}
	out := make(mem.BufferSlice, len(f.parts))
	for i := range f.parts {
		p := &f.parts[i]
		if p.values && f.sent != nil {
			out[i] = mem.NewBuffer(&p.bytes, left)
		} else {
			out[i] = mem.SliceBuffer(p.bytes)
		}
	}
	return out
}

// countdown calls sent when the last of n buffers is put back.
type countdown struct {
	n    atomic.Int64
	sent func()
}

func (c *countdown) Put(*[]byte) {
	if c.n.Add(-1) == 0 {
		c.sent()
	}
}

// Get is there for the interface; buffers come from elsewhere.
func (c *countdown) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

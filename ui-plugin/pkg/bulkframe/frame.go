package bulkframe

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
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
// their memory, the rest is new. The SDK writes the schema, so that its way of
// saying labels, names and configuration is kept.
func (f Frame) file() (*file, error) {
	empty, err := data.FrameToArrowTable(f.Schema)
	if err != nil {
		return nil, fmt.Errorf("bulkframe: schema: %w", err)
	}
	defer empty.Release()
	schema := empty.Schema()
	if n := schema.NumFields(); n != len(f.Values)+1 {
		return nil, fmt.Errorf("bulkframe: %d columns of numbers for %d fields", len(f.Values), n)
	}
	columns := make([]arrow.Array, 0, len(f.Values)+1)
	stamps := make([]arrow.Timestamp, len(f.Times))
	for i, t := range f.Times {
		stamps[i] = arrow.Timestamp(t.UnixNano())
	}
	columns = append(columns, columnOf(schema.Field(0).Type, arrow.TimestampTraits.CastToBytes(stamps), len(stamps)))
	w := &partsWriter{shared: make(map[*byte]bool, len(f.Values))}
	for i, values := range f.Values {
		if len(values) != len(f.Times) {
			return nil, fmt.Errorf("bulkframe: column %d has %d values for %d times", i, len(values), len(f.Times))
		}
		b := arrow.Float64Traits.CastToBytes(values)
		w.shared[unsafe.SliceData(b)] = true
		columns = append(columns, columnOf(schema.Field(i+1).Type, b, len(values)))
	}
	rec := array.NewRecordBatch(schema, columns, int64(len(f.Times)))
	defer rec.Release()
	out, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return nil, fmt.Errorf("bulkframe: write: %w", err)
	}
	if err := out.Write(rec); err != nil {
		return nil, fmt.Errorf("bulkframe: write: %w", err)
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("bulkframe: write: %w", err)
	}
	return &file{w.parts, f.Sent}, nil
}

// columnOf is a column of n values without nulls, over their bytes.
func columnOf(kind arrow.DataType, values []byte, n int) arrow.Array {
	d := array.NewData(kind, n, []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

// leastShared is the length from which a part of its own is cheaper than a copy,
// and more than what gRPC takes for too little to be put back.
const leastShared = 2048

// partsWriter keeps what is written: what begins as one of shared is that memory,
// the rest is copied, since its writer may use it again.
type partsWriter struct {
	shared map[*byte]bool
	parts  []part
}

func (w *partsWriter) Write(p []byte) (int, error) {
	last := len(w.parts) - 1
	switch {
	case len(p) >= leastShared && w.shared[unsafe.SliceData(p)]:
		w.parts = append(w.parts, part{p, true})
	case last >= 0 && !w.parts[last].values:
		w.parts[last].bytes = append(w.parts[last].bytes, p...)
	default:
		w.parts = append(w.parts, part{append([]byte(nil), p...), false})
	}
	return len(p), nil
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

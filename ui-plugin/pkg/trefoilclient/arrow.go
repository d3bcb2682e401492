package trefoilclient

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// readArrow calls each with every record batch of stream. Live memory is bounded
// by budget whatever lengths the stream claims. Records are valid only inside
// each; the returned metadata is the schema's.
func readArrow(stream []byte, budget int64, each func(arrow.Record) error) (meta arrow.Metadata, err error) {
	// Lengths and offsets come from the network and the Arrow library answers
	// wrong ones with a panic.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("arrow stream: %v", p)
		}
	}()
	if err := verifyStream(stream); err != nil {
		return meta, err
	}
	r, err := ipc.NewReader(bytes.NewReader(stream), ipc.WithAllocator(&boundedAllocator{budget: budget}))
	if err != nil {
		return meta, err
	}
	defer r.Release()
	for r.Next() {
		if err := each(r.Record()); err != nil {
			return meta, err
		}
	}
	if err := r.Err(); err != nil {
		return meta, err
	}
	return r.Schema().Metadata(), nil
}

func metadataValue(m arrow.Metadata, key string) string {
	v, _ := m.GetValue(key)
	return v
}

// column finds the column of a record by name and Go type.
func column[T arrow.Array](rec arrow.Record, name string) (T, error) {
	var zero T
	at := rec.Schema().FieldIndices(name)
	if len(at) != 1 {
		return zero, fmt.Errorf("arrow stream: %d columns named %q", len(at), name)
	}
	col, ok := rec.Column(at[0]).(T)
	if !ok {
		return zero, fmt.Errorf("arrow stream: column %q is a %s", name, rec.Column(at[0]).DataType())
	}
	return col, nil
}

// textColumn reads a column of text; null is "".
func textColumn(rec arrow.Record, name string) (func(row int) string, error) {
	col, err := column[arrow.Array](rec, name)
	if err != nil {
		return nil, err
	}
	text, ok := col.(array.StringLike)
	if !ok {
		return nil, fmt.Errorf("arrow stream: column %q is a %s", name, col.DataType())
	}
	return func(row int) string {
		if text.IsNull(row) {
			return ""
		}
		return text.Value(row)
	}, nil
}

// spans walks the lists of a column in order. Lists that overlap would let a few
// bytes stand for any number of values.
type spans struct {
	lists interface {
		ValueOffsets(row int) (int64, int64)
	}
	values int
	last   int64
}

func (s *spans) next(row int) (from, to int, err error) {
	a, b := s.lists.ValueOffsets(row)
	if a < s.last || b < a || b > int64(s.values) {
		return 0, 0, fmt.Errorf("arrow stream: the list of row %d is out of place", row)
	}
	s.last = b
	return int(a), int(b), nil
}

// boundedAllocator panics when live memory passes its budget; readArrow turns
// that into an error. Arrow's allocator has no other way to refuse.
type boundedAllocator struct {
	goAlloc memory.GoAllocator
	live    atomic.Int64
	budget  int64
}

func (a *boundedAllocator) take(n int) {
	if n < 0 || a.live.Add(int64(n)) > a.budget {
		panic(fmt.Sprintf("its buffers need more than %d MiB", a.budget>>20))
	}
}

func (a *boundedAllocator) Allocate(size int) []byte {
	a.take(size)
	return a.goAlloc.Allocate(size)
}

func (a *boundedAllocator) Reallocate(size int, b []byte) []byte {
	if grow := size - len(b); grow > 0 {
		a.take(grow)
	} else {
		a.live.Add(int64(grow))
	}
	return a.goAlloc.Reallocate(size, b)
}

func (a *boundedAllocator) Free(b []byte) {
	a.live.Add(-int64(len(b)))
	a.goAlloc.Free(b)
}

package trefoilclient

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// endOfStream closes every complete Arrow stream. Without it the sender stopped
// half way, at a message boundary, and the rest of the rows is missing.
var endOfStream = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

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
	if !bytes.HasSuffix(stream, endOfStream) {
		return meta, errors.New("arrow stream: cut short")
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

// textColumn reads a column of plain or dictionary-encoded text; null is "".
func textColumn(rec arrow.Record, name string) (func(row int) string, error) {
	col, err := column[arrow.Array](rec, name)
	if err != nil {
		return nil, err
	}
	if dict, ok := col.(*array.Dictionary); ok {
		words, ok := dict.Dictionary().(array.StringLike)
		if !ok {
			return nil, fmt.Errorf("arrow stream: column %q is a %s", name, col.DataType())
		}
		return func(row int) string {
			if dict.IsNull(row) {
				return ""
			}
			return words.Value(dict.GetValueIndex(row))
		}, nil
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

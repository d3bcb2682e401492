package trefoilclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowStream reads an Arrow stream message by message, as the network brings it,
// and checks each before the Arrow library sees it (see arrowverify.go). Of a
// message's body there is one copy: what is read of it stays in that memory.
type arrowStream struct {
	from io.Reader
	most int64 // bytes that may be read
	// bodies, unless nil, is where the memory of messages' bodies comes from; taken
	// is what came. What is made of a batch must not outlive them then.
	bodies *buffers
	taken  [][]byte

	read    int64
	columns int   // of the schema, 0 before it
	failed  error // why there is no next message, without what the library adds
}

var (
	errCutShort = errors.New("arrow stream: cut short")
	errTooLarge = errors.New("arrow stream: more bytes than allowed")
)

// brokenOff is a failure to read, unlike a stream that is wrong.
type brokenOff struct{ err error }

func (e *brokenOff) Error() string { return "arrow stream: " + e.err.Error() }

// batches calls each with every record batch and returns the schema's metadata.
// What each keeps of a batch stays valid, and keeps the batch in memory.
func (s *arrowStream) batches(each func(arrow.RecordBatch) error) (meta arrow.Metadata, err error) {
	// Lengths and offsets come from the network, and the Arrow library answers
	// wrong ones with a panic.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("arrow stream: %v", p)
		}
	}()
	r, err := ipc.NewReaderFromMessageReader(s)
	if err != nil {
		return meta, s.orOwn(err)
	}
	defer r.Release()
	for r.Next() {
		if err := each(r.RecordBatch()); err != nil {
			return meta, err
		}
	}
	if err := r.Err(); err != nil {
		return meta, s.orOwn(err)
	}
	return r.Schema().Metadata(), nil
}

func (s *arrowStream) orOwn(err error) error {
	if s.failed != nil {
		return s.failed
	}
	return err
}

// Message is the next message, io.EOF behind the last: ipc.MessageReader.
func (s *arrowStream) Message() (*ipc.Message, error) {
	m, err := s.message()
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return m, err
}

// Retain does nothing; the memory is the garbage collector's.
func (s *arrowStream) Retain() {}

// Release does nothing.
func (s *arrowStream) Release() {}

func (s *arrowStream) message() (*ipc.Message, error) {
	head, err := s.bytes(8, nil)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(head) != 0xffffffff {
		return nil, errors.New("arrow stream: a message does not begin as one")
	}
	size := int64(int32(binary.LittleEndian.Uint32(head[4:])))
	if size == 0 {
		return nil, s.end()
	}
	if size < 8 {
		return nil, errCutShort
	}
	meta, err := s.bytes(size, nil)
	if err != nil {
		return nil, err
	}
	length, err := s.verify(meta)
	if err != nil {
		return nil, err
	}
	body, err := s.bytes(length, s.bodies)
	if err != nil {
		return nil, err
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// bytes reads the next n, into memory from the pool if there is one.
func (s *arrowStream) bytes(n int64, from *buffers) ([]byte, error) {
	if n > s.most-s.read {
		return nil, errTooLarge
	}
	var b []byte
	if from != nil {
		b = from.get(int(n))
		s.taken = append(s.taken, b)
	} else {
		b = make([]byte, n)
	}
	for got := 0; got < len(b); {
		k, err := s.from.Read(b[got:])
		got += k
		switch {
		case got == len(b):
		case err == io.EOF:
			return nil, errCutShort
		case err != nil:
			return nil, &brokenOff{err}
		}
	}
	s.read += n
	return b, nil
}

// end is io.EOF if the stream's end is that of the answer, too.
func (s *arrowStream) end() error {
	switch n, err := io.ReadFull(s.from, make([]byte, 1)); {
	case n > 0:
		return errors.New("arrow stream: bytes follow its end")
	case err != io.EOF:
		return &brokenOff{err}
	}
	return io.EOF
}

func metadataValue(m arrow.Metadata, key string) string {
	v, _ := m.GetValue(key)
	return v
}

// column finds the column of a record by name and Go type.
func column[T arrow.Array](rec arrow.RecordBatch, name string) (T, error) {
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
func textColumn(rec arrow.RecordBatch, name string) (func(row int) string, error) {
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

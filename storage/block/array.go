package block

import "github.com/ClickHouse/ch-go/proto"

// Array is an Array(T) column over a column of elements: the caller appends
// elements to Data and then ends the row. It exists because ch-go's array
// takes whole slices, which would have to be built per row.
type Array struct {
	Data proto.ColInput
	ends []uint64
}

// NewArray is an Array over data.
func NewArray(data proto.ColInput) *Array { return &Array{Data: data} }

// EndRow closes a row: every element appended to Data since the last EndRow.
func (a *Array) EndRow() { a.ends = append(a.ends, uint64(a.Data.Rows())) }

// Type is Array of the element type.
func (a *Array) Type() proto.ColumnType { return proto.ColumnTypeArray.Sub(a.Data.Type()) }

// Rows is the number of ended rows.
func (a *Array) Rows() int { return len(a.ends) }

// Reset forgets rows and elements.
func (a *Array) Reset() {
	a.ends = a.ends[:0]
	if r, ok := a.Data.(proto.Resettable); ok {
		r.Reset()
	}
}

// Prepare prepares the elements.
func (a *Array) Prepare() error {
	if p, ok := a.Data.(proto.Preparable); ok {
		return p.Prepare()
	}
	return nil
}

// EncodeState writes the state of the elements.
func (a *Array) EncodeState(b *proto.Buffer) {
	if s, ok := a.Data.(proto.StateEncoder); ok {
		s.EncodeState(b)
	}
}

// EncodeColumn writes the ends of the rows, then the elements.
func (a *Array) EncodeColumn(b *proto.Buffer) {
	for _, end := range a.ends {
		b.PutUInt64(end)
	}
	if a.Data.Rows() > 0 {
		a.Data.EncodeColumn(b)
	}
}

// WriteColumn writes the column for a streaming writer.
func (a *Array) WriteColumn(w *proto.Writer) { w.ChainBuffer(a.EncodeColumn) }

package block

import "github.com/ClickHouse/ch-go/proto"

// Array is an Array(T) column over a column of elements: the caller appends
// elements to Data and then ends the row. It exists because ch-go's array
// takes whole slices, which would have to be built per row.
type Array struct {
	Data proto.ColInput
	typ  proto.ColumnType
	ends *proto.ColUInt64
}

// NewArray is an Array over data.
func NewArray(data proto.ColInput) *Array { return newArray(data, &proto.ColUInt64{}) }

func newArray(data proto.ColInput, ends *proto.ColUInt64) *Array {
	return &Array{Data: data, typ: proto.ColumnTypeArray.Sub(data.Type()), ends: ends}
}

// EndRow closes a row: every element appended to Data since the last EndRow.
func (a *Array) EndRow() { a.ends.Append(uint64(a.Data.Rows())) }

// Type is Array of the element type.
func (a *Array) Type() proto.ColumnType { return a.typ }

// Rows is the number of ended rows.
func (a *Array) Rows() int { return len(*a.ends) }

// Reset forgets rows and elements.
func (a *Array) Reset() {
	a.ends.Reset()
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
	a.ends.EncodeColumn(b)
	if a.Data.Rows() > 0 {
		a.Data.EncodeColumn(b)
	}
}

// WriteColumn writes the column for a streaming writer.
func (a *Array) WriteColumn(w *proto.Writer) { w.ChainBuffer(a.EncodeColumn) }

// Nested is arrays that have as many elements as each other in every row, and
// so share the ends of their rows.
type Nested struct {
	Columns proto.Input
	first   proto.ColInput
	ends    proto.ColUInt64
}

// NewNested makes an array column of each column of elements.
func NewNested(elements ...proto.InputColumn) *Nested {
	n := &Nested{first: elements[0].Data}
	for _, e := range elements {
		n.Columns = append(n.Columns, proto.InputColumn{Name: e.Name, Data: newArray(e.Data, &n.ends)})
	}
	return n
}

// EndRow closes a row of all arrays.
func (n *Nested) EndRow() { n.ends.Append(uint64(n.first.Rows())) }

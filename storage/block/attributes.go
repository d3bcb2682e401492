package block

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

// AttributesType is the type of every attributes column. A path beyond the
// limit goes to the column's shared data: slower to read, never lost.
const AttributesType proto.ColumnType = "JSON(max_dynamic_paths=256)"

// Attributes builds the two columns that keep attributes with their types:
//
//	attributes        JSON: strings, booleans, integers and doubles, one typed
//	                  path a key, the key with its dots as it was sent
//	attributes_other  Map(LowCardinality(String), String): all the rest (bytes,
//	                  arrays, maps, the empty value; keys that are empty, not
//	                  UTF-8 or twice in one record) as OTLP/JSON text
//
// A block's first 512 keys become paths. Values of further ones go to
// attributes_other as well: a path costs a byte for every row of the block, in
// the server too, so that records with a fresh key each would cost its square.
//
// The zero value is ready. Strings are copied.
type Attributes struct {
	rows  int
	index map[string]*path
	paths []*path
	// order is the sequence in which the previous row named its paths. Most
	// records of a batch come from one place in a program and repeat it, which
	// makes the look-up a comparison instead of a hash.
	order []*path
	spare []*path
	text  []byte
	other Dict         // keys of attributes_other
	texts proto.ColStr // values of attributes_other
	ends  []uint64
}

const maxPaths = 512

// Type tags of a path's rows. Their order is the order of the types on the
// wire.
const (
	tagString = iota
	tagBool
	tagInt
	tagDouble
	tags
	tagNull = 255
)

var typeNames = [tags]string{"String", "Bool", "Int64", "Float64"}

// path is one key: a tag a row, and a dense column of values a type.
type path struct {
	key     string
	tags    []byte // shorter than rows where the tail is null
	count   [tags]int
	strings proto.ColStr
	bools   []byte
	ints    []uint64
	doubles []uint64
}

// Append adds a row.
func (a *Attributes) Append(kvs []attribute.KeyValue) {
	for i := range kvs {
		kv := &kvs[i]
		tag, plain := tagOf(kv.Value.Kind)
		if !plain || kv.Key == "" {
			a.appendOther(kv)
			continue
		}
		p := a.path(i, kv.Key)
		if p == nil || len(p.tags) > a.rows { // not a path, or the key's second time in this row
			a.appendOther(kv)
			continue
		}
		p.set(a.rows, tag, &kv.Value)
	}
	a.rows++
	a.ends = append(a.ends, uint64(a.other.Rows()))
}

func tagOf(k attribute.Kind) (tag byte, plain bool) {
	switch k {
	case attribute.String:
		return tagString, true
	case attribute.Bool:
		return tagBool, true
	case attribute.Int:
		return tagInt, true
	case attribute.Double:
		return tagDouble, true
	}
	return 0, false
}

// path finds or makes the path of a key, which is the i-th of its row; nil for
// a key that cannot be one and when there are enough.
func (a *Attributes) path(i int, key string) *path {
	if i < len(a.order) && a.order[i] != nil && a.order[i].key == key {
		return a.order[i]
	}
	p, ok := a.index[key]
	if !ok {
		if len(a.paths) == maxPaths || !utf8.ValidString(key) {
			return nil
		}
		if a.index == nil {
			a.index = make(map[string]*path)
		}
		p = a.newPath(string([]byte(key)))
		a.index[p.key] = p
		a.paths = append(a.paths, p)
	}
	for len(a.order) <= i {
		a.order = append(a.order, nil)
	}
	a.order[i] = p
	return p
}

func (a *Attributes) newPath(key string) *path {
	if n := len(a.spare); n > 0 {
		p := a.spare[n-1]
		a.spare = a.spare[:n-1]
		p.key = key
		return p
	}
	return &path{key: key}
}

func (p *path) set(row int, tag byte, v *attribute.Value) {
	p.pad(row)
	p.tags = append(p.tags, tag)
	p.count[tag]++
	switch tag {
	case tagString:
		p.strings.Append(v.Str)
	case tagBool:
		p.bools = append(p.bools, byte(v.Num))
	case tagInt:
		p.ints = append(p.ints, v.Num)
	case tagDouble:
		p.doubles = append(p.doubles, v.Num)
	}
}

// pad fills the rows before row that did not have the key.
func (p *path) pad(row int) {
	for len(p.tags) < row {
		p.tags = append(p.tags, tagNull)
	}
}

func (p *path) reset() {
	p.tags, p.bools, p.ints, p.doubles = p.tags[:0], p.bools[:0], p.ints[:0], p.doubles[:0]
	p.count = [tags]int{}
	p.strings.Reset()
}

func (a *Attributes) appendOther(kv *attribute.KeyValue) {
	a.other.Append(kv.Key)
	a.text = kv.Value.AppendJSON(a.text[:0])
	a.texts.AppendBytes(a.text)
}

// Reset forgets the rows and keeps the buffers.
func (a *Attributes) Reset() {
	for _, p := range a.paths {
		p.reset()
	}
	a.spare = append(a.spare, a.paths...)
	clear(a.index)
	a.rows, a.paths, a.order, a.ends = 0, a.paths[:0], a.order[:0], a.ends[:0]
	a.other.Reset()
	a.texts.Reset()
}

// Columns are the two columns, for a block's column list.
func (a *Attributes) Columns() proto.Input {
	return proto.Input{{Name: "attributes", Data: (*jsonColumn)(a)}, {Name: "attributes_other", Data: (*otherColumn)(a)}}
}

// jsonColumn writes the paths in the flattened form of the Native format:
//
//	state:  uint64 3, varuint number of paths, their names; then for each path
//	        uint64 3, varuint number of types, their names
//	data:   for each path a byte a row (the number of its type in the list
//	        before, or the number of types for null), then each type's values,
//	        dense
type jsonColumn Attributes

const flattened = 3

func (*jsonColumn) Type() proto.ColumnType { return AttributesType }
func (c *jsonColumn) Rows() int            { return c.rows }

func (c *jsonColumn) EncodeState(b *proto.Buffer) {
	b.PutUInt64(flattened)
	b.PutInt(len(c.paths))
	for _, p := range c.paths {
		b.PutString(p.key)
	}
	for _, p := range c.paths {
		b.PutUInt64(flattened)
		types := 0
		for _, n := range p.count {
			if n > 0 {
				types++
			}
		}
		b.PutInt(types)
		for tag, n := range p.count {
			if n > 0 {
				b.PutString(typeNames[tag])
			}
		}
	}
}

func (c *jsonColumn) EncodeColumn(b *proto.Buffer) {
	for _, p := range c.paths {
		p.pad(c.rows)
		p.encode(b)
	}
}

func (p *path) encode(b *proto.Buffer) {
	var number [256]byte
	types := byte(0)
	for tag, n := range p.count {
		if n > 0 {
			number[tag] = types
			types++
		}
	}
	number[tagNull] = types
	for _, tag := range p.tags {
		b.Buf = append(b.Buf, number[tag])
	}
	p.strings.EncodeColumn(b)
	b.Buf = append(b.Buf, p.bools...)
	for _, n := range p.ints {
		b.Buf = binary.LittleEndian.AppendUint64(b.Buf, n)
	}
	for _, n := range p.doubles {
		b.Buf = binary.LittleEndian.AppendUint64(b.Buf, n)
	}
}

func (c *jsonColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

type otherColumn Attributes

func (*otherColumn) Type() proto.ColumnType        { return "Map(LowCardinality(String), String)" }
func (c *otherColumn) Rows() int                   { return c.rows }
func (c *otherColumn) EncodeState(b *proto.Buffer) { c.other.EncodeState(b) }

func (c *otherColumn) EncodeColumn(b *proto.Buffer) {
	for _, end := range c.ends {
		b.PutUInt64(end)
	}
	c.other.EncodeColumn(b)
	c.texts.EncodeColumn(b)
}

func (c *otherColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

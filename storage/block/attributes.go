package block

import (
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
// and, for tables that are searched by attribute, a third:
//
//	attribute_tokens  Array(FixedString(4)): an attribute.Token for each
//	                  attribute that has one, for an index
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
	// shapes are sequences of keys that rows had. Most records of a batch come
	// from a few places in a program and repeat theirs, which makes the look-up
	// a comparison instead of a hash.
	shapes [16]shape
	spare  []*path
	text   []byte
	other  Dict    // keys of attributes_other
	texts  Strings // values of attributes_other
	ends   proto.ColUInt64

	indexed   bool   // tokens are made
	tokens    []byte // of all rows
	tokenEnds proto.ColUInt64
}

const maxPaths = 512

// shape is the paths of one sequence of keys.
type shape struct {
	paths []*path
	whole bool // every key has a path
}

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
	key       string
	tokenizer attribute.Tokenizer
	tags      []byte // shorter than rows where the tail is null
	count     [tags]int
	strings   Strings
	bools     []byte
	ints      proto.ColUInt64
	doubles   proto.ColUInt64
}

// Append adds a row.
func (a *Attributes) Append(kvs []attribute.KeyValue) {
	if len(kvs) > 0 {
		a.append(kvs, a.shape(kvs).paths)
	}
	a.rows++
	a.ends.Append(uint64(a.other.Rows()))
	if a.indexed {
		a.tokenEnds.Append(uint64(len(a.tokens) / tokenSize))
	}
}

func (a *Attributes) append(kvs []attribute.KeyValue, paths []*path) {
	for i := range kvs {
		kv, p := &kvs[i], paths[i]
		tag, plain := tagOf(kv.Value.Kind)
		if !plain || p == nil || len(p.tags) > a.rows { // no path for it, or the key's second time in this row
			a.appendOther(kv)
			continue
		}
		p.set(a.rows, tag, &kv.Value)
		if a.indexed {
			a.appendToken(p.tokenizer, &kv.Value)
		}
	}
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

// shape is that of kvs, known or learnt.
func (a *Attributes) shape(kvs []attribute.KeyValue) *shape {
	n := len(kvs)
	for i := range kvs {
		n += len(kvs[i].Key)
	}
	s := &a.shapes[n%len(a.shapes)]
	if !s.of(kvs) {
		s.paths, s.whole = s.paths[:0], true
		for i := range kvs {
			p := a.path(&kvs[i])
			s.paths = append(s.paths, p)
			s.whole = s.whole && p != nil
		}
	}
	return s
}

// of says whether kvs has the keys of s.
func (s *shape) of(kvs []attribute.KeyValue) bool {
	if !s.whole || len(s.paths) != len(kvs) {
		return false
	}
	for i := range kvs {
		if s.paths[i].key != kvs[i].Key {
			return false
		}
	}
	return true
}

// path finds or makes the path of a key; nil for a key that cannot be one and
// when there are enough.
func (a *Attributes) path(kv *attribute.KeyValue) *path {
	if p, ok := a.index[kv.Key]; ok {
		return p
	}
	if _, plain := tagOf(kv.Value.Kind); !plain || kv.Key == "" || len(a.paths) == maxPaths || !utf8.ValidString(kv.Key) {
		return nil
	}
	if a.index == nil {
		a.index = make(map[string]*path)
	}
	p := a.newPath(string([]byte(kv.Key)))
	a.index[p.key] = p
	a.paths = append(a.paths, p)
	return p
}

func (a *Attributes) newPath(key string) *path {
	p := &path{}
	if n := len(a.spare); n > 0 {
		p = a.spare[n-1]
		a.spare = a.spare[:n-1]
	}
	p.key, p.tokenizer = key, attribute.NewTokenizer(key)
	return p
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
		p.ints.Append(v.Num)
	case tagDouble:
		p.doubles.Append(v.Num)
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
	if a.indexed {
		a.appendToken(attribute.NewTokenizer(kv.Key), &kv.Value)
	}
}

func (a *Attributes) appendToken(t attribute.Tokenizer, v *attribute.Value) {
	if token, ok := t.Value(v); ok {
		a.tokens = append(a.tokens, token[:]...)
	}
}

// Reset forgets the rows and keeps the buffers.
func (a *Attributes) Reset() {
	for _, p := range a.paths {
		p.reset()
	}
	a.spare = append(a.spare, a.paths...)
	clear(a.index)
	a.rows, a.paths, a.ends = 0, a.paths[:0], a.ends[:0]
	for i := range a.shapes {
		a.shapes[i].whole = false
	}
	a.other.Reset()
	a.texts.Reset()
	a.tokens, a.tokenEnds = a.tokens[:0], a.tokenEnds[:0]
}

// Columns are the two columns, for a block's column list.
func (a *Attributes) Columns() proto.Input {
	return proto.Input{{Name: "attributes", Data: (*jsonColumn)(a)}, {Name: "attributes_other", Data: (*otherColumn)(a)}}
}

// IndexedColumns are Columns and the column of tokens. It is called before the
// first row.
func (a *Attributes) IndexedColumns() proto.Input {
	a.indexed = true
	return append(a.Columns(), proto.InputColumn{Name: "attribute_tokens", Data: (*tokenColumn)(a)})
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
	first := len(b.Buf)
	b.Buf = append(b.Buf, p.tags...)
	for i, tag := range b.Buf[first:] {
		b.Buf[first+i] = number[tag]
	}
	p.strings.EncodeColumn(b)
	b.Buf = append(b.Buf, p.bools...)
	p.ints.EncodeColumn(b)
	p.doubles.EncodeColumn(b)
}

func (c *jsonColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

type otherColumn Attributes

func (*otherColumn) Type() proto.ColumnType        { return "Map(LowCardinality(String), String)" }
func (c *otherColumn) Rows() int                   { return c.rows }
func (c *otherColumn) EncodeState(b *proto.Buffer) { c.other.EncodeState(b) }

func (c *otherColumn) EncodeColumn(b *proto.Buffer) {
	c.ends.EncodeColumn(b)
	c.other.EncodeColumn(b)
	c.texts.EncodeColumn(b)
}

func (c *otherColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

const tokenSize = len(attribute.Token{})

type tokenColumn Attributes

func (*tokenColumn) Type() proto.ColumnType { return "Array(FixedString(4))" }
func (c *tokenColumn) Rows() int            { return c.rows }

func (c *tokenColumn) EncodeColumn(b *proto.Buffer) {
	c.tokenEnds.EncodeColumn(b)
	b.Buf = append(b.Buf, c.tokens...)
}

func (c *tokenColumn) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

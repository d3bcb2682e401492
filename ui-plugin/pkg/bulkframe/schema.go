package bulkframe

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// This file writes what an Arrow file has besides its columns, which for a
// thousand fields costs the Arrow library and the SDK more than it takes to read
// and to send a million numbers. Tables, slots and numbers are those of Schema.fbs,
// Message.fbs and File.fbs at
// https://github.com/apache/arrow/tree/main/format; the keys of metadata are the
// SDK's (data/arrow.go).

const (
	versionV5 = 4

	headerSchema      = 1
	headerRecordBatch = 3

	typeFloatingPoint   = 3
	precisionDouble     = 2
	typeTimestamp       = 10
	unitNanosecond      = 3
	sizeOfNumber        = 8
	fileMagic           = "ARROW1"
	continuation        = 0xffffffff
	bytesAField         = 256 // a guess: what a schema takes for each of its fields
	metadataAField      = 3
	metadataOfTheSchema = 3
)

// schema is the texts of a frame's schema and what of the file depends on it.
type schema struct {
	name, refID string
	meta        []byte // JSON, nil for none
	fields      []field
	batch       block // where the record batch is
}

type field struct {
	name           string
	labels, config []byte // JSON, nil for none
}

// block is a message in the file: its place, the length of what comes before its
// body, and of the body.
type block struct{ at, head, body int }

// textsOf writes what a frame's schema says as JSON.
func textsOf(f *data.Frame) (*schema, error) {
	s := &schema{name: f.Name, refID: f.RefID, fields: make([]field, len(f.Fields))}
	var err error
	if f.Meta != nil {
		if s.meta, err = json.Marshal(f.Meta); err != nil {
			return nil, err
		}
	}
	var keys []string
	texts := make([]byte, 0, bytesAField/2*len(f.Fields)) // of all, one behind the other
	from := func(at int) []byte { return texts[at:len(texts):len(texts)] }
	for i, in := range f.Fields {
		s.fields[i].name = in.Name
		if in.Labels != nil {
			at := len(texts)
			keys = slices.AppendSeq(keys[:0], maps.Keys(in.Labels))
			slices.Sort(keys)
			texts = appendLabels(texts, in.Labels, keys)
			s.fields[i].labels = from(at)
		}
		if in.Config != nil {
			at := len(texts)
			if texts, err = appendConfig(texts, in.Config); err != nil {
				return nil, err
			}
			s.fields[i].config = from(at)
		}
	}
	return s, nil
}

func appendLabels(b []byte, labels data.Labels, keys []string) []byte {
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, k), ':'), labels[k])
	}
	return append(b, '}')
}

// appendConfig has a way of its own for a configuration that is a name and
// nothing else, as that of series is.
func appendConfig(b []byte, c *data.FieldConfig) ([]byte, error) {
	rest := *c
	rest.DisplayNameFromDS = ""
	if c.DisplayNameFromDS == "" || !reflect.ValueOf(&rest).Elem().IsZero() {
		all, err := json.Marshal(c)
		return append(b, all...), err
	}
	return append(appendText(append(b, `{"displayNameFromDS":`...), c.DisplayNameFromDS), '}'), nil
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string has no way to fail
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// begin is the file up to the columns of its one record batch: the schema's
// message and the head of the batch's. Columns have no nulls.
func (s *schema) begin(rows int) []byte {
	b := flatbuffers.NewBuilder(bytesAField*len(s.fields) + 1024)
	out := append(make([]byte, 0, bytesAField*len(s.fields)+4096), fileMagic+"\x00\x00"...)
	out = appendMessage(out, b, headerSchema, s.table(b), 0)
	s.batch.at = len(out)
	s.batch.body = len(s.fields) * rows * sizeOfNumber
	b.Reset()
	out = appendMessage(out, b, headerRecordBatch, recordBatch(b, len(s.fields), rows), s.batch.body)
	s.batch.head = len(out) - s.batch.at
	return out
}

// appendMessage ends the message that b holds the header of, and adds it to the file.
func appendMessage(file []byte, b *flatbuffers.Builder, kind byte, header flatbuffers.UOffsetT, body int) []byte {
	b.StartObject(5)
	b.PrependInt64Slot(3, int64(body), 0)
	b.PrependUOffsetTSlot(2, header, 0)
	b.PrependInt16Slot(0, versionV5, 0)
	b.PrependByteSlot(1, kind, 0)
	b.Finish(b.EndObject())
	message := b.FinishedBytes()
	padded := (len(message) + 7) &^ 7
	file = binary.LittleEndian.AppendUint32(file, continuation)
	file = binary.LittleEndian.AppendUint32(file, uint32(padded))
	file = append(file, message...)
	return append(file, make([]byte, padded-len(message))...)
}

// recordBatch is the table of a batch of columns without nulls of 8 bytes a row.
func recordBatch(b *flatbuffers.Builder, columns, rows int) flatbuffers.UOffsetT {
	size := rows * sizeOfNumber
	b.StartVector(16, 2*columns, 8)
	for i := columns - 1; i >= 0; i-- { // a vector is written from its end
		b.PrependInt64(int64(size))
		b.PrependInt64(int64(i * size)) // values
		b.PrependInt64(0)
		b.PrependInt64(int64(i * size)) // no bits for nulls
	}
	buffers := b.EndVector(2 * columns)
	b.StartVector(16, columns, 8)
	for range columns {
		b.PrependInt64(0) // nulls
		b.PrependInt64(int64(rows))
	}
	nodes := b.EndVector(columns)
	b.StartObject(4)
	b.PrependInt64Slot(0, int64(rows), 0)
	b.PrependUOffsetTSlot(1, nodes, 0)
	b.PrependUOffsetTSlot(2, buffers, 0)
	return b.EndObject()
}

// end is the file behind the columns: the end of the stream, and the footer with
// the schema again and the place of the batch.
func (s *schema) end() []byte {
	b := flatbuffers.NewBuilder(bytesAField*len(s.fields) + 1024)
	fields := s.table(b)
	b.StartVector(24, 0, 8)
	dictionaries := b.EndVector(0)
	b.StartVector(24, 1, 8)
	b.PrependInt64(int64(s.batch.body))
	b.Pad(4)
	b.PrependInt32(int32(s.batch.head))
	b.PrependInt64(int64(s.batch.at))
	batches := b.EndVector(1)
	b.StartObject(5)
	b.PrependUOffsetTSlot(1, fields, 0)
	b.PrependUOffsetTSlot(2, dictionaries, 0)
	b.PrependUOffsetTSlot(3, batches, 0)
	b.PrependInt16Slot(0, versionV5, 0)
	b.Finish(b.EndObject())
	footer := b.FinishedBytes()
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, len(footer)+32), continuation)
	out = append(append(out, 0, 0, 0, 0), footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, fileMagic...)
}

// table is the Schema: a field of times and behind it fields of numbers.
func (s *schema) table(b *flatbuffers.Builder) flatbuffers.UOffsetT {
	w := writer{Builder: b, key: map[string]flatbuffers.UOffsetT{}}
	b.StartObject(2)
	b.PrependInt16Slot(0, unitNanosecond, 0)
	timestamp := b.EndObject()
	b.StartObject(1)
	b.PrependInt16Slot(0, precisionDouble, 0)
	double := b.EndObject()
	time, number := w.pair("tstype", w.shared("time")), w.pair("tstype", w.shared("number"))
	fields := make([]flatbuffers.UOffsetT, len(s.fields))
	for i := range s.fields {
		f, isTime := &s.fields[i], i == 0
		pairs := [metadataAField]flatbuffers.UOffsetT{number}
		if isTime {
			pairs[0] = time
		}
		n := 1
		if f.labels != nil {
			pairs[n] = w.pair("labels", b.CreateByteString(f.labels))
			n++
		}
		if f.config != nil {
			pairs[n] = w.pair("config", b.CreateByteString(f.config))
			n++
		}
		metadata := w.vector(pairs[:n])
		none := w.vector(nil) // of children
		name := w.shared(f.name)
		b.StartObject(7)
		b.PrependUOffsetTSlot(0, name, 0)
		b.PrependUOffsetTSlot(5, none, 0)
		b.PrependUOffsetTSlot(6, metadata, 0)
		if isTime {
			b.PrependUOffsetTSlot(3, timestamp, 0)
			b.PrependByteSlot(2, typeTimestamp, 0)
		} else {
			b.PrependUOffsetTSlot(3, double, 0)
			b.PrependByteSlot(2, typeFloatingPoint, 0)
		}
		fields[i] = b.EndObject()
	}
	all := w.vector(fields)
	pairs := []flatbuffers.UOffsetT{w.pair("name", b.CreateString(s.name)), w.pair("refId", b.CreateString(s.refID))}
	if s.meta != nil {
		pairs = append(pairs, w.pair("meta", b.CreateByteString(s.meta)))
	}
	metadata := w.vector(pairs)
	b.StartObject(4)
	b.PrependUOffsetTSlot(1, all, 0)
	b.PrependUOffsetTSlot(2, metadata, 0)
	return b.EndObject()
}

// writer adds what schemas are made of to a Builder.
type writer struct {
	*flatbuffers.Builder
	key map[string]flatbuffers.UOffsetT // texts that are there already
}

// shared is a text that many tables say.
func (w *writer) shared(text string) flatbuffers.UOffsetT {
	at, ok := w.key[text]
	if !ok {
		at = w.CreateString(text)
		w.key[text] = at
	}
	return at
}

// pair is a KeyValue.
func (w *writer) pair(key string, value flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	k := w.shared(key)
	w.StartObject(2)
	w.PrependUOffsetTSlot(0, k, 0)
	w.PrependUOffsetTSlot(1, value, 0)
	return w.EndObject()
}

// vector is one of tables.
func (w *writer) vector(tables []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	w.StartVector(flatbuffers.SizeUOffsetT, len(tables), flatbuffers.SizeUOffsetT)
	for _, t := range slices.Backward(tables) {
		w.PrependUOffsetT(t)
	}
	return w.EndVector(len(tables))
}

package bulkframe

import (
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	protobuf "google.golang.org/protobuf/proto"
)

// Codec is gRPC's own for protocol messages, but for answers to queries in which
// stand-ins are: those have what they stand for in the place of them. Whoever
// serves registers it with encoding.RegisterCodecV2, before anything is served.
func (s *Store) Codec() encoding.CodecV2 {
	return codec{encoding.GetCodecV2(proto.Name), s}
}

type codec struct {
	encoding.CodecV2
	store *Store
}

// Numbers of the fields of QueryDataResponse, of the entries of its map, and of
// DataResponse in the SDK's backend.proto.
const (
	fieldResponses = 1
	fieldKey       = 1
	fieldValue     = 2
	fieldFrames    = 1
)

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	res, ok := v.(*pluginv2.QueryDataResponse)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	var out parts
	found := false
	for refID, r := range res.Responses {
		value, standsIn, err := c.response(r)
		if err != nil {
			return nil, err
		}
		found = found || standsIn
		var entry parts
		entry.small = protowire.AppendTag(entry.small, fieldKey, protowire.BytesType)
		entry.small = protowire.AppendString(entry.small, refID)
		entry.message(fieldValue, &value)
		out.message(fieldResponses, &entry)
	}
	if !found {
		return c.CodecV2.Marshal(v)
	}
	return out.buffers(), nil
}

// response is a DataResponse in parts, and whether there was a stand-in.
func (c codec) response(r *pluginv2.DataResponse) (out parts, found bool, err error) {
	for _, frame := range r.Frames {
		var f parts
		if file := c.store.file(frame); file != nil {
			found = true
			for _, b := range file.buffers() {
				f.append(b)
			}
		} else {
			f.append(mem.SliceBuffer(frame))
		}
		out.message(fieldFrames, &f)
	}
	rest := &pluginv2.DataResponse{Error: r.Error, JsonMeta: r.JsonMeta, Status: r.Status, ErrorSource: r.ErrorSource, Format: r.Format}
	out.small, err = protobuf.MarshalOptions{}.MarshalAppend(out.small, rest)
	return out, found, err
}

// parts are bytes one behind the other: whole ones, and behind them small, which
// is still written to.
type parts struct {
	whole mem.BufferSlice
	small []byte
	size  int // of whole
}

func (p *parts) len() int { return p.size + len(p.small) }

// append adds bytes without a copy.
func (p *parts) append(b mem.Buffer) {
	p.cut()
	p.whole, p.size = append(p.whole, b), p.size+b.Len()
}

// cut ends small, so that something whole can follow.
func (p *parts) cut() {
	if len(p.small) > 0 {
		p.whole, p.size, p.small = append(p.whole, mem.SliceBuffer(p.small)), p.size+len(p.small), nil
	}
}

// message adds m as a field with a length, a message or bytes.
func (p *parts) message(field protowire.Number, m *parts) {
	p.small = protowire.AppendTag(p.small, field, protowire.BytesType)
	p.small = protowire.AppendVarint(p.small, uint64(m.len()))
	m.cut()
	for _, b := range m.whole {
		p.append(b)
	}
}

func (p *parts) buffers() mem.BufferSlice {
	p.cut()
	return p.whole
}

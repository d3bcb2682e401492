package otlpwire

import (
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"
)

// scrambler writes a message in another way.
type scrambler struct{ rng *rand.Rand }

// message is b, an m, scrambled.
func (s scrambler) message(m *message, b []byte) []byte {
	var fields [][]byte
	for i := 0; i < len(b); {
		tag, n, end := next(b, i)
		if tag&7 == wireLen {
			fields = append(fields, s.content(m, tag, b[end-int(n):end])...)
		} else {
			fields = append(fields, b[i:end])
		}
		i = end
	}
	for s.rng.IntN(4) == 0 {
		fields = append(fields, s.other(m))
	}
	if s.rng.IntN(2) == 0 {
		s.rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	var out []byte
	for _, f := range fields {
		out = append(out, f...)
	}
	return out
}

// content writes a field that has a length, in one piece or several.
func (s scrambler) content(m *message, tag uint32, b []byte) [][]byte {
	f, number := m.field(int(tag>>3)), protowire.Number(tag>>3)
	switch {
	case f.kind == nested:
		b = s.message(f.msg, b)
		if s.rng.IntN(8) == 0 { // merged, or two, or one in place of the other
			cut := s.boundary(b)
			return [][]byte{s.bytes(number, b[:cut]), s.bytes(number, b[cut:])}
		}
		if number == 2 && m.deprecated && s.rng.IntN(8) == 0 {
			number = numberDeprecated
		}
	case f.kind == packed8 && s.rng.IntN(3) == 0:
		var out [][]byte
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, append(protowire.AppendTag(nil, number, protowire.Fixed64Type), b[:8]...))
		}
		return out
	case f.kind == packedV && s.rng.IntN(3) == 0:
		var out [][]byte
		for i := 0; i < len(b); {
			n, end := uvarint(b, i)
			out = append(out, protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), n))
			i = end
		}
		return out
	}
	return [][]byte{s.bytes(number, b)}
}

// boundary is somewhere between two fields of b.
func (s scrambler) boundary(b []byte) int {
	cut := 0
	for i := 0; i < len(b); {
		_, _, end := next(b, i)
		if s.rng.IntN(2) == 0 {
			cut = end
		}
		i = end
	}
	return cut
}

// bytes writes a field, sometimes with a length longer than it need be.
func (s scrambler) bytes(number protowire.Number, b []byte) []byte {
	out := protowire.AppendTag(nil, number, protowire.BytesType)
	if s.rng.IntN(16) == 0 && len(b) < 128 {
		out = append(out, byte(len(b))|0x80, 0)
	} else {
		out = protowire.AppendVarint(out, uint64(len(b)))
	}
	return append(out, b...)
}

// other is a field that m does not have, or one of its own once more, empty.
func (s scrambler) other(m *message) []byte {
	if n := s.rng.IntN(len(m.fields)); s.rng.IntN(3) == 0 {
		switch m.fields[n].kind {
		case text, id, nested, packed8, packedV:
			return s.bytes(protowire.Number(n), nil)
		case varint:
			return protowire.AppendVarint(protowire.AppendTag(nil, protowire.Number(n), protowire.VarintType), s.rng.Uint64())
		}
	}
	switch number := protowire.Number(17 + s.rng.IntN(5000)); s.rng.IntN(4) {
	case 0:
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), s.rng.Uint64())
	case 1:
		return protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), s.rng.Uint32())
	case 2:
		return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), s.rng.Uint64())
	default:
		return s.bytes(number, []byte("later"))
	}
}

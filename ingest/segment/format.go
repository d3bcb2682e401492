package segment

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
)

// A segment is one file. All numbers are little endian, all checksums CRC32C.
//
//	+-------------+------+------+-----+------+------+-----+------+------+
//	| file header | keys | data | ... | data | seal | ... | done | done |
//	+-------------+------+------+-----+------+------+-----+------+------+
//	               \_ one frame per Append _/        \_ one per table stored
//
// File header:
//
//	0        4         6       8                 24             32    36
//	+--------+---------+-------+-----------------+--------------+-----+
//	| "TFWL" | version | 0     | segment ID      | created, ns  | crc |
//	+--------+---------+-------+-----------------+--------------+-----+
//
// Every frame begins with a header and a directory of its parts. The frame
// says where it is and in which segment, so that bytes left by a failed write
// or copied from elsewhere are never taken for a frame, and a reader that lost
// its way finds the next one.
//
//	0        4      5   6       8           12     16       24
//	+--------+------+---+-------+-----------+------+--------+
//	| "TFRM" | kind | 0 | parts | directory | body | offset |
//	|        |      |   | count | bytes     |bytes | in file|
//	+--------+------+---+-------+-----------+------+--------+
//	24       32                 48          64     72    76
//	+--------+------------------+-----------+------+-----+
//	| synced | segment ID       | key       | time | crc |   crc: of 0–72 and the directory
//	+--------+------------------+-----------+------+-----+
//	76                                  76+directory        76+directory+body
//	+------+------+-----+------+--------+-------------------+
//	| rows | body | crc | name | name   | ... | part | part |
//	| u32  | bytes| u32 | bytes| (table)|     |      |      |
//	+------+------+-----+------+--------+-------------------+
//	 \________ one per part _________/        \__ body __/
//
// synced is how far the file was known to be on disk when the frame was
// written. A hole at or beyond the highest synced of a file is what a crash
// leaves of appends nobody was told about; a hole before it is damage.
//
// Kinds:
//
//	data  the parts are block.Block payloads: what one Append wrote. Each part
//	      has its own checksum; the frame counts only when all are right. Of
//	      requests that were appended together the first part has no name: it
//	      is their keys but the first, which is in the header.
//	void  the body is a hole that was repaired; readers step over it. key holds
//	      the number of data frames known to have been in it.
//	keys  one part without a name: the keys of recent appends, 16 bytes each.
//	seal  nothing is appended to the data any more. One directory entry per
//	      table with the rows and bytes (and no checksum) of the whole
//	      segment; key holds the number of data frames; the body is a trailer.
//	done  the table in the directory is stored; the key is the machine's boot
//	      in which it was, the body a trailer.
//
// Trailer, the last 8 bytes of a sealed file, through which the seal is found
// without reading the data:
//
//	0                        4        8
//	+------------------------+--------+
//	| bytes back to the seal | "TEND" |
//	+------------------------+--------+
const (
	fileHeaderSize  = 36
	frameHeaderSize = 76
	entrySize       = 13 // without the name
	trailerSize     = 8

	// maxDirectory and maxFrame bound what a reader believes a header.
	// Offsets within a segment fit 32 bits: a segment is at most
	// MaxBytes when the last frame is added.
	maxDirectory = 1 << 20
	maxFrame     = 1 << 30
)

const (
	// Version is the format this package reads and writes.
	Version = 1
	// MaxBytes is how large a segment may be made.
	MaxBytes = 2 << 30
)

const (
	fileMagic    = "TFWL"
	frameMagic   = "TFRM"
	trailerMagic = "TEND"

	keysPart = "" // instead of a table
)

// kind is what a frame is for.
type kind byte

const (
	kindData kind = 1 + iota
	kindVoid
	kindKeys
	kindSeal
	kindDone
)

func (k kind) String() string {
	switch k {
	case kindData:
		return "data"
	case kindVoid:
		return "void"
	case kindKeys:
		return "keys"
	case kindSeal:
		return "seal"
	case kindDone:
		return "done"
	default:
		return "unknown"
	}
}

// ID identifies a segment for ever: it is drawn at random when the segment is
// made and stays with it through quarantine and back. Deduplication tokens are
// made of it.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Key identifies a request: the same request sent again has the same key. The
// zero Key is no key.
type Key [16]byte

func (k Key) String() string { return hex.EncodeToString(k[:]) }

// part is one entry of a frame's directory.
type part struct {
	Table  string
	Rows   uint32
	Length uint32
	CRC    uint32
}

// frame is a frame without its body.
type frame struct {
	kind   kind
	parts  []part
	dir    int   // bytes of the directory
	body   int64 // bytes of the body
	offset int64
	synced int64
	id     ID
	key    Key
	time   int64 // unix ns
}

func (f *frame) bodyOffset() int64 { return f.offset + frameHeaderSize + int64(f.dir) }
func (f *frame) end() int64        { return f.bodyOffset() + f.body }

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func checksum(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli(), p) }

// Header is the first bytes of a segment.
type Header struct {
	Version uint16
	ID      ID
	Created int64 // unix ns
}

func (h *Header) append(dst []byte) []byte {
	first := len(dst)
	dst = append(dst, fileMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, h.Version)
	dst = append(dst, 0, 0)
	dst = append(dst, h.ID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Created))
	return binary.LittleEndian.AppendUint32(dst, checksum(0, dst[first:]))
}

func parseFileHeader(b []byte) (h Header, ok bool) {
	if len(b) < fileHeaderSize || string(b[:4]) != fileMagic ||
		binary.LittleEndian.Uint32(b[32:]) != checksum(0, b[:32]) {
		return h, false
	}
	h.Version = binary.LittleEndian.Uint16(b[4:])
	copy(h.ID[:], b[8:24])
	h.Created = int64(binary.LittleEndian.Uint64(b[24:]))
	return h, true
}

// appendHead appends the header and the directory of f, and sets f.dir.
func (f *frame) appendHead(dst []byte) []byte {
	f.dir = 0
	for i := range f.parts {
		f.dir += entrySize + len(f.parts[i].Table)
	}
	first := len(dst)
	dst = append(dst, frameMagic...)
	dst = append(dst, byte(f.kind), 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f.parts)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(f.dir))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(f.body))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.offset))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.synced))
	dst = append(dst, f.id[:]...)
	dst = append(dst, f.key[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.time))
	dst = append(dst, 0, 0, 0, 0) // the checksum, when the directory is there
	for i := range f.parts {
		p := &f.parts[i]
		dst = binary.LittleEndian.AppendUint32(dst, p.Rows)
		dst = binary.LittleEndian.AppendUint32(dst, p.Length)
		dst = binary.LittleEndian.AppendUint32(dst, p.CRC)
		dst = append(dst, byte(len(p.Table)))
		dst = append(dst, p.Table...)
	}
	head := dst[first:]
	binary.LittleEndian.PutUint32(head[72:], headChecksum(head))
	return dst
}

func headChecksum(head []byte) uint32 {
	return checksum(checksum(0, head[:72]), head[frameHeaderSize:])
}

// parseHead reads the fixed part of a header. The caller has read the
// directory too before it trusts any of it; see parseDirectory.
func parseHead(b []byte) (f frame, parts int, ok bool) {
	if len(b) < frameHeaderSize || string(b[:4]) != frameMagic {
		return f, 0, false
	}
	f.kind = kind(b[4])
	parts = int(binary.LittleEndian.Uint16(b[6:]))
	dir, body := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if dir > maxDirectory || body > maxFrame {
		return f, 0, false
	}
	f.dir, f.body = int(dir), int64(body)
	f.offset = int64(binary.LittleEndian.Uint64(b[16:]))
	f.synced = int64(binary.LittleEndian.Uint64(b[24:]))
	copy(f.id[:], b[32:48])
	copy(f.key[:], b[48:64])
	f.time = int64(binary.LittleEndian.Uint64(b[64:]))
	return f, parts, true
}

// parseDirectory checks head, the header and the directory of f, and fills
// f.parts. The lengths of the parts of a data or keys frame add up to its body.
func (f *frame) parseDirectory(head []byte, parts int) bool {
	if binary.LittleEndian.Uint32(head[72:]) != headChecksum(head) {
		return false
	}
	b := head[frameHeaderSize:]
	var sum int64
	f.parts = make([]part, 0, min(parts, len(b)/entrySize))
	for range parts {
		if len(b) < entrySize || len(b) < entrySize+int(b[12]) {
			return false
		}
		n := int(b[12])
		p := part{
			Table: string(b[entrySize : entrySize+n]),
			Rows:  binary.LittleEndian.Uint32(b), Length: binary.LittleEndian.Uint32(b[4:]), CRC: binary.LittleEndian.Uint32(b[8:]),
		}
		sum += int64(p.Length)
		f.parts = append(f.parts, p)
		b = b[entrySize+n:]
	}
	summed := f.kind == kindData || f.kind == kindKeys
	return len(b) == 0 && (!summed || sum == f.body)
}

func appendTrailer(dst []byte, back int64) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(back))
	return append(dst, trailerMagic...)
}

// appendSeal appends the seal frame that ends a segment of n data frames.
func appendSeal(dst []byte, f frame, n int) []byte {
	f.kind, f.body = kindSeal, trailerSize
	f.setCount(n)
	first := len(dst)
	dst = f.appendHead(dst)
	return appendTrailer(dst, int64(len(dst)-first)+trailerSize)
}

// count is the number of data frames a seal vouches for, or a void stands for.
func (f *frame) count() int { return int(binary.LittleEndian.Uint32(f.key[:])) }

func (f *frame) setCount(n int) { binary.LittleEndian.PutUint32(f.key[:], uint32(n)) }

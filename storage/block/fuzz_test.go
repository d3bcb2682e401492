package block_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	chgo "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/google/go-cmp/cmp"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// rowsFrom cuts attributes out of bytes: for each a row change, a kind, a
// number, a key out of a few and a text. Any bytes are some rows.
func rowsFrom(data []byte) [][]attribute.KeyValue {
	rows := [][]attribute.KeyValue{nil}
	take := func(n int) []byte {
		n = min(n, len(data))
		part := data[:n]
		data = data[n:]
		return part
	}
	for len(data) > 0 && len(rows) < 300 {
		head := take(1)[0]
		if head&1 == 1 {
			rows = append(rows, nil)
		}
		if head&2 == 2 {
			continue
		}
		var num [8]byte
		copy(num[:], take(int(head>>5)))
		key := string(take(int(head >> 2 & 3)))
		text := string(take(int(num[0] & 15)))
		v := attribute.Value{Kind: attribute.Kind(head >> 3 % 6), Str: text, Num: binary.LittleEndian.Uint64(num[:])}
		switch v.Kind {
		case attribute.Bool:
			v.Num &= 1
			v.Str = ""
		case attribute.Int, attribute.Double:
			v.Str = ""
		default:
			v.Num = 0
		}
		if v.Kind == attribute.Empty {
			v.Str = ""
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], attribute.KeyValue{Key: key, Value: v})
	}
	return rows
}

// FuzzAttributes reads blocks back with the column reader of clickhouse-go,
// which shares nothing with ours but the format. The server's own reading of
// it is in the tests of every store.
func FuzzAttributes(f *testing.F) {
	f.Add([]byte("\x20\x05abc\x41\x07zz\x88kk\x99some text and more of it, until the rows are many\x10\x00\xff\xfe"))
	f.Add(bytes.Repeat([]byte{0x0c, 0x2d, 0xf0, 0x91, 'a', '.', 'b'}, 40))
	f.Add([]byte{})
	tab := newTable() // used again and again, as a batch is
	f.Fuzz(func(t *testing.T, data []byte) {
		rows := rowsFrom(data)
		tab.reset()
		for i, kvs := range rows {
			tab.append(kvs, fmt.Sprint(i%3), uint64(i))
		}
		b, err := tab.block()
		if err != nil {
			t.Fatal(err)
		}
		if b.Rows != len(rows) {
			t.Fatalf("block of %d rows, want %d", b.Rows, len(rows))
		}
		for i, got := range decode(t, b) {
			if d := cmp.Diff(asStored(rows[i]), got); d != "" {
				t.Fatalf("row %d (-want +got):\n%s", i, d)
			}
		}
	})
}

// asStored is a list as it comes back: by key, a repeated key after its first
// value in a path, and text that is not UTF-8 as bytes where it is in JSON.
func asStored(kvs []attribute.KeyValue) []attribute.KeyValue {
	paths := map[string]bool{}
	var first, rest []attribute.KeyValue
	for _, kv := range kvs {
		scalar := kv.Value.Kind >= attribute.String && kv.Value.Kind <= attribute.Double
		if scalar && kv.Key != "" && utf8.ValidString(kv.Key) && !paths[kv.Key] {
			paths[kv.Key] = true
			first = append(first, kv)
			continue
		}
		if kv.Value.Kind == attribute.String && !utf8.ValidString(kv.Value.Str) {
			kv.Value.Kind = attribute.Bytes
		}
		if kv.Value.Kind == attribute.Double && strings.HasPrefix(kv.Value.Text(), "NaN") {
			kv.Value = attribute.DoubleValue(nan())
		}
		rest = append(rest, kv)
	}
	list := append(first, rest...)
	attribute.Sort(list)
	return list
}

// nan is the NaN that text becomes.
func nan() float64 {
	v, err := attribute.ParseValue(`{"doubleValue":"NaN"}`)
	if err != nil {
		panic(err)
	}
	return v.Double()
}

func decode(t *testing.T, b block.Block) [][]attribute.KeyValue {
	t.Helper()
	native := proto.Block{ServerContext: &column.ServerContext{VersionMajor: 26}}
	reader := chgo.NewReader(bytes.NewReader(b.Native))
	reader.EnableCompression()
	if err := native.Decode(reader, 0); err != nil {
		t.Fatal(err)
	}
	if rest, err := reader.ReadByte(); err == nil {
		t.Fatalf("the block goes on with %#x", rest)
	}
	list := make([][]attribute.KeyValue, native.Rows())
	for i := range list {
		var a storagetest.Attributes
		var other pairs
		for at, name := range native.ColumnsNames() {
			var err error
			switch name {
			case "attributes":
				err = native.Columns[at].ScanRow(&a.JSON, i)
			case "attributes_other":
				err = native.Columns[at].ScanRow(&other, i)
			}
			if err != nil {
				t.Fatalf("row %d: %s: %v", i, name, err)
			}
		}
		a.Keys, a.Values = other.keys, other.values
		var err error
		if list[i], err = a.KeyValues(); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	return list
}

// pairs receives a Map with its order and its repeated keys.
type pairs struct{ keys, values []string }

func (p *pairs) Put(k, v any) {
	p.keys, p.values = append(p.keys, k.(string)), append(p.values, v.(string))
}

func (*pairs) Iterator() column.MapIterator { return nil }

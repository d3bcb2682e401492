package otlpwire

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// nest wraps b as field number of a message, once per number, innermost last.
func nest(b []byte, numbers ...protowire.Number) []byte {
	for i := len(numbers) - 1; i >= 0; i-- {
		b = protowire.AppendBytes(protowire.AppendTag(nil, numbers[i], protowire.BytesType), b)
	}
	return b
}

func TestCheckPositions(t *testing.T) {
	shortTrace := protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), []byte("abc"))
	deep := []byte{}
	for range 60 { // each level is an array_value and its values
		deep = nest(deep, 5, 1)
	}
	second := append(nest(nil, 2), nest([]byte{0x09, 1, 2}, 2)...) // two log_records, the second with a time cut short
	for name, c := range map[string]struct {
		body   []byte
		offset int
		want   string
	}{
		"bad tag":            {[]byte{0x00}, 0, "field number 0 is out of range"},
		"cut varint":         {[]byte{0x80}, 0, "varint is cut short"},
		"long varint":        {[]byte(strings.Repeat("\xff", 11)), 0, "varint is longer than 64 bits"},
		"length over end":    {[]byte{0x0a, 5, 1}, 0, "resource_logs[0] at byte 0: length 5, but 1 bytes are left"},
		"wrong wire type":    {[]byte{0x08, 1}, 0, "resource_logs[0] at byte 0: wire type 0 does not fit"},
		"group":              {[]byte{0x7b}, 0, "field 15 at byte 0: wire type 3 is not used by OTLP"},
		"trace id length":    {nest(shortTrace, 1, 2, 2), 6, "resource_logs[0].scope_logs[0].log_records[0].trace_id at byte 6: 3 bytes, want 16"},
		"second record":      {nest(second, 1, 2), 8, "resource_logs[0].scope_logs[0].log_records[1].time_unix_nano at byte 8: 8 bytes wanted, 2 are left"},
		"nested without end": {nest(deep, 1, 2, 2, 5), -1, "messages nested deeper than 100"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check(c.body, messages.logs.request)
			var m *ingest.MalformedError
			if !errors.As(err, &m) {
				t.Fatalf("got %v, want a MalformedError", err)
			}
			if c.offset >= 0 && m.Offset != c.offset {
				t.Errorf("offset %d, want %d", m.Offset, c.offset)
			}
			if !strings.HasPrefix(err.Error(), "malformed protobuf") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestCheckCounts(t *testing.T) {
	records := append(nest(nil, 2), nest(nest(nil, 6), 2)...) // the second has one attribute
	got, err := check(nest(records, 1, 2), messages.logs.request)
	if err != nil {
		t.Fatal(err)
	}
	// request, resource_logs, scope_logs, two records, an attribute
	if want := (size{records: 2, objects: 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	future := protowire.AppendVarint(protowire.AppendTag(nil, 4711, protowire.VarintType), 1)
	if _, err := check(future, messages.traces.request); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
}

// FuzzTogether: two requests that are whole fields are right together when both
// are right alone, and have as many records.
func FuzzTogether(f *testing.F) {
	f.Add([]byte("\x0a\x04\x12\x02\x12\x00"), []byte("\x0a\x00"))
	f.Add([]byte("\x0a\x03\x12\x02\x12"), []byte("\x00\x0a\x00"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if !Complete(a) || !Complete(b) {
			return
		}
		both, err := check(slices.Concat(a, b), messages.logs.request)
		one, errA := check(a, messages.logs.request)
		other, errB := check(b, messages.logs.request)
		if (err == nil) != (errA == nil && errB == nil) {
			t.Fatalf("together %v; alone %v, %v", err, errA, errB)
		}
		if err == nil && both.records != one.records+other.records {
			t.Fatalf("%d records together, %d and %d alone", both.records, one.records, other.records)
		}
	})
}

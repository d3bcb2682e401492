package otlp

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// nest wraps b as field number of a message, once per number, innermost last.
func nest(b []byte, numbers ...protowire.Number) []byte {
	for i := len(numbers) - 1; i >= 0; i-- {
		b = protowire.AppendBytes(protowire.AppendTag(nil, numbers[i], protowire.BytesType), b)
	}
	return b
}

func TestCheckProtoPositions(t *testing.T) {
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
			_, err := checkProto(c.body, messages.logs)
			var m *MalformedError
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

func TestCheckProtoCounts(t *testing.T) {
	records := append(nest(nil, 2), nest(nest(nil, 6), 2)...) // the second has one attribute
	got, err := checkProto(nest(records, 1, 2), messages.logs)
	if err != nil {
		t.Fatal(err)
	}
	// request, resource_logs, scope_logs, two records, an attribute
	if want := (size{records: 2, objects: 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	future := protowire.AppendVarint(protowire.AppendTag(nil, 4711, protowire.VarintType), 1)
	if _, err := checkProto(future, messages.traces); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
}

func TestCheckJSON(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		offset int
		want   string
	}{
		"empty body":      {"", 0, "unexpected end"},
		"blank body":      {" \n", 2, "unexpected end"},
		"not an object":   {"[]", 0, "the request is not an object"},
		"no value":        {"null", 0, "the request is not an object"},
		"cut short":       {`{"resourceLogs":[`, 17, "unexpected end"},
		"string cut":      {`{"resourceLogs`, 1, "string without an end"},
		"trailing data":   {`{} {}`, 3, "data after the request"},
		"empty key":       {`{"":1,"resourceLogs":[]}`, 1, "empty key"},
		"nested too deep": {`{"a":` + strings.Repeat("[", 400), 304, "nested deeper than 300"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := checkJSON([]byte(c.body))
			var m *MalformedError
			if !errors.As(err, &m) || m.Offset != c.offset || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q at %d", err, c.want, c.offset)
			}
		})
	}
	got, err := checkJSON([]byte(`{"a": "{[\"", "b": [{}, null, {"c": ""}]}  `))
	if err != nil {
		t.Fatal(err)
	}
	if got.objects != 4 {
		t.Errorf("%d objects, want 4", got.objects)
	}
}

func TestJSONErrorPositions(t *testing.T) {
	for body, want := range map[string]string{
		`{"resourceLogs":[{]}`: "malformed JSON at byte 18",
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"abc"}]}]}]}`:            "length mismatch",
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"yesterday"}]}]}]}`: "yesterday",
	} {
		s := logsSignal()
		_, err := s.decode(nil, []byte(body), jsonText)
		var m *MalformedError
		if !errors.As(err, &m) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", body, err, want)
		}
	}
}

package otlp

import (
	"errors"
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
			var m *ingest.MalformedError
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
		_, err := s.build(ingest.New(ingest.Config{Sink: discard}), "default", [][]byte{[]byte(body)})
		var m *ingest.MalformedError
		if !errors.As(err, &m) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", body, err, want)
		}
	}
}

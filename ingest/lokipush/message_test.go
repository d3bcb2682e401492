package lokipush

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/protobuf/encoding/protowire"
)

// push is a request, to be written in either form.
type push []sent

type sent struct {
	labels  []string // pairs
	entries []entry
}

type entry struct {
	time     time.Time
	line     string
	metadata []string // pairs
}

func field(b []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), value)
}

func number(b []byte, number protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(n))
}

func (p push) protobuf() (b []byte) {
	for _, s := range p {
		stream := field(nil, 1, []byte(labels.FromStrings(s.labels...).String()))
		for _, e := range s.entries {
			at := number(number(nil, 1, e.time.Unix()), 2, int64(e.time.Nanosecond()))
			text := field(field(nil, 1, at), 2, []byte(e.line))
			for i := 0; i < len(e.metadata); i += 2 {
				text = field(text, 3, field(field(nil, 1, []byte(e.metadata[i])), 2, []byte(e.metadata[i+1])))
			}
			stream = field(stream, 2, text)
		}
		b = field(b, 1, stream)
	}
	return b
}

func object(pairs []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func (p push) json(t testing.TB) []byte {
	t.Helper()
	streams := []any{}
	for _, s := range p {
		values := []any{}
		for _, e := range s.entries {
			v := []any{strconv.FormatInt(e.time.UnixNano(), 10), e.line}
			if len(e.metadata) > 0 {
				v = append(v, object(e.metadata))
			}
			values = append(values, v)
		}
		streams = append(streams, map[string]any{"stream": object(s.labels), "values": values})
	}
	b, err := json.Marshal(map[string]any{"streams": streams})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

const (
	sampleTrace = "0102030405060708090a0b0c0d0e0f10"
	sampleSpan  = "a1a2a3a4a5a6a7a8"
)

func samplePush(now time.Time) push {
	return push{
		{[]string{"service_name", "shop", "level", "warn", "pod", "p-1"}, []entry{
			{now, "card \"declined\"\n\tü", []string{"trace_id", sampleTrace, "span_id", sampleSpan, "detected_level", "error", "order", "7"}},
			{now.Add(time.Nanosecond), "of the stream's level", nil},
			{now.Add(2), "numbered", []string{"severity_number", "11", "severity_text", "Notice", "trace_id", "none"}},
		}},
		{[]string{"job", "cron", "app", "backup"}, []entry{{now.Add(3), "", nil}}},
		{[]string{"filename", "/var/log/x"}, []entry{{now.Add(4), "of nobody", nil}}},
	}
}

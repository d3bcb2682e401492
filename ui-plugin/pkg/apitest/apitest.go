// Package apitest writes answers byte for byte as Trefoil's native API does, so
// that tests can put real Arrow streams and real failures before the data source.
//
// Only tests import it. What Trefoil itself answers is shown by the tests that
// run Trefoil.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ArrowType is the content type of an Arrow stream.
const ArrowType = "application/vnd.apache.arrow.stream"

// Series is one row of a metric answer, its points in Unix milliseconds. No times
// with values are those of the series before.
type Series struct {
	Labels map[string]string
	Times  []int64
	Values []float64
}

var metricFields = []arrow.Field{
	{Name: "labels", Type: textMap},
	{Name: "times", Type: arrow.ListOf(&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"})},
	{Name: "values", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64)},
}

// Metrics is a whole metric answer, each batch a record batch.
func Metrics(warnings []string, batches ...[]Series) []byte {
	text, err := json.Marshal(append([]string{}, warnings...))
	must(err)
	return stream(metricFields, map[string]string{"trefoil.kind": "metric", "trefoil.warnings": string(text)}, func(b *array.RecordBuilder, flush func()) {
		for _, batch := range batches {
			for _, s := range batch {
				appendSeries(b, s)
			}
			flush()
		}
	})
}

// Points is a metric answer of one series of n points, 16 bytes each.
func Points(n int) []byte {
	return Metrics(nil, []Series{{Times: make([]int64, n), Values: make([]float64, n)}})
}

func appendSeries(b *array.RecordBuilder, s Series) {
	labels := b.Field(0).(*array.MapBuilder)
	labels.Append(true)
	for k, v := range s.Labels {
		labels.KeyBuilder().(*array.StringBuilder).Append(k)
		labels.ItemBuilder().(*array.StringBuilder).Append(v)
	}
	times := b.Field(1).(*array.ListBuilder)
	times.Append(len(s.Times) > 0 || len(s.Values) == 0)
	for _, t := range s.Times {
		times.ValueBuilder().(*array.TimestampBuilder).Append(arrow.Timestamp(t))
	}
	values := b.Field(2).(*array.ListBuilder)
	values.Append(true)
	values.ValueBuilder().(*array.Float64Builder).AppendValues(s.Values, nil)
}

// Log is one row of a log answer; attributes and resource are keys, each with its
// value behind it.
type Log struct {
	ID, Service, Severity, Body, TraceID, SpanID string
	Attributes, Resource                         []string
	TimeNS                                       int64
	SeverityNumber                               uint8
}

var textMap = arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)

var logFields = []arrow.Field{
	{Name: "id", Type: arrow.BinaryTypes.String},
	{Name: "time", Type: &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}},
	{Name: "service", Type: arrow.BinaryTypes.String},
	{Name: "severity", Type: arrow.BinaryTypes.String},
	{Name: "severity_number", Type: arrow.PrimitiveTypes.Uint8},
	{Name: "body", Type: arrow.BinaryTypes.String},
	{Name: "trace_id", Type: arrow.BinaryTypes.String},
	{Name: "span_id", Type: arrow.BinaryTypes.String},
	{Name: "attributes", Type: textMap},
	{Name: "resource", Type: textMap},
}

// Logs is a whole log answer.
func Logs(truncated bool, logs ...Log) []byte {
	return logPage(map[string]string{"trefoil.kind": "logs", "trefoil.truncated": fmt.Sprint(truncated)}, logs)
}

// LogPage is a page of logs behind which another begins at next.
func LogPage(next string, logs ...Log) []byte {
	return logPage(map[string]string{"trefoil.kind": "logs", "trefoil.truncated": "true", "trefoil.next_cursor": next}, logs)
}

func logPage(meta map[string]string, logs []Log) []byte {
	return stream(logFields, meta, func(b *array.RecordBuilder, flush func()) {
		for _, l := range logs {
			for i, text := range map[int]string{0: l.ID, 2: l.Service, 3: l.Severity, 5: l.Body, 6: l.TraceID, 7: l.SpanID} {
				b.Field(i).(*array.StringBuilder).Append(text)
			}
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(l.TimeNS))
			b.Field(4).(*array.Uint8Builder).Append(l.SeverityNumber)
			appendPairs(b.Field(8), l.Attributes)
			appendPairs(b.Field(9), l.Resource)
		}
		flush()
	})
}

// Line is one row of an answer to LogQL; labels are keys, each with its value
// behind it.
type Line struct {
	ID, Line                 string
	TimeNS                   int64
	Stream, Metadata, Parsed []string
}

// Lines is a whole answer to a LogQL query of lines.
func Lines(lines ...Line) []byte {
	text := arrow.BinaryTypes.String
	return stream([]arrow.Field{{Name: "id", Type: text}, {Name: "time", Type: logFields[1].Type}, {Name: "line", Type: text},
		{Name: "stream", Type: textMap}, {Name: "metadata", Type: textMap}, {Name: "parsed", Type: textMap}},
		map[string]string{"trefoil.kind": "lines", "trefoil.truncated": "false"}, func(b *array.RecordBuilder, flush func()) {
			for _, l := range lines {
				b.Field(0).(*array.StringBuilder).Append(l.ID)
				b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(l.TimeNS))
				b.Field(2).(*array.StringBuilder).Append(l.Line)
				appendPairs(b.Field(3), l.Stream)
				appendPairs(b.Field(4), l.Metadata)
				appendPairs(b.Field(5), l.Parsed)
			}
			flush()
		})
}

func appendPairs(column array.Builder, pairs []string) {
	m := column.(*array.MapBuilder)
	m.Append(true)
	for i := 0; i+1 < len(pairs); i += 2 {
		m.KeyBuilder().(*array.StringBuilder).Append(pairs[i])
		m.ItemBuilder().(*array.StringBuilder).Append(pairs[i+1])
	}
}

func stream(fields []arrow.Field, meta map[string]string, fill func(b *array.RecordBuilder, flush func())) []byte {
	md := arrow.MetadataFrom(meta)
	schema := arrow.NewSchema(fields, &md)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.NewGoAllocator(), schema)
	defer b.Release()
	fill(b, func() {
		rec := b.NewRecordBatch()
		defer rec.Release()
		must(w.Write(rec))
	})
	must(w.Close())
	return out.Bytes()
}

// Answer is a handler that sends body with the given content type.
func Answer(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}

// Refuse is a handler that answers with the API's error body.
func Refuse(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "message": message}})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

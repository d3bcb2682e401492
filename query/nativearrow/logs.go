package nativearrow

import (
	"net/http"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

func logsSchema(res *logstore.Result) *arrow.Schema {
	meta := pageMetadata("logs", res.Truncated, nativejson.NextCursor(res))
	text := arrow.BinaryTypes.String
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: text},
		{Name: "time", Type: timestampOf(arrow.Nanosecond)},
		{Name: "service", Type: text},
		{Name: "severity", Type: text},
		{Name: "severity_number", Type: arrow.PrimitiveTypes.Uint8},
		{Name: "body", Type: text},
		{Name: "trace_id", Type: text},
		{Name: "span_id", Type: text},
		{Name: "attributes", Type: textMap},
		{Name: "resource", Type: textMap},
	}, &meta)
}

// Logs streams a page of logs, one row per record.
func (a Writer) Logs(w http.ResponseWriter, res *logstore.Result) error {
	return a.stream(w, logsSchema(res), func(b *array.RecordBuilder, flush func() error) error {
		text := func(column int, s string) { b.Field(column).(*array.StringBuilder).Append(s) }
		for i := range res.Rows {
			r := &res.Rows[i]
			text(0, nativejson.RecordID(r))
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(r.Time))
			text(2, r.Service)
			text(3, nativeparam.SeverityName(r.SeverityNumber))
			b.Field(4).(*array.Uint8Builder).Append(r.SeverityNumber)
			text(5, r.Body.Text())
			text(6, nativejson.IDText(r.TraceID[:]))
			text(7, nativejson.IDText(r.SpanID[:]))
			for column, kvs := range map[int][]attribute.KeyValue{8: r.Attributes, 9: r.Resource.Attributes} {
				add := mapRow(b, column)
				for _, kv := range kvs {
					add(kv.Key, kv.Value.Text())
				}
			}
			if i%rowsPerBatch == rowsPerBatch-1 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func linesSchema(res *logexec.Lines) *arrow.Schema {
	meta := pageMetadata("lines", res.More != nil, nativejson.MoreCursor(res))
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "time", Type: timestampOf(arrow.Nanosecond)},
		{Name: "line", Type: arrow.BinaryTypes.String},
		{Name: "stream", Type: textMap},
		{Name: "metadata", Type: textMap},
		{Name: "parsed", Type: textMap},
	}, &meta)
}

// Lines streams a page of lines, one row per line.
func (a Writer) Lines(w http.ResponseWriter, res *logexec.Lines) error {
	return a.stream(w, linesSchema(res), func(b *array.RecordBuilder, flush func() error) error {
		for i := range res.Lines {
			l := &res.Lines[i]
			b.Field(0).(*array.StringBuilder).Append(strconv.FormatUint(l.ID, 10))
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(l.Time))
			b.Field(2).(*array.StringBuilder).Append(l.Text)
			for column, labels := range map[int][]logpipe.Label{3: l.Stream, 4: l.Metadata, 5: l.Parsed} {
				add := mapRow(b, column)
				for _, label := range labels {
					add(label.Name, label.Value)
				}
			}
			if i%rowsPerBatch == rowsPerBatch-1 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// textMap is the type of a set of attributes or labels in Arrow: values as text,
// as a label or a matcher sees them.
var textMap = arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)

// mapRow begins a row of a map column; what it returns adds to that row.
func mapRow(b *array.RecordBuilder, column int) (add func(key, value string)) {
	m := b.Field(column).(*array.MapBuilder)
	m.Append(true)
	keys, values := m.KeyBuilder().(*array.StringBuilder), m.ItemBuilder().(*array.StringBuilder)
	return func(key, value string) {
		keys.Append(key)
		values.Append(value)
	}
}

// pageMetadata is what is told of a page of records beside them.
func pageMetadata(kind string, truncated bool, next string) arrow.Metadata {
	names := []string{"trefoil.kind", "trefoil.truncated"}
	values := []string{kind, strconv.FormatBool(truncated)}
	if next != "" {
		names, values = append(names, "trefoil.next_cursor"), append(values, next)
	}
	return arrow.NewMetadata(names, values)
}

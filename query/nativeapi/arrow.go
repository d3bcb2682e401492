package nativeapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// rowsPerBatch bounds a record batch by its rows, valuesPerBatch by the values
// of its lists.
const (
	rowsPerBatch   = 4096
	valuesPerBatch = 1 << 18
)

// timestamps in Arrow answers are in UTC.
func timestampOf(unit arrow.TimeUnit) *arrow.TimestampType {
	return &arrow.TimestampType{Unit: unit, TimeZone: "UTC"}
}

func metricSchema(warnings []string) (*arrow.Schema, error) {
	text, err := json.Marshal(warnings)
	if err != nil {
		return nil, fmt.Errorf("nativeapi: encode warnings: %w", err)
	}
	meta := arrow.NewMetadata([]string{"trefoil.kind", "trefoil.warnings"}, []string{"metric", string(text)})
	return arrow.NewSchema([]arrow.Field{
		{Name: "labels", Type: textMap},
		{Name: "times", Type: arrow.ListOf(timestampOf(arrow.Millisecond))},
		{Name: "values", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64)},
	}, &meta), nil
}

// writeMetricArrow streams a matrix, one row per series. With shared, a row whose
// times are those of the row before in its batch has null for them: on a grid,
// half of what there would be to encode, send and read.
func (a *api) writeMetricArrow(w http.ResponseWriter, m promql.Matrix, warnings []string, shared bool) error {
	skipped, left := 0, 0
	for _, s := range m {
		if len(s.Histograms) > 0 {
			skipped++
		}
		left += len(s.Floats)
	}
	if skipped > 0 {
		warnings = append(warnings, fmt.Sprintf(
			"%d series have native histogram samples, which an Arrow answer leaves out; use histogram_quantile and the like, or JSON", skipped))
	}
	schema, err := metricSchema(warnings)
	if err != nil {
		return err
	}
	return a.stream(w, schema, func(b *array.RecordBuilder, flush func() error) error {
		rows := newSeriesRows(b)
		rows.expect(left)
		for i, s := range m {
			rows.append(s, shared && rows.labels.Len() > 0 && sameTimes(s.Floats, m[i-1].Floats))
			left -= len(s.Floats)
			if rows.labels.Len() >= rowsPerBatch || rows.float.Len() >= valuesPerBatch {
				if err := flush(); err != nil {
					return err
				}
				rows.expect(left)
			}
		}
		return nil
	})
}

// seriesRows are the builders of metricSchema's columns.
type seriesRows struct {
	labels        *array.MapBuilder
	keys, texts   *array.StringBuilder
	times, values *array.ListBuilder
	time          *array.TimestampBuilder
	float         *array.Float64Builder
}

func newSeriesRows(b *array.RecordBuilder) *seriesRows {
	r := &seriesRows{labels: b.Field(0).(*array.MapBuilder), times: b.Field(1).(*array.ListBuilder), values: b.Field(2).(*array.ListBuilder)}
	r.keys, r.texts = r.labels.KeyBuilder().(*array.StringBuilder), r.labels.ItemBuilder().(*array.StringBuilder)
	r.time, r.float = r.times.ValueBuilder().(*array.TimestampBuilder), r.values.ValueBuilder().(*array.Float64Builder)
	return r
}

// expect makes room for a batch of at most left values, once instead of by
// doubling.
func (r *seriesRows) expect(left int) { r.float.Reserve(min(left, valuesPerBatch)) }

func (r *seriesRows) append(s promql.Series, sameTimes bool) {
	r.labels.Append(true)
	s.Metric.Range(func(l labels.Label) {
		r.keys.Append(l.Name)
		r.texts.Append(l.Value)
	})
	r.times.Append(!sameTimes)
	if !sameTimes {
		r.time.Reserve(len(s.Floats))
		for _, p := range s.Floats {
			r.time.UnsafeAppend(arrow.Timestamp(p.T))
		}
	}
	r.values.Append(true)
	r.float.Reserve(len(s.Floats))
	for _, p := range s.Floats {
		r.float.UnsafeAppend(p.F)
	}
}

func sameTimes(a, b []promql.FPoint) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if a[i].T != b[i].T {
			return false
		}
	}
	return true
}

// stream writes an Arrow IPC stream of the batches fill makes. The status is
// sent with the first byte; what fails later cuts the stream short of its end
// mark, which readers notice.
func (a *api) stream(w http.ResponseWriter, schema *arrow.Schema, fill func(b *array.RecordBuilder, flush func() error) error) error {
	h := w.Header()
	h.Set("Content-Type", arrowStream)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)

	out := ipc.NewWriter(w, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	flush := func() error {
		rec := b.NewRecord()
		defer rec.Release()
		return out.Write(rec)
	}
	err := fill(b, flush)
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		a.Logger.Debug("nativeapi: write Arrow stream", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func logsSchema(res *logstore.Result) *arrow.Schema {
	meta := pageMetadata("logs", res.Truncated, nextCursor(res))
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

// writeLogsArrow streams a page of logs, one row per record.
func (a *api) writeLogsArrow(w http.ResponseWriter, res *logstore.Result) error {
	return a.stream(w, logsSchema(res), func(b *array.RecordBuilder, flush func() error) error {
		text := func(column int, s string) { b.Field(column).(*array.StringBuilder).Append(s) }
		for i := range res.Rows {
			r := &res.Rows[i]
			text(0, recordID(r))
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(r.Time))
			text(2, r.Service)
			text(3, severityName(r.SeverityNumber))
			b.Field(4).(*array.Uint8Builder).Append(r.SeverityNumber)
			text(5, r.Body.Text())
			text(6, idText(r.TraceID[:]))
			text(7, idText(r.SpanID[:]))
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

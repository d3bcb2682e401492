package nativearrow

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

func metricSchema(warnings []string) (*arrow.Schema, error) {
	text, err := json.Marshal(warnings)
	if err != nil {
		return nil, fmt.Errorf("nativearrow: encode warnings: %w", err)
	}
	meta := arrow.NewMetadata([]string{"trefoil.kind", "trefoil.warnings"}, []string{"metric", string(text)})
	return arrow.NewSchema([]arrow.Field{
		{Name: "labels", Type: textMap},
		{Name: "times", Type: arrow.ListOf(timestampOf(arrow.Millisecond))},
		{Name: "values", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64)},
	}, &meta), nil
}

// Metrics streams a matrix, one row per series. With shared, a row whose
// times are those of the row before in its batch has null for them: on a grid,
// half of what there would be to encode, send and read.
func (a Writer) Metrics(w http.ResponseWriter, m promql.Matrix, warnings []string, shared bool) error {
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

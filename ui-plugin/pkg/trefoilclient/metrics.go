package trefoilclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// MetricQuery is one PromQL or MetricsQL evaluation.
type MetricQuery struct {
	Language   string // "promql" or "metricsql"
	Query      string
	Start, End time.Time
	Step       time.Duration
	Instant    bool // evaluate once, at End
	Limit      int  // of series, 0 for the server's own
}

// Series is one answer row: times and values are parallel and ascending in time.
// Series share memory, those on the same grid their times: nobody may change them.
type Series struct {
	Labels map[string]string
	Times  []time.Time
	Values []float64
}

// MetricResult is the whole answer of a metric query.
type MetricResult struct {
	Series   []Series
	Warnings []string
	Cost     Cost
	// Release gives the memory of all Values back, for answers to come. Whoever may
	// still be reading them leaves it alone; the garbage collector does as well.
	Release func()
}

// Metrics evaluates q. An expression that matches nothing gives no series and no error.
func (c *Client) Metrics(ctx context.Context, q MetricQuery) (*MetricResult, error) {
	body := struct {
		Language string  `json:"language"`
		Query    string  `json:"query"`
		Start    string  `json:"start"`
		End      string  `json:"end"`
		Step     float64 `json:"step,omitempty"`
		Instant  bool    `json:"instant"`
		Limit    int     `json:"limit,omitempty"`
		Shared   bool    `json:"shared_times"`
	}{q.Language, q.Query, formatTime(q.Start), formatTime(q.End), q.Step.Seconds(), q.Instant, q.Limit, true}
	res := &MetricResult{}
	cost, err := c.callArrow(ctx, request{method: http.MethodPost, path: "api/v1/query", body: body, plain: true}, res.decode)
	if err != nil {
		return nil, err
	}
	res.Cost = cost
	return res, nil
}

func (res *MetricResult) decode(stream *arrowStream) error {
	var last grid
	meta, err := stream.batches(func(rec arrow.RecordBatch) error {
		b, err := metricBatchOf(rec)
		if err != nil {
			return err
		}
		last.mayRepeat = false // a batch stands alone
		for row := range int(rec.NumRows()) {
			s, err := b.series(row, &last)
			if err != nil {
				return err
			}
			res.Series = append(res.Series, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if kind := metadataValue(meta, "trefoil.kind"); kind != "metric" {
		return fmt.Errorf("arrow stream: kind %q where metric was asked", kind)
	}
	if pool, taken := stream.bodies, stream.taken; pool != nil {
		res.Release = func() {
			for _, b := range taken {
				pool.put(b)
			}
		}
	}
	res.Warnings, err = warnings(meta)
	return err
}

// grid is the times of the row before, as they came and as they are given out.
type grid struct {
	mayRepeat bool // whether the next row may leave them out
	raw       []arrow.Timestamp
	times     []time.Time
}

// metricBatch is the columns of one record batch of a metric answer, one series a row.
type metricBatch struct {
	labels, times, values spans
	timeLists             *array.List
	keys, items           *array.String
	stamps                []arrow.Timestamp
	unit                  arrow.TimeUnit
	floats                []float64
}

func metricBatchOf(rec arrow.RecordBatch) (*metricBatch, error) {
	labels, err := column[*array.Map](rec, "labels")
	if err != nil {
		return nil, err
	}
	times, err := column[*array.List](rec, "times")
	if err != nil {
		return nil, err
	}
	values, err := column[*array.List](rec, "values")
	if err != nil {
		return nil, err
	}
	keys, ok1 := labels.Keys().(*array.String)
	items, ok2 := labels.Items().(*array.String)
	stamps, ok3 := times.ListValues().(*array.Timestamp)
	floats, ok4 := values.ListValues().(*array.Float64)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return nil, fmt.Errorf("arrow stream: labels, times, values are %s, %s, %s", labels.DataType(), times.DataType(), values.DataType())
	}
	return &metricBatch{
		labels:    spans{lists: labels, values: min(keys.Len(), items.Len())},
		times:     spans{lists: times, values: stamps.Len()},
		values:    spans{lists: values, values: floats.Len()},
		timeLists: times, keys: keys, items: items,
		stamps: stamps.TimestampValues(), unit: stamps.DataType().(*arrow.TimestampType).Unit, floats: floats.Float64Values(),
	}, nil
}

// series is the series of a row; rows are read in order. Null times are the last
// row's, and equal ones are given out as the same slice.
func (b *metricBatch) series(row int, last *grid) (Series, error) {
	l0, l1, err0 := b.labels.next(row)
	t0, t1, err1 := b.times.next(row)
	v0, v1, err2 := b.values.next(row)
	if err := errors.Join(err0, err1, err2); err != nil {
		return Series{}, err
	}
	switch {
	case b.timeLists.IsNull(row):
		if !last.mayRepeat {
			return Series{}, errors.New("arrow stream: a batch begins with a row without times")
		}
	case last.times == nil || !slices.Equal(b.stamps[t0:t1], last.raw):
		last.raw = b.stamps[t0:t1]
		last.times = timesOf(last.raw, b.unit)
	}
	last.mayRepeat = true
	if len(last.times) != v1-v0 {
		return Series{}, fmt.Errorf("arrow stream: row %d has %d times and %d values", row, len(last.times), v1-v0)
	}
	s := Series{Labels: make(map[string]string, l1-l0), Times: last.times, Values: b.floats[v0:v1:v1]}
	for i := l0; i < l1; i++ {
		s.Labels[strings.Clone(b.keys.Value(i))] = strings.Clone(b.items.Value(i))
	}
	return s, nil
}

func timesOf(raw []arrow.Timestamp, unit arrow.TimeUnit) []time.Time {
	out := make([]time.Time, len(raw))
	for i, t := range raw {
		out[i] = t.ToTime(unit)
	}
	return out
}

// warnings reads the JSON array an answer's schema carries beside its rows.
func warnings(meta arrow.Metadata) ([]string, error) {
	text := metadataValue(meta, "trefoil.warnings")
	if text == "" {
		return nil, nil
	}
	var out []string
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return nil, errors.New("arrow stream: trefoil.warnings is not a JSON array of text")
	}
	return out, nil
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

package frames

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

var dataPlane = data.FrameTypeVersion{0, 1}

// MetricOptions say how the series of one query are shown.
type MetricOptions struct {
	Instant  bool
	Legend   string // see Legends
	Executed string // for the query inspector
}

// Metrics makes one frame per series, a time and a value field each: for a range
// of type timeseries-multi, for an instant of type numeric-multi. No series make
// one frame without fields, which the contract reads as "no data".
func Metrics(res *trefoilclient.MetricResult, opt MetricOptions) data.Frames {
	kind, shown := data.FrameTypeTimeSeriesMulti, data.VisTypeGraph
	if opt.Instant {
		kind, shown = data.FrameTypeNumericMulti, data.VisTypeTable
	}
	meta := func() *data.FrameMeta {
		return &data.FrameMeta{Type: kind, TypeVersion: dataPlane, PreferredVisualization: data.VisType(shown), ExecutedQueryString: opt.Executed}
	}
	if len(res.Series) == 0 {
		empty := data.NewFrame("")
		empty.Meta = meta()
		return annotate(data.Frames{empty}, res.Warnings, res.Cost)
	}
	legends := Legends(opt.Legend, res.Series)
	out := make(data.Frames, len(res.Series))
	var times *data.Field
	for i, s := range res.Series {
		if i == 0 || !sameTimes(s.Times, res.Series[i-1].Times) {
			times = data.NewField(data.TimeSeriesTimeFieldName, nil, s.Times)
		}
		value := data.NewField(data.TimeSeriesValueFieldName, data.Labels(s.Labels), s.Values)
		value.SetConfig(&data.FieldConfig{DisplayNameFromDS: legends[i]})
		frame := data.NewFrame(legends[i], times, value)
		frame.Meta = meta()
		out[i] = frame
	}
	return annotate(out, res.Warnings, res.Cost)
}

// sameTimes tells series that share their times, whose frames then share the field.
func sameTimes(a, b []time.Time) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

// MetricTable makes one table of the newest value of every series: a time, a
// column for each label and the value, as tables in dashboards want it.
func MetricTable(res *trefoilclient.MetricResult, opt MetricOptions) data.Frames {
	n := len(res.Series)
	keys := map[string]bool{}
	for _, s := range res.Series {
		for k := range s.Labels {
			keys[k] = true
		}
	}
	times, values := make([]*time.Time, n), make([]*float64, n)
	for i, s := range res.Series {
		if last := len(s.Times) - 1; last >= 0 {
			times[i], values[i] = &s.Times[last], &s.Values[last]
		}
	}
	frame := data.NewFrame("", data.NewField(data.TimeSeriesTimeFieldName, nil, times))
	for _, k := range sortedKeys(keys) {
		texts := make([]string, n)
		for i, s := range res.Series {
			texts[i] = s.Labels[k]
		}
		frame.Fields = append(frame.Fields, data.NewField(k, nil, texts))
	}
	frame.Fields = append(frame.Fields, data.NewField(data.TimeSeriesValueFieldName, nil, values))
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, ExecutedQueryString: opt.Executed}
	return annotate(data.Frames{frame}, res.Warnings, res.Cost)
}

// annotate puts what concerns the whole answer on its first frame, where the
// panel and the query inspector look for it.
func annotate(frames data.Frames, warnings []string, cost trefoilclient.Cost) data.Frames {
	meta := frames[0].Meta
	for _, w := range warnings {
		meta.Notices = append(meta.Notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: w})
	}
	if cost.Elapsed > 0 {
		meta.Stats = append(meta.Stats,
			data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: "Trefoil answered in", Unit: "ms"}, Value: float64(cost.Elapsed.Microseconds()) / 1000},
			data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: "Size of the answer", Unit: "decbytes"}, Value: float64(cost.Bytes)})
	}
	return frames
}

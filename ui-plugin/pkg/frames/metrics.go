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
	// PerSeries asks for a frame for each series even where one would hold all.
	PerSeries bool
}

// Metrics makes frames of a time and value fields. Series of a range that have the
// same times are one frame of type timeseries-wide, with a value field for each,
// which costs Grafana, its browser and us a fraction of a frame each; others are
// of type timeseries-multi, and those of an instant of type numeric-multi, a frame
// for each series. No series make one frame without fields, which the contract
// reads as "no data".
func Metrics(res *trefoilclient.MetricResult, opt MetricOptions) data.Frames {
	var out data.Frames
	switch {
	case len(res.Series) == 0:
		out = data.Frames{data.NewFrame("")}
		out[0].Meta = opt.meta(data.FrameTypeTimeSeriesMulti)
	case opt.isWide(res.Series):
		out = data.Frames{opt.wide(res.Series, true)}
	default:
		out = opt.multi(res.Series)
	}
	return annotate(out, res.Warnings, res.Cost)
}

func (o MetricOptions) meta(kind data.FrameType) *data.FrameMeta {
	shown := data.VisTypeGraph
	if o.Instant {
		kind, shown = data.FrameTypeNumericMulti, data.VisTypeTable
	}
	return &data.FrameMeta{Type: kind, TypeVersion: dataPlane, PreferredVisualization: data.VisType(shown), ExecutedQueryString: o.Executed}
}

func (o MetricOptions) multi(series []trefoilclient.Series) data.Frames {
	legends := Legends(o.Legend, series)
	out := make(data.Frames, len(series))
	var times *data.Field
	for i, s := range series {
		if i == 0 || !sameTimes(s.Times, series[i-1].Times) {
			times = data.NewField(data.TimeSeriesTimeFieldName, nil, s.Times)
		}
		out[i] = data.NewFrame(legends[i], times, valueField(s, legends[i]))
		out[i].Meta = o.meta(data.FrameTypeTimeSeriesMulti)
	}
	return out
}

// MetricsWithoutRows is Metrics for a range whose series are one frame of type
// timeseries-wide: that frame without its rows, which are the times and the values
// of the series. There is none where Metrics makes other frames.
func MetricsWithoutRows(res *trefoilclient.MetricResult, opt MetricOptions) (*data.Frame, bool) {
	if !opt.isWide(res.Series) {
		return nil, false
	}
	return annotate(data.Frames{opt.wide(res.Series, false)}, res.Warnings, res.Cost)[0], true
}

// isWide tells whether series are one frame of type timeseries-wide.
func (o MetricOptions) isWide(series []trefoilclient.Series) bool {
	return !o.Instant && !o.PerSeries && len(series) > 1 && onGrid(series)
}

func (o MetricOptions) wide(series []trefoilclient.Series, rows bool) *data.Frame {
	legends := Legends(o.Legend, series)
	fields := make([]*data.Field, 1, 1+len(series))
	times := series[0].Times
	if !rows {
		times = times[:0]
	}
	fields[0] = data.NewField(data.TimeSeriesTimeFieldName, nil, times)
	for i, s := range series {
		if !rows {
			s.Values = s.Values[:0]
		}
		fields = append(fields, valueField(s, legends[i]))
	}
	frame := data.NewFrame("", fields...)
	frame.Meta = o.meta(data.FrameTypeTimeSeriesWide)
	return frame
}

func valueField(s trefoilclient.Series, legend string) *data.Field {
	field := data.NewField(data.TimeSeriesValueFieldName, data.Labels(s.Labels), s.Values)
	return field.SetConfig(&data.FieldConfig{DisplayNameFromDS: legend})
}

// onGrid tells whether all series share their times.
func onGrid(series []trefoilclient.Series) bool {
	for _, s := range series {
		if !sameTimes(s.Times, series[0].Times) {
			return false
		}
	}
	return true
}

// sameTimes tells series that share their times, which Trefoil's client gives
// out as one slice.
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

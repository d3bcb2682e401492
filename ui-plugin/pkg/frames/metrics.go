package frames

import (
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
	for i, s := range res.Series {
		value := data.NewField(data.TimeSeriesValueFieldName, data.Labels(s.Labels), s.Values)
		value.SetConfig(&data.FieldConfig{DisplayNameFromDS: legends[i]})
		frame := data.NewFrame(legends[i], data.NewField(data.TimeSeriesTimeFieldName, nil, s.Times), value)
		frame.Meta = meta()
		out[i] = frame
	}
	return annotate(out, res.Warnings, res.Cost)
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

package frames

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// Exemplars makes the one frame the time series panel draws as points over its
// lines: named "exemplar", an annotation by topic, with Time, Value, traceID,
// spanID and a field for each label. No exemplars make no frame.
func Exemplars(items []trefoilclient.Exemplar, source Source) data.Frames {
	if len(items) == 0 {
		return nil
	}
	n := len(items)
	times, values := make([]time.Time, n), make([]float64, n)
	traces, spans := make([]*string, n), make([]*string, n)
	keys := map[string]bool{}
	for i, x := range items {
		times[i], values[i], traces[i], spans[i] = x.Time, x.Value.Float(), orNull(x.TraceID), orNull(x.SpanID)
		for k := range x.Labels {
			keys[k] = true
		}
	}
	frame := data.NewFrame("exemplar",
		data.NewField("Time", nil, times),
		data.NewField("Value", nil, values),
		linked(data.NewField("traceID", nil, traces), source.trace()),
		data.NewField("spanID", nil, spans),
	)
	for _, k := range sortedKeys(keys) {
		texts := make([]string, n)
		for i, x := range items {
			texts[i] = x.Labels[k]
		}
		frame.Fields = append(frame.Fields, data.NewField(k, nil, texts))
	}
	frame.Meta = &data.FrameMeta{DataTopic: data.DataTopicAnnotations, Custom: map[string]any{"resultType": "exemplar"}}
	return data.Frames{frame}
}

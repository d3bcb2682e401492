package frames

import (
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// Grafana makes an annotation of each row of a frame with the fields time, title,
// text, tags and id, by their names.

// LogAnnotations makes annotations of lines: the service is the title, the line
// the text, its level the tag.
func LogAnnotations(res *trefoilclient.LogResult, executed string, source Source) data.Frames {
	a := newAnnotations(len(res.Records))
	traces := make([]*string, len(res.Records))
	for i, r := range res.Records {
		a.set(i, r.Time, r.Service, r.Body, r.ID, strings.ToLower(r.Severity))
		traces[i] = orNull(r.TraceID)
	}
	return annotate(a.frame(executed, linked(data.NewField("traceID", nil, traces), source.trace())), res.Warnings, res.Cost)
}

// TraceAnnotations makes annotations of traces where they begin: the service of
// the root span is the title, its name and what became of it the text.
func TraceAnnotations(res *trefoilclient.TracesFound, executed string, source Source) data.Frames {
	a := newAnnotations(len(res.Traces))
	for i, t := range res.Traces {
		text, tag := fmt.Sprintf("%s took %s", t.Name, time.Duration(t.DurationNS)), ""
		if t.Errors > 0 {
			text, tag = fmt.Sprintf("%s, %d of %d spans failed", text, t.Errors, t.Spans), "error"
		}
		a.set(i, t.Start, t.Service, text, t.TraceID, tag)
	}
	return annotate(a.frame(executed, linked(data.NewField("traceID", nil, a.ids), source.trace())), nil, res.Cost)
}

type annotations struct {
	times                    []time.Time
	titles, texts, ids, tags []string
}

func newAnnotations(n int) *annotations {
	return &annotations{make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)}
}

func (a *annotations) set(i int, at time.Time, title, text, id, tag string) {
	a.times[i], a.titles[i], a.texts[i], a.ids[i], a.tags[i] = at, title, text, id, tag
}

func (a *annotations) frame(executed string, more ...*data.Field) data.Frames {
	frame := data.NewFrame("annotations", append([]*data.Field{
		data.NewField("time", nil, a.times),
		data.NewField("title", nil, a.titles),
		data.NewField("text", nil, a.texts),
		data.NewField("tags", nil, a.tags), // separated by commas
		data.NewField("id", nil, a.ids),
	}, more...)...)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, ExecutedQueryString: executed}
	return data.Frames{frame}
}

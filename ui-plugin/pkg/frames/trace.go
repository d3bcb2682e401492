package frames

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// TraceOptions say how a trace is shown.
type TraceOptions struct {
	Executed string
	Source   Source
}

// keyValue, spanLog and reference are the shapes Grafana's trace view reads from
// the JSON fields of a TraceSpanRow.
type keyValue struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

type spanLog struct {
	Timestamp float64    `json:"timestamp"` // Unix ms
	Name      string     `json:"name,omitempty"`
	Fields    []keyValue `json:"fields"`
}

type reference struct {
	TraceID string     `json:"traceID"`
	SpanID  string     `json:"spanID"`
	Tags    []keyValue `json:"tags,omitempty"`
}

var statusCodes = map[string]int64{"UNSET": 0, "OK": 1, "ERROR": 2}

// Trace makes the frame of the trace view, one row per span, times and durations
// in milliseconds. Resource attributes are the service's tags, links are references.
// Grafana offers the links of the fields on every span.
func Trace(t *trefoilclient.Trace, opt TraceOptions) (data.Frames, error) {
	errorColor := "red" // of the icon of spans that failed
	n := len(t.Spans)
	text := func() []string { return make([]string, n) }
	objects := func() []json.RawMessage { return make([]json.RawMessage, n) }
	var (
		traceID, spanID, parent, operation, service = text(), text(), text(), text(), text()
		kind, message, scope, version, state        = text(), text(), text(), text(), text()
		start, duration                             = make([]float64, n), make([]float64, n)
		code                                        = make([]int64, n)
		serviceTags, tags, logs, refs, warn, stacks = objects(), objects(), objects(), objects(), objects(), objects()
		icon                                        = make([]*string, n)
	)
	for i, s := range t.Spans {
		traceID[i], spanID[i], parent[i], operation[i], service[i] = t.TraceID, s.SpanID, s.ParentSpanID, s.Name, s.Service
		kind[i], message[i], scope[i], version[i], state[i] = strings.ToLower(s.Kind), s.Status.Message, s.Scope.Name, s.Scope.Version, s.TraceState
		start[i], duration[i] = millis(s.Start), float64(s.DurationNS)/1e6
		c, ok := statusCodes[s.Status.Code]
		if !ok && s.Status.Code != "" {
			return nil, fmt.Errorf("span %s: status code %q", s.SpanID, s.Status.Code)
		}
		code[i] = c
		serviceTags[i], tags[i], logs[i] = encode(keyValues(s.Resource)), encode(spanTags(s)), encode(spanLogs(s.Events))
		refs[i], warn[i], stacks[i] = encode(references(s.Links)), encode(spanWarnings(s)), encode(stackTraces(s.Events))
		if s.Status.Code == "ERROR" {
			icon[i] = &errorColor
		}
	}
	frame := data.NewFrame("Trace",
		linked(data.NewField("traceID", nil, traceID), opt.Source.traceLogs()),
		linked(data.NewField("spanID", nil, spanID), opt.Source.spanLogs()),
		data.NewField("parentSpanID", nil, parent),
		data.NewField("operationName", nil, operation),
		linked(data.NewField("serviceName", nil, service), opt.Source.serviceMetrics()),
		data.NewField("serviceTags", nil, serviceTags),
		milliseconds(data.NewField("startTime", nil, start), ""),
		milliseconds(data.NewField("duration", nil, duration), "ms"),
		data.NewField("kind", nil, kind),
		data.NewField("statusCode", nil, code),
		data.NewField("statusMessage", nil, message),
		data.NewField("instrumentationLibraryName", nil, scope),
		data.NewField("instrumentationLibraryVersion", nil, version),
		data.NewField("traceState", nil, state),
		data.NewField("tags", nil, tags),
		data.NewField("logs", nil, logs),
		data.NewField("references", nil, refs),
		data.NewField("warnings", nil, warn),
		data.NewField("stackTraces", nil, stacks),
		data.NewField("errorIconColor", nil, icon),
	)
	frame.Meta = &data.FrameMeta{
		PreferredVisualization: data.VisTypeTrace,
		ExecutedQueryString:    opt.Executed,
		Custom:                 map[string]any{"traceFormat": "otlp"},
	}
	if t.Truncated {
		frame.Meta.Notices = append(frame.Meta.Notices, data.Notice{Severity: data.NoticeSeverityWarning,
			Text: fmt.Sprintf("The trace has %d spans; only the first %d are shown.", t.SpanCount, n)})
	}
	return annotate(data.Frames{frame}, nil, t.Cost), nil
}

// spanTags are the span's attributes and, for a failed span, the tag by which
// the trace view knows that it failed.
func spanTags(s trefoilclient.Span) []keyValue {
	tags := keyValues(s.Attributes)
	if _, sent := s.Attributes["error"]; s.Status.Code == "ERROR" && !sent {
		tags = append(tags, keyValue{"error", json.RawMessage("true")})
	}
	return tags
}

func spanLogs(events []trefoilclient.Event) []spanLog {
	out := make([]spanLog, len(events))
	for i, e := range events {
		out[i] = spanLog{Timestamp: millis(e.Time), Name: e.Name, Fields: keyValues(e.Attributes)}
	}
	return out
}

func references(links []trefoilclient.Link) []reference {
	out := make([]reference, len(links))
	for i, l := range links {
		out[i] = reference{TraceID: l.TraceID, SpanID: l.SpanID, Tags: keyValues(l.Attributes)}
	}
	return out
}

// stackTraces are those of the exceptions that a span recorded, as OpenTelemetry's
// conventions name them; never nil.
func stackTraces(events []trefoilclient.Event) []string {
	out := []string{}
	for _, e := range events {
		var trace string
		if raw, ok := e.Attributes["exception.stacktrace"]; ok && json.Unmarshal(raw, &trace) == nil && trace != "" {
			out = append(out, trace)
		}
	}
	return out
}

func spanWarnings(s trefoilclient.Span) []string {
	if !s.Orphan {
		return []string{}
	}
	return []string{fmt.Sprintf("Its parent span %s has not been received.", s.ParentSpanID)}
}

// keyValues are attributes as Grafana's list, ordered by key; never nil, since
// the trace view iterates over it.
func keyValues(a trefoilclient.Attributes) []keyValue {
	out := make([]keyValue, 0, len(a))
	for _, k := range sortedKeys(a) {
		out = append(out, keyValue{k, a[k]})
	}
	return out
}

// encode cannot fail: all it is given was decoded from valid JSON.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("trace frame: %v", err))
	}
	return raw
}

// millis keeps whole milliseconds whole: today's nanoseconds exceed a float's digits.
func millis(t time.Time) float64 {
	return float64(t.UnixMilli()) + float64(t.Nanosecond()%1e6)/1e6
}

func milliseconds(f *data.Field, unit string) *data.Field {
	return f.SetConfig(&data.FieldConfig{Unit: unit})
}

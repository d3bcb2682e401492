package frames

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// LogOptions say how the records of one search are shown.
type LogOptions struct {
	Executed string
	Limit    int
	Search   string // highlighted in the bodies
	Source   Source
}

// Logs makes one frame of type log-lines: timestamp, body, severity, id and
// labels as the data plane contract names them, then traceID and spanID. The
// traceID links to the trace in this same source.
func Logs(res *trefoilclient.LogResult, opt LogOptions) (data.Frames, error) {
	n := len(res.Records)
	var (
		times    = make([]time.Time, n)
		bodies   = make([]string, n)
		severity = make([]string, n)
		ids      = make([]string, n)
		labels   = make([]json.RawMessage, n)
		traces   = make([]*string, n)
		spans    = make([]*string, n)
	)
	resources := map[string]map[string]json.RawMessage{} // records share a few
	for i, r := range res.Records {
		merged, err := logLabels(r, resources)
		if err != nil {
			return nil, err
		}
		times[i], bodies[i], severity[i], ids[i] = r.Time, r.Body, strings.ToLower(r.Severity), r.ID
		labels[i], traces[i], spans[i] = merged, orNull(r.TraceID), orNull(r.SpanID)
	}
	frame := data.NewFrame("",
		data.NewField("timestamp", nil, times),
		data.NewField("body", nil, bodies),
		data.NewField("severity", nil, severity),
		data.NewField("id", nil, ids),
		data.NewField("labels", nil, labels),
		linked(data.NewField("traceID", nil, traces), opt.Source.trace()),
		data.NewField("spanID", nil, spans),
	)
	custom := map[string]any{"limit": opt.Limit}
	if opt.Search != "" {
		custom["searchWords"] = []string{opt.Search}
	}
	frame.Meta = &data.FrameMeta{
		Type:                   data.FrameTypeLogLines,
		PreferredVisualization: data.VisTypeLogs,
		ExecutedQueryString:    opt.Executed,
		Custom:                 custom,
	}
	if res.Truncated {
		frame.Meta.Notices = append(frame.Meta.Notices, data.Notice{Severity: data.NoticeSeverityInfo,
			Text: fmt.Sprintf("More than these %d lines match. Narrow the search or raise the line limit.", n)})
	}
	return annotate(data.Frames{frame}, res.Warnings, res.Cost), nil
}

// logLabels merges what surrounds a record into one object: its own attributes
// under their names, the resource's too unless the record has the same name,
// when they keep a "resource." in front.
func logLabels(r trefoilclient.LogRecord, resources map[string]map[string]json.RawMessage) (json.RawMessage, error) {
	var own map[string]json.RawMessage
	if err := json.Unmarshal(r.Attributes, &own); err != nil {
		return nil, fmt.Errorf("log record %s: attributes: %w", r.ID, err)
	}
	resource, known := resources[string(r.Resource)]
	if !known {
		if err := json.Unmarshal(r.Resource, &resource); err != nil {
			return nil, fmt.Errorf("log record %s: resource: %w", r.ID, err)
		}
		resources[string(r.Resource)] = resource
	}
	merged := make(map[string]json.RawMessage, len(own)+len(resource)+1)
	if r.Service != "" {
		merged["service.name"], _ = json.Marshal(r.Service)
	}
	for k, v := range resource {
		merged[k] = v
	}
	for k, v := range own {
		if shadowed, ok := merged[k]; ok {
			merged["resource."+k] = shadowed
		}
		merged[k] = v
	}
	return json.Marshal(merged)
}

// orNull is null for an absent ID: Grafana offers a link on any text, even none.
func orNull(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

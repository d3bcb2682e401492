package frames

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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
func Logs(res *trefoilclient.LogResult, opt LogOptions) data.Frames {
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
	var write labeler
	for i := range res.Records {
		r := &res.Records[i]
		times[i], bodies[i], severity[i], ids[i] = r.Time, r.Body, strings.ToLower(r.Severity), r.ID
		labels[i], traces[i], spans[i] = write.labels(r), orNull(r.TraceID), orNull(r.SpanID)
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
	return annotate(data.Frames{frame}, res.Warnings, res.Cost)
}

// labeler writes the labels of records as JSON objects. Records share resources,
// whose part it writes once.
type labeler struct {
	of   []trefoilclient.Pair // the resource that the rest is of
	keys map[string]string    // its attributes
	text []byte               // it as the beginning of an object
}

// labels merges what surrounds a record into one object: its own attributes under
// their names, the resource's too unless the record has the same name, when they
// keep a "resource." in front.
func (l *labeler) labels(r *trefoilclient.LogRecord) json.RawMessage {
	if l.text == nil || !samePairs(l.of, r.Resource) {
		l.of, l.keys, l.text = r.Resource, map[string]string{}, []byte{'{'}
		for _, p := range r.Resource {
			l.keys[p.Key] = p.Value
			l.text = appendPair(l.text, p.Key, p.Value)
		}
	}
	shadows := false
	named := r.Service == "" || l.keys["service.name"] != "" || l.keys["service_name"] != ""
	size := len(l.text) + 2
	for _, p := range r.Attributes {
		_, has := l.keys[p.Key]
		shadows = shadows || has
		named = named || p.Key == "service.name"
		size += len(p.Key) + len(p.Value) + 6
	}
	out := append(make([]byte, 0, size), l.text...)
	if shadows {
		out = append(out[:0], '{')
		own := map[string]bool{}
		for _, p := range r.Attributes {
			own[p.Key] = true
		}
		for _, p := range r.Resource {
			if own[p.Key] {
				p.Key = "resource." + p.Key
			}
			out = appendPair(out, p.Key, p.Value)
		}
	}
	if !named {
		out = appendPair(out, "service.name", r.Service)
	}
	for _, p := range r.Attributes {
		out = appendPair(out, p.Key, p.Value)
	}
	return append(out, '}')
}

func samePairs(a, b []trefoilclient.Pair) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func appendPair(b []byte, key, value string) []byte {
	if len(b) > 1 {
		b = append(b, ',')
	}
	return appendText(append(appendText(b, key), ':'), value)
}

// appendText writes a JSON string. Text from outside may hold anything.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // of a string it cannot fail
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// orNull is null for an absent ID: Grafana offers a link on any text, even none.
func orNull(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

package nativeclient

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LineQuery asks LogQL for lines.
type LineQuery struct {
	Query      string
	Start, End time.Time
	Limit      int
	Cursor     string
}

// Lines asks for the newest lines, by the API that log clients use. Of a record,
// Body is the line and Attributes are the labels that are not the stream's.
func (c *Client) Lines(ctx context.Context, q LineQuery) (*Logs, error) {
	params := url.Values{"query": {q.Query}, "start": {strconv.FormatInt(q.Start.UnixNano(), 10)}, "end": {strconv.FormatInt(q.End.UnixNano(), 10)}}
	if q.Limit > 0 {
		params.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Cursor != "" {
		params.Set("cursor", q.Cursor)
	}
	raw, err := c.get(ctx, "/loki/api/v1/query_range", params)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Data struct {
			Result []struct {
				Stream map[string]string
				Values []line
			}
			Cursor string
		}
	}
	if err := decode(raw, &doc); err != nil {
		return nil, err
	}
	l := &Logs{Raw: raw, NextCursor: doc.Data.Cursor, Truncated: doc.Data.Cursor != ""}
	for _, s := range doc.Data.Result {
		for _, v := range s.Values {
			l.Records = append(l.Records, v.record(s.Stream["service_name"]))
		}
	}
	slices.SortStableFunc(l.Records, func(a, b Record) int { return cmp.Compare(b.Time.UnixNano(), a.Time.UnixNano()) })
	return l, nil
}

// line is a time in Unix nanoseconds, the text, and labels by source.
type line struct {
	at     time.Time
	text   string
	labels struct{ StructuredMetadata, Parsed map[string]string }
}

func (l *line) UnmarshalJSON(b []byte) error {
	var at string
	parts := []any{&at, &l.text, &l.labels}
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw) < 2 || len(raw) > len(parts) {
		return fmt.Errorf("a line of %d parts", len(raw))
	}
	for i := range raw {
		if err := json.Unmarshal(raw[i], parts[i]); err != nil {
			return err
		}
	}
	ns, err := strconv.ParseInt(at, 10, 64)
	l.at = time.Unix(0, ns)
	return err
}

// dull are labels that a table shows elsewhere or not at all.
var dull = []string{"detected_level", "severity_text", "severity_number", "trace_id", "span_id", "flags", "observed_timestamp", "scope_name", "scope_version"}

func (l *line) record(service string) Record {
	r := Record{Time: l.at, Service: service, Body: l.text, Attributes: map[string]any{}}
	for _, labels := range []map[string]string{l.labels.StructuredMetadata, l.labels.Parsed} {
		for name, value := range labels {
			if !slices.Contains(dull, name) {
				r.Attributes[name] = value
			}
		}
	}
	r.Severity = strings.ToUpper(l.labels.StructuredMetadata["detected_level"])
	r.TraceID, r.SpanID = l.labels.StructuredMetadata["trace_id"], l.labels.StructuredMetadata["span_id"]
	return r
}

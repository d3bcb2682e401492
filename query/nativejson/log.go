package nativejson

import (
	"encoding/json"
	"strconv"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// LogRecord is a log record as it was sent.
type LogRecord struct {
	ID             string          `json:"id"`
	Time           string          `json:"time"`
	ObservedTime   string          `json:"observed_time"`
	Service        string          `json:"service"`
	Severity       string          `json:"severity"`
	SeverityNumber uint8           `json:"severity_number"`
	SeverityText   string          `json:"severity_text"`
	Body           json.RawMessage `json:"body"`
	TraceID        string          `json:"trace_id"`
	SpanID         string          `json:"span_id"`
	Flags          uint32          `json:"flags"`
	EventName      string          `json:"event_name"`
	Attributes     json.RawMessage `json:"attributes"`
	Resource       json.RawMessage `json:"resource"`
	Scope          Scope           `json:"scope"`
}

// Logs is a page of log records.
type Logs struct {
	Records    []LogRecord `json:"records"`
	NextCursor string      `json:"next_cursor,omitempty"`
	Truncated  bool        `json:"truncated"`
}

func (r *Renderer) record(row *logstore.Row) LogRecord {
	return LogRecord{
		ID:             RecordID(row),
		Time:           TimeText(row.Time),
		ObservedTime:   TimeText(row.ObservedTime),
		Service:        row.Service,
		Severity:       nativeparam.SeverityName(row.SeverityNumber),
		SeverityNumber: row.SeverityNumber,
		SeverityText:   row.SeverityText,
		Body:           ValueJSON(row.Body),
		TraceID:        IDText(row.TraceID[:]),
		SpanID:         IDText(row.SpanID[:]),
		Flags:          row.Flags,
		EventName:      row.EventName,
		Attributes:     attributesJSON(row.Attributes),
		Resource:       r.resource(row.Resource),
		Scope:          r.scope(row.Scope),
	}
}

// Logs makes a page of stored rows.
func (r *Renderer) Logs(res *logstore.Result) *Logs {
	out := &Logs{Records: make([]LogRecord, len(res.Rows)), Truncated: res.Truncated}
	for i := range res.Rows {
		out.Records[i] = r.record(&res.Rows[i])
	}
	out.NextCursor = NextCursor(res)
	return out
}

// RecordID is a record's id in the API; a JSON number would lose bits of it.
func RecordID(r *logstore.Row) string { return strconv.FormatUint(r.ID, 10) }

// NextCursor is where the page behind a page begins, empty behind the last.
func NextCursor(res *logstore.Result) string {
	if !res.Truncated || len(res.Rows) == 0 {
		return ""
	}
	return nativeparam.Cursor(res.Rows[len(res.Rows)-1].Cursor()).String()
}

// Line is a record as a LogQL pipeline leaves it, its labels by where they are
// from: the resource, the record, the pipeline.
type Line struct {
	ID       string            `json:"id"`
	Time     string            `json:"time"`
	Line     string            `json:"line"`
	Stream   map[string]string `json:"stream"`
	Metadata map[string]string `json:"metadata"`
	Parsed   map[string]string `json:"parsed"`
}

// Lines is a page of lines.
type Lines struct {
	Lines      []Line `json:"lines"`
	Truncated  bool   `json:"truncated"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// LinesOf makes a page of the lines of a pipeline.
func LinesOf(res *logexec.Lines) Lines {
	body := Lines{Lines: make([]Line, len(res.Lines)), Truncated: res.More != nil, NextCursor: MoreCursor(res)}
	for i, l := range res.Lines {
		body.Lines[i] = Line{ID: strconv.FormatUint(l.ID, 10), Time: TimeText(l.Time), Line: l.Text,
			Stream: labelMap(l.Stream), Metadata: labelMap(l.Metadata), Parsed: labelMap(l.Parsed)}
	}
	return body
}

func labelMap(list []logpipe.Label) map[string]string {
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Name] = l.Value
	}
	return m
}

// MoreCursor is where the page behind a page of lines begins, empty behind the
// last.
func MoreCursor(res *logexec.Lines) string {
	if res.More == nil {
		return ""
	}
	return nativeparam.Cursor(*res.More).String()
}

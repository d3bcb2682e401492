package trefoilclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Filter is one attribute condition: Op is "=" or "!=".
type Filter struct {
	Key, Op, Value string
}

// pageOfLogs is how many records one answer of the API may hold.
const pageOfLogs = 5000

// LogQuery searches records in [Start, End). Empty fields do not filter. A limit
// above what one answer holds is read page by page.
type LogQuery struct {
	Start, End time.Time
	Service    string
	Severity   string // the least one wanted: TRACE, DEBUG, INFO, WARN, ERROR or FATAL
	Text       string // substring of the body, case-insensitive
	Attributes []Filter
	TraceID    string
	SpanID     string
	Limit      int
	Forward    bool // oldest first

	cursor string // where a page begins
}

// LogRecord is one record; Attributes and Resource are JSON objects.
type LogRecord struct {
	ID, Service, Severity, Body string
	Time                        time.Time
	TraceID, SpanID             string // lower-case hex, empty when the record has none
	Attributes, Resource        json.RawMessage
}

// LogResult is one page of records in the asked order.
type LogResult struct {
	Records   []LogRecord
	Truncated bool // more records match than were sent
	Warnings  []string
	Cost      Cost
	Next      string // where the page behind begins, empty behind the last
}

// Values is the query as the API's URL parameters.
func (q LogQuery) Values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	v.Set("start", formatTime(q.Start))
	v.Set("end", formatTime(q.End))
	set("service", q.Service)
	set("severity", q.Severity)
	set("q", q.Text)
	set("trace_id", q.TraceID)
	set("span_id", q.SpanID)
	for _, a := range q.Attributes {
		v.Add("attr", a.Key+a.Op+a.Value)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	set("cursor", q.cursor)
	v.Set("direction", "backward")
	if q.Forward {
		v.Set("direction", "forward")
	}
	return v
}

// Logs fetches up to q.Limit records, all pages together at most
// MaxResponseBytes.
func (c *Client) Logs(ctx context.Context, q LogQuery) (*LogResult, error) {
	wanted := q.Limit
	q.Limit = min(wanted, pageOfLogs)
	all, err := c.logPage(ctx, q)
	if err != nil {
		return nil, err
	}
	for len(all.Records) < wanted && all.Next != "" {
		q.cursor, q.Limit = all.Next, min(wanted-len(all.Records), pageOfLogs)
		page, err := c.logPage(ctx, q)
		if err != nil {
			return nil, err
		}
		all.Records = append(all.Records, page.Records...)
		all.Warnings = append(all.Warnings, page.Warnings...)
		all.Truncated, all.Next = page.Truncated, page.Next
		all.Cost.Elapsed += page.Cost.Elapsed
		if all.Cost.Bytes += page.Cost.Bytes; all.Cost.Bytes > c.cfg.MaxResponseBytes {
			return nil, c.tooLarge()
		}
		if len(page.Records) == 0 {
			break
		}
	}
	return all, nil
}

func (c *Client) logPage(ctx context.Context, q LogQuery) (*LogResult, error) {
	a, err := c.call(ctx, request{method: http.MethodGet, path: "api/v1/logs", query: q.Values(), accept: arrowType})
	if err != nil {
		return nil, err
	}
	res, err := decodeLogs(a.body, 8*c.cfg.MaxResponseBytes)
	if err != nil {
		return nil, c.malformed(err)
	}
	res.Cost = a.cost
	return res, nil
}

func decodeLogs(stream []byte, budget int64) (*LogResult, error) {
	res := &LogResult{}
	meta, err := readArrow(stream, budget, func(rec arrow.Record) error {
		records, err := recordsOf(rec)
		res.Records = append(res.Records, records...)
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Next = metadataValue(meta, "trefoil.next_cursor")
	res.Truncated = metadataValue(meta, "trefoil.truncated") == "true" || res.Next != ""
	res.Warnings, err = warnings(meta)
	return res, err
}

func recordsOf(rec arrow.Record) ([]LogRecord, error) {
	times, err := column[*array.Timestamp](rec, "time")
	if err != nil {
		return nil, err
	}
	unit := times.DataType().(*arrow.TimestampType).Unit
	out := make([]LogRecord, rec.NumRows())
	for row := range out {
		out[row].Time = times.Value(row).ToTime(unit)
	}
	for _, text := range []struct {
		name string
		set  func(*LogRecord, string) error
	}{
		{"id", func(r *LogRecord, s string) error { r.ID = s; return nil }},
		{"service", func(r *LogRecord, s string) error { r.Service = s; return nil }},
		{"severity", func(r *LogRecord, s string) error { r.Severity = s; return nil }},
		{"body", func(r *LogRecord, s string) error { r.Body = s; return nil }},
		{"trace_id", func(r *LogRecord, s string) error { r.TraceID = s; return nil }},
		{"span_id", func(r *LogRecord, s string) error { r.SpanID = s; return nil }},
		{"attributes", func(r *LogRecord, s string) (err error) { r.Attributes, err = object("attributes", s); return err }},
		{"resource", func(r *LogRecord, s string) (err error) { r.Resource, err = object("resource", s); return err }},
	} {
		value, err := textColumn(rec, text.name)
		if err != nil {
			return nil, err
		}
		for row := range out {
			if err := text.set(&out[row], value(row)); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// object checks that s is a JSON object. The copy ends the alias of Arrow's memory.
func object(column, s string) (json.RawMessage, error) {
	if s == "" {
		return json.RawMessage("{}"), nil
	}
	raw := json.RawMessage(s)
	if s[0] != '{' || !json.Valid(raw) {
		return nil, fmt.Errorf("arrow stream: column %q holds text that is no JSON object", column)
	}
	return raw, nil
}

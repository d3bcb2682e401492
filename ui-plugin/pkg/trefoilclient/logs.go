package trefoilclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Filter is one attribute condition: Op is "=" or "!=".
type Filter struct {
	Key, Op, Value string
}

// pageOfLogs is how many records one answer of the API may hold.
const pageOfLogs = 5000

// LogQuery searches records in [Start, End). Empty fields do not filter. A limit
// above what one answer holds is read page by page. LogQL is a query of lines, and
// then the only filter.
type LogQuery struct {
	Start, End time.Time
	LogQL      string
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

// Pair is an attribute or a label, its value as text.
type Pair struct{ Key, Value string }

// LogRecord is one record. Attributes and Resource are its own and its
// resource's, each key once; records that follow each other share what is equal,
// so nobody may change them. Of a LogQL query the body is the line that the query
// made, and the attributes include the labels it made.
type LogRecord struct {
	ID, Service, Severity, Body string
	Time                        time.Time
	TraceID, SpanID             string // lower-case hex, empty when the record has none
	Attributes, Resource        []Pair
}

// LogResult is one page of records in the asked order.
type LogResult struct {
	Records   []LogRecord
	Truncated bool // more records match than were sent
	Warnings  []string
	Cost      Cost
	Next      string // where the page behind begins, empty behind the last
}

// Path is where the API answers the query.
func (q LogQuery) Path() string {
	if q.LogQL != "" {
		return "api/v1/lines"
	}
	return "api/v1/logs"
}

// Values is the query as the API's URL parameters.
func (q LogQuery) Values() url.Values {
	if q.LogQL != "" {
		q = LogQuery{Start: q.Start, End: q.End, LogQL: q.LogQL, Limit: q.Limit, Forward: q.Forward, cursor: q.cursor}
	}
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	v.Set("start", formatTime(q.Start))
	v.Set("end", formatTime(q.End))
	set("query", q.LogQL)
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
	res := &LogResult{}
	cost, err := c.callArrow(ctx, request{method: http.MethodGet, path: q.Path(), query: q.Values()}, res.decode)
	if err != nil {
		return nil, err
	}
	res.Cost = cost
	return res, nil
}

func (res *LogResult) decode(stream *arrowStream) error {
	meta, err := stream.batches(func(rec arrow.RecordBatch) error {
		records, err := recordsOf(rec)
		res.Records = append(res.Records, records...)
		return err
	})
	if err != nil {
		return err
	}
	res.Next = metadataValue(meta, "trefoil.next_cursor")
	res.Truncated = metadataValue(meta, "trefoil.truncated") == "true" || res.Next != ""
	res.Warnings, err = warnings(meta)
	return err
}

func recordsOf(rec arrow.RecordBatch) ([]LogRecord, error) {
	times, err := column[*array.Timestamp](rec, "time")
	if err != nil {
		return nil, err
	}
	unit := times.DataType().(*arrow.TimestampType).Unit
	out := make([]LogRecord, rec.NumRows())
	for row := range out {
		out[row].Time = times.Value(row).ToTime(unit)
	}
	if len(rec.Schema().FieldIndices("line")) > 0 {
		return out, readLines(rec, out)
	}
	return out, errors.Join(
		readText(rec, "id", func(row int, s string) { out[row].ID = s }),
		readText(rec, "service", func(row int, s string) { out[row].Service = s }),
		readText(rec, "severity", func(row int, s string) { out[row].Severity = s }),
		readText(rec, "body", func(row int, s string) { out[row].Body = s }),
		readText(rec, "trace_id", func(row int, s string) { out[row].TraceID = s }),
		readText(rec, "span_id", func(row int, s string) { out[row].SpanID = s }),
		readPairs(rec, "attributes", func(row int, p []Pair) { out[row].Attributes = p }),
		readPairs(rec, "resource", func(row int, p []Pair) { out[row].Resource = p }))
}

// readLines reads what LogQL answers, where all but the line is a label.
func readLines(rec arrow.RecordBatch, out []LogRecord) error {
	return errors.Join(
		readText(rec, "id", func(row int, s string) { out[row].ID = s }),
		readText(rec, "line", func(row int, s string) { out[row].Body = s }),
		readPairs(rec, "stream", func(row int, p []Pair) {
			out[row].Resource, out[row].Service = p, valueOf(p, "service_name")
		}),
		readPairs(rec, "metadata", func(row int, p []Pair) {
			r := &out[row]
			r.Attributes, r.Severity, r.TraceID, r.SpanID = p, valueOf(p, "detected_level"), valueOf(p, "trace_id"), valueOf(p, "span_id")
		}),
		readPairs(rec, "parsed", func(row int, p []Pair) {
			if len(p) > 0 {
				out[row].Attributes = slices.Concat(out[row].Attributes, p)
			}
		}))
}

func valueOf(pairs []Pair, key string) string {
	for _, p := range pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// readText gives the text of each row of a column.
func readText(rec arrow.RecordBatch, name string, set func(row int, s string)) error {
	value, err := textColumn(rec, name)
	if err != nil {
		return err
	}
	for row := range int(rec.NumRows()) {
		set(row, value(row))
	}
	return nil
}

// readPairs gives the pairs of each row of a map column. A row equal to the one
// before, as resources are, gets the same slice.
func readPairs(rec arrow.RecordBatch, name string, set func(row int, p []Pair)) error {
	maps, err := column[*array.Map](rec, name)
	if err != nil {
		return err
	}
	keys, ok1 := maps.Keys().(*array.String)
	items, ok2 := maps.Items().(*array.String)
	if !ok1 || !ok2 {
		return fmt.Errorf("arrow stream: column %q is a %s", name, maps.DataType())
	}
	lists := spans{lists: maps, values: min(keys.Len(), items.Len())}
	var last []Pair
	for row := range int(rec.NumRows()) {
		from, to, err := lists.next(row)
		if err != nil {
			return err
		}
		if !equalPairs(last, keys, items, from, to) {
			last = make([]Pair, 0, to-from)
			for i := from; i < to; i++ {
				last = append(last, Pair{keys.Value(i), items.Value(i)})
			}
		}
		set(row, last)
	}
	return nil
}

func equalPairs(p []Pair, keys, items *array.String, from, to int) bool {
	if len(p) != to-from {
		return false
	}
	for i := range p {
		if p[i].Value != items.Value(from+i) || p[i].Key != keys.Value(from+i) {
			return false
		}
	}
	return true
}

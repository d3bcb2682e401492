package nativeapi

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
)

// line is a record as a LogQL pipeline leaves it, its labels by where they are
// from: the resource, the record, the pipeline.
type line struct {
	ID       string            `json:"id"`
	Time     string            `json:"time"`
	Line     string            `json:"line"`
	Stream   map[string]string `json:"stream"`
	Metadata map[string]string `json:"metadata"`
	Parsed   map[string]string `json:"parsed"`
}

type linesBody struct {
	Lines      []line `json:"lines"`
	Truncated  bool   `json:"truncated"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// lines answers a LogQL query of lines.
func (a *api) lines(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r, "query", "start", "end", "limit", "direction", "cursor")
	if err != nil {
		return err
	}
	query, err := logql.ParseLog(form.Get("query"))
	if err != nil {
		return logexec.Failure(err)
	}
	win, err := a.linesWindow(form)
	if err != nil {
		return err
	}
	res, err := a.LogQL.Lines(r.Context(), tenantOf(r), query, win)
	if err != nil {
		return err
	}
	if wantsArrow(r) {
		return a.writeLinesArrow(w, &res)
	}
	body := linesBody{Lines: make([]line, len(res.Lines)), Truncated: res.More != nil, NextCursor: moreCursor(&res)}
	for i, l := range res.Lines {
		body.Lines[i] = line{ID: strconv.FormatUint(l.ID, 10), Time: timeText(l.Time), Line: l.Text,
			Stream: labelMap(l.Stream), Metadata: labelMap(l.Metadata), Parsed: labelMap(l.Parsed)}
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

func (a *api) linesWindow(form url.Values) (logexec.Window, error) {
	w, err := parseWindow(form, a.Now())
	if err != nil {
		return logexec.Window{}, err
	}
	page, err := a.logPage(form)
	return logexec.Window{From: w.Start, To: w.End, Limit: page.Limit, Forward: page.Forward, After: page.After}, err
}

func moreCursor(res *logexec.Lines) string {
	if res.More == nil {
		return ""
	}
	return cursor(*res.More).String()
}

func labelMap(list []logpipe.Label) map[string]string {
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Name] = l.Value
	}
	return m
}

func linesSchema(res *logexec.Lines) *arrow.Schema {
	meta := pageMetadata("lines", res.More != nil, moreCursor(res))
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "time", Type: timestampOf(arrow.Nanosecond)},
		{Name: "line", Type: arrow.BinaryTypes.String},
		{Name: "stream", Type: textMap},
		{Name: "metadata", Type: textMap},
		{Name: "parsed", Type: textMap},
	}, &meta)
}

// writeLinesArrow streams a page of lines, one row per line.
func (a *api) writeLinesArrow(w http.ResponseWriter, res *logexec.Lines) error {
	return a.stream(w, linesSchema(res), func(b *array.RecordBuilder, flush func() error) error {
		for i := range res.Lines {
			l := &res.Lines[i]
			b.Field(0).(*array.StringBuilder).Append(strconv.FormatUint(l.ID, 10))
			b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(l.Time))
			b.Field(2).(*array.StringBuilder).Append(l.Text)
			for column, labels := range map[int][]logpipe.Label{3: l.Stream, 4: l.Metadata, 5: l.Parsed} {
				add := mapRow(b, column)
				for _, label := range labels {
					add(label.Name, label.Value)
				}
			}
			if i%rowsPerBatch == rowsPerBatch-1 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// textMap is the type of a set of attributes or labels in Arrow: values as text,
// as a label or a matcher sees them.
var textMap = arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)

// mapRow begins a row of a map column; what it returns adds to that row.
func mapRow(b *array.RecordBuilder, column int) (add func(key, value string)) {
	m := b.Field(column).(*array.MapBuilder)
	m.Append(true)
	keys, values := m.KeyBuilder().(*array.StringBuilder), m.ItemBuilder().(*array.StringBuilder)
	return func(key, value string) {
		keys.Append(key)
		values.Append(value)
	}
}

// pageMetadata is what is told of a page of records beside them.
func pageMetadata(kind string, truncated bool, next string) arrow.Metadata {
	names := []string{"trefoil.kind", "trefoil.truncated"}
	values := []string{kind, strconv.FormatBool(truncated)}
	if next != "" {
		names, values = append(names, "trefoil.next_cursor"), append(values, next)
	}
	return arrow.NewMetadata(names, values)
}

// selected is the records of a LogQL selector.
func selected(match string) (*logql.Log, error) {
	matchers, err := logql.ParseSelector(match)
	if err != nil {
		return nil, logexec.Failure(err)
	}
	return &logql.Log{Matchers: matchers}, nil
}

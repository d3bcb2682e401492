package logexec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Line is a record a query returns. Stream is shared by the lines of a resource;
// Labels are all labels, from every source.
type Line struct {
	Time                     int64 // Unix nanoseconds
	ID                       uint64
	Text                     string
	Labels                   []logpipe.Label // sorted
	Stream, Metadata, Parsed []logpipe.Label // the labels by source, sorted
}

// Cursor is the place behind the line.
func (l *Line) Cursor() logstore.Cursor { return logstore.Cursor{Time: l.Time, ID: l.ID} }

// Window is what lines are wanted: those in [From, To), and how many.
type Window struct {
	From, To time.Time
	Limit    int  // 1 to Limits.MaxLines
	Forward  bool // oldest first
	After    *logstore.Cursor
}

// Lines are the lines of an answer, in the order asked for.
type Lines struct {
	Lines []Line
	Stats Stats
	// More is where the next page begins, nil if there is none.
	More *logstore.Cursor
}

// pageSize is how many records are read at once where a pipeline drops some.
const pageSize = 2000

// Lines answers a query of lines.
func (e *Engine) Lines(ctx context.Context, t tenant.ID, l *logql.Log, w Window) (Lines, error) {
	var out Lines
	if w.Limit < 1 || w.Limit > e.Limits.MaxLines {
		return out, limited("max_lines", fmt.Sprintf("limit is %d, want 1 to %d, the limit max_lines", w.Limit, e.Limits.MaxLines))
	}
	var err error
	out.Stats, err = e.bounded(ctx, t, l, func(ctx context.Context, r *run) error { return r.lines(ctx, l, w, &out) })
	return out, err
}

func (r *run) lines(ctx context.Context, l *logql.Log, w Window, out *Lines) error {
	pipeline, err := logpipe.Compile(l.Stages)
	if err != nil {
		return err
	}
	p := push(l)
	f, err := r.filter(ctx, w.From, w.To, p)
	if err != nil {
		return err
	}
	exact := p.sure(f.Meanings)
	r.note(l, "%s", p.filtering(f.Meanings))
	reader := logpipe.Reader{Ids: true}
	page := logstore.Page{Limit: w.Limit, Forward: w.Forward, After: w.After}
	for {
		if !exact {
			page.Limit = min(max(pageSize, w.Limit), logstore.MaxLimit)
		}
		res, err := r.Logs.Select(ctx, r.tenant, f, page)
		r.stats.add(res.Stats)
		if err != nil {
			return err
		}
		for i := range res.Rows {
			r.stats.Entries++
			e := reader.Entry(&res.Rows[i], nil)
			text, labels, ok := pipeline.Run(&e)
			if !ok {
				continue
			}
			if len(out.Lines) == w.Limit {
				last := out.Lines[w.Limit-1].Cursor()
				out.More = &last
				return nil
			}
			out.Lines = append(out.Lines, Line{
				Time: e.Time, ID: e.ID, Text: text, Labels: slices.Clone(labels.All()),
				Stream: slices.Clone(labels.Of(logpipe.Stream)), Metadata: slices.Clone(labels.Of(logpipe.Metadata)), Parsed: slices.Clone(labels.Of(logpipe.Parsed)),
			})
			r.stats.Lines++
		}
		if !res.Truncated {
			return nil
		}
		last := res.Rows[len(res.Rows)-1].Cursor()
		page.After = &last
		if len(out.Lines) == w.Limit && exact {
			out.More = &last
			return nil
		}
		if r.stats.Entries > int64(r.Limits.MaxEntries) {
			return &fault.Error{Code: fault.Limit, Limit: "max_entries", Message: fmt.Sprintf(
				"query read %d records to find %d lines, which is the limit max_entries; narrow the time range or filter before the first parser", r.Limits.MaxEntries, len(out.Lines))}
		}
	}
}

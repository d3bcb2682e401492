package joinql

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// Query is a chain of steps.
type Query struct {
	Steps []Step
	By    []traceql.Field // none where rows are wanted
}

// Step is what is wanted of one signal. One of Spans, Logs and Exemplars is set.
type Step struct {
	Spans *traceql.Query
	// Logs are the stages of a log query, and its matchers if a selector is given.
	Logs *logql.Log
	// Exemplars are the series whose exemplars are meant; empty for all.
	Exemplars []*labels.Matcher
	// Text is the step as it is written, At where it begins in the query.
	Text string
	At   int
}

// Signal is what a step is about: spans, logs or exemplars.
func (s Step) Signal() string {
	switch {
	case s.Spans != nil:
		return "spans"
	case s.Logs != nil:
		return "logs"
	}
	return "exemplars"
}

// Limits of a query's text.
const (
	maxQuery = 64 << 10
	maxSteps = 8
	maxBy    = 16
)

// Is tells whether a text is a query of this language and not TraceQL alone: a
// step of it begins with logs, spans or exemplars.
func Is(query string) bool {
	for _, p := range cut(query) {
		if p.word != "" && p.word != "by" {
			return true
		}
	}
	return false
}

// Parse reads a query. The error is a *traceql.Error.
func Parse(query string) (*Query, error) {
	if len(query) > maxQuery {
		return nil, &traceql.Error{Query: query, Offset: maxQuery, Message: fmt.Sprintf("the query is longer than %d bytes", maxQuery)}
	}
	q := &Query{}
	for _, p := range cut(query) {
		var err *traceql.Error
		switch {
		case q.By != nil:
			err = &traceql.Error{Offset: p.at, Message: "nothing stands behind by()"}
		case p.word == "by":
			q.By, err = parseBy(p)
		case len(q.Steps) == maxSteps:
			err = &traceql.Error{Offset: p.at, Message: fmt.Sprintf("the query has more than %d steps", maxSteps)}
		default:
			var s Step
			if s, err = parseStep(p); err == nil {
				q.Steps = append(q.Steps, s)
			}
		}
		if err != nil {
			err.Query = query
			err.Offset = min(max(err.Offset, 0), len(query))
			return nil, err
		}
	}
	if len(q.By) > 0 && !q.hasSpans() {
		return nil, &traceql.Error{Query: query, Offset: len(query), Message: "by() groups spans, and no step is about spans; add one before it, as in | spans { }"}
	}
	return q, nil
}

func (q *Query) hasSpans() bool {
	for _, s := range q.Steps {
		if s.Spans != nil {
			return true
		}
	}
	return false
}

func parseStep(p part) (Step, *traceql.Error) {
	s := Step{Text: strings.TrimSpace(p.whole), At: p.at}
	var err *traceql.Error
	switch p.word {
	case "logs":
		s.Logs, err = parseLogs(p)
	case "exemplars":
		s.Exemplars, err = parseExemplars(p)
	default:
		s.Spans, err = parseSpans(p)
	}
	return s, err
}

func parseSpans(p part) (*traceql.Query, *traceql.Error) {
	if strings.TrimSpace(p.text) == "" {
		return nil, &traceql.Error{Offset: p.textAt, Message: "want spans, as in { status = error }"}
	}
	q, err := traceql.Parse(p.text)
	if e, ok := errors.AsType[*traceql.Error](err); ok {
		return nil, &traceql.Error{Offset: p.textAt + e.Offset, Message: e.Message}
	}
	if err == nil && q.Metrics != nil {
		return nil, &traceql.Error{Offset: p.textAt, Message: q.Metrics.Op + "() makes series, which have no spans to join"}
	}
	return q, nil
}

// anyStream stands for a selector where none is written: the language wants one.
const anyStream = `{service_name=~".+"}`

func parseLogs(p part) (*logql.Log, *traceql.Error) {
	prefix := ""
	if !strings.HasPrefix(strings.TrimSpace(p.text), "{") {
		prefix = anyStream
	}
	l, err := logql.ParseLog(prefix + p.text)
	if e, ok := errors.AsType[*logql.ParseError](err); ok {
		return nil, &traceql.Error{Offset: p.textAt + max(e.Offset-len(prefix), 0), Message: e.Message}
	} else if err != nil {
		return nil, &traceql.Error{Offset: p.textAt, Message: err.Error()}
	}
	if prefix != "" {
		l.Matchers = nil
	}
	return l, nil
}

func parseExemplars(p part) ([]*labels.Matcher, *traceql.Error) {
	if strings.TrimSpace(p.text) == "" {
		return nil, nil
	}
	list, err := parser.NewParser(parser.Options{}).ParseMetricSelector(p.text)
	if err == nil {
		return list, nil
	}
	e := &traceql.Error{Offset: p.textAt, Message: err.Error()}
	if many, ok := errors.AsType[parser.ParseErrors](err); ok && len(many) > 0 {
		e.Offset, e.Message = p.textAt+int(many[0].PositionRange.Start), many[0].Err.Error()
	}
	return nil, e
}

// parseBy reads fields as TraceQL does, by giving it a query that has them.
func parseBy(p part) ([]traceql.Field, *traceql.Error) {
	const before = "{ } | rate() by"
	q, err := traceql.Parse(before + p.text)
	if e, ok := errors.AsType[*traceql.Error](err); ok {
		return nil, &traceql.Error{Offset: p.textAt + max(e.Offset-len(before), 0), Message: e.Message}
	}
	if len(q.Stages) > 0 || len(q.Hints) > 0 {
		return nil, &traceql.Error{Offset: p.textAt, Message: "nothing stands behind by()"}
	}
	if len(q.Metrics.By) > maxBy {
		return nil, &traceql.Error{Offset: p.textAt, Message: fmt.Sprintf("by() takes up to %d fields", maxBy)}
	}
	return q.Metrics.By, nil
}

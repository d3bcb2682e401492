package joinexec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/joinql"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/joinstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Config configures an Engine.
type Config struct {
	Joins *joinstore.Store
	Logs  *logexec.Engine
}

// Engine answers queries. Safe for concurrent use.
type Engine struct{ Config }

// New makes an engine.
func New(c Config) *Engine { return &Engine{c} }

// Found is an answer: Groups where the query has by(), else what its last step
// is about.
type Found struct {
	Signal    string // groups, spans, logs or exemplars
	By        []traceql.Field
	Groups    []joinstore.Group
	Spans     []tracestore.Span
	Records   []logstore.Row
	Exemplars []metricstore.ExemplarRow
	Truncated bool
	Plan      []string // what each step reads, in words
	Stats     conn.Stats
}

// Query answers a query on the time [start, end): at most limit rows or groups.
// Errors are *fault.Error.
func (e *Engine) Query(ctx context.Context, t tenant.ID, text string, start, end time.Time, limit int) (*Found, error) {
	q, err := joinql.Parse(text)
	if err != nil {
		return nil, traceexec.Mistake(err)
	}
	ask := joinstore.Query{From: start.UnixNano(), To: end.UnixNano(), Limit: limit}
	out := &Found{By: q.By, Signal: q.Steps[len(q.Steps)-1].Signal()}
	for i, s := range q.Steps {
		step, err := e.step(ctx, t, s, start, end)
		if err != nil {
			return nil, placed(text, s, err)
		}
		ask.Steps = append(ask.Steps, step)
		out.Plan = append(out.Plan, explain(i, s))
	}
	for _, f := range q.By {
		field, ok := traceexec.StoredField(f)
		if !ok {
			return nil, &fault.Error{Code: fault.Unsupported, Message: fmt.Sprintf("by(%s): the database does not group spans by this field", f)}
		}
		ask.By = append(ask.By, field)
	}
	if len(ask.By) > 0 {
		out.Signal = "groups"
		out.Plan = append(out.Plan, fmt.Sprintf("spans of the last step on spans by %s, with what was counted of the others by trace", list(q.By)))
	}
	found, err := e.Joins.Run(ctx, t, ask)
	if err != nil {
		return nil, fault.Of(err)
	}
	out.Groups, out.Spans, out.Records, out.Exemplars, out.Truncated = found.Groups, found.Spans, found.Records, found.Exemplars, found.Truncated
	out.Stats = found.Stats
	return out, nil
}

func (e *Engine) step(ctx context.Context, t tenant.ID, s joinql.Step, start, end time.Time) (out joinstore.Step, err error) {
	switch s.Signal() {
	case "spans":
		where, exact := traceexec.Condition(s.Spans)
		if !exact {
			return out, &fault.Error{Code: fault.Unsupported, Message: "the database joins by filters of spans alone: structure, aggregates, and fields of events and links it does not decide"}
		}
		return joinstore.Step{Spans: where}, nil
	case "logs":
		margin := time.Duration(joinstore.Margin)
		f, err := e.Logs.Filter(ctx, t, s.Logs, start.Add(-margin), end.Add(margin))
		return joinstore.Step{Logs: &f}, err
	}
	sel, err := selector(s.Exemplars)
	return joinstore.Step{Exemplars: &sel}, err
}

// selector is a selection of series that the database alone decides.
func selector(matchers []*labels.Matcher) (metricstore.Selector, error) {
	var sel metricstore.Selector
	for _, m := range matchers {
		if m.Type != labels.MatchEqual || m.Value == "" {
			return sel, &fault.Error{Code: fault.Unsupported, Message: fmt.Sprintf("%s: exemplars are joined by the name and by labels that equal a text", m)}
		}
		if m.Name != model.MetricNameLabel {
			sel.Matchers = append(sel.Matchers, attrcol.Matcher{Key: m.Name, Op: attrcol.Equal, Value: m.Value})
			continue
		}
		sel.Names = []string{m.Value}
		for _, suffix := range []string{"_bucket", "_count", "_sum"} { // the parts of a histogram are one series here
			if base, ok := strings.CutSuffix(m.Value, suffix); ok && base != "" {
				sel.Names = append(sel.Names, base)
			}
		}
	}
	return sel, nil
}

// placed says in which step of the query it is that something is wrong.
func placed(query string, s joinql.Step, err error) error {
	f := *fault.Of(err)
	if f.Position == nil && slices.Contains([]fault.Code{fault.Unsupported, fault.BadQuery}, f.Code) {
		at := &traceql.Error{Query: query, Offset: s.At, Message: f.Message}
		line, column := at.Position()
		f.Position, f.Message = &fault.Position{Line: line, Column: column}, f.Message+"\n"+at.Caret()
	}
	if f.Err == nil {
		f.Err = errors.New(f.Message)
	}
	return &f
}

// explain is a step in words.
func explain(i int, s joinql.Step) string {
	text := s.Signal() + " that " + s.Text + " holds for"
	if i > 0 {
		text += ", of the traces of step " + fmt.Sprint(i)
	}
	return text
}

func list(fields []traceql.Field) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.String()
	}
	return strings.Join(texts, ", ")
}

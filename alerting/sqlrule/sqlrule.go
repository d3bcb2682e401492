package sqlrule

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/rawsql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// maxText bounds a statement.
const maxText = 1 << 18

// Parse is a language.Parse. What a statement compares is not taken apart: no
// data is an empty result.
func Parse(text string) (*language.Expr, error) {
	switch {
	case len(text) > maxText:
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_query_length", Message: "the statement is longer than 256 KiB"}
	case !utf8.ValidString(text):
		return nil, &fault.Error{Code: fault.BadQuery, Message: "the statement is not UTF-8", Position: fault.PositionOf(text, 0)}
	}
	if err := rawsql.Check(text); err != nil {
		return nil, mistaken(text, err)
	}
	text = strings.TrimSpace(text)
	return &language.Expr{Text: text, Kind: language.Vector, Data: text}, nil
}

// mistaken says where a text is wrong.
func mistaken(text string, err error) error {
	m, ok := errors.AsType[*rawsql.Mistake](err)
	if !ok {
		return fault.Of(err)
	}
	return &fault.Error{Code: fault.BadQuery, Message: m.Message, Position: fault.PositionOf(text, m.Offset)}
}

// Evaluator is Instant on a store.
func Evaluator(s *rawsql.Store) func(context.Context, tenant.ID, string, time.Time) (promql.Vector, error) {
	return func(ctx context.Context, t tenant.ID, statement string, at time.Time) (promql.Vector, error) {
		return Instant(ctx, s, t, statement, at)
	}
}

// Instant runs a statement for a time, see rawsql.Store.Select. Errors are
// *fault.Error.
func Instant(ctx context.Context, s *rawsql.Store, t tenant.ID, text string, at time.Time) (promql.Vector, error) {
	rows, _, err := s.Select(ctx, t, text, at)
	if err != nil {
		return nil, classified(text, err)
	}
	vector := make(promql.Vector, len(rows))
	lb := labels.NewBuilder(labels.EmptyLabels())
	for i, row := range rows {
		lb.Reset(labels.EmptyLabels())
		for name, value := range row.Labels {
			if name == "" || !utf8.ValidString(name) {
				return nil, &fault.Error{Code: fault.Execution, Message: "the column labels has a key that cannot name a label"}
			}
			lb.Set(name, strings.ToValidUTF8(value, "\ufffd"))
		}
		vector[i] = promql.Sample{T: timestamp.FromTime(at), F: row.Value, Metric: lb.Labels()}
	}
	return vector, nil
}

// classified says what became of a statement. What ClickHouse has against it is
// for its author to read.
func classified(text string, err error) error {
	e, ok := errors.AsType[*conn.Error](err)
	switch {
	case ok && e.Class == conn.Rejected:
		return &fault.Error{Code: fault.BadQuery, Message: e.Message, Err: err}
	case ok:
		return fault.Of(err)
	}
	if _, ok := errors.AsType[*rawsql.Mistake](err); ok {
		return mistaken(text, err)
	}
	return &fault.Error{Code: fault.Execution, Message: err.Error(), Err: err}
}

package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

func TestOf(t *testing.T) {
	_, parse := parser.NewParser(parser.Options{}).ParseExpr("sum(\n  up}")
	for _, tt := range []struct {
		name   string
		err    error
		code   Code
		status int
		limit  string
	}{
		{"itself, wrapped", fmt.Errorf("x: %w", &Error{Code: NotFound}), NotFound, 404, ""},
		{"parse", parse, BadQuery, 400, ""},
		{"engine timeout", promql.ErrQueryTimeout("x"), Timeout, 503, "timeout"},
		{"engine canceled", promql.ErrQueryCanceled("x"), Canceled, 499, ""},
		{"engine samples", promql.ErrTooManySamples("x"), Limit, 422, "max_samples"},
		{"storage through the engine", promql.ErrStorage{Err: &conn.Error{Class: conn.Unavailable}}, Unavailable, 503, ""},
		{"storage limit", &conn.Error{Class: conn.Limit, Limit: "max_rows_to_read"}, Limit, 422, "max_rows_to_read"},
		{"storage timeout", &conn.Error{Class: conn.Timeout}, Timeout, 503, "timeout"},
		{"storage canceled", &conn.Error{Class: conn.Canceled}, Canceled, 499, ""},
		{"storage refuses our statement", &conn.Error{Class: conn.Rejected}, Internal, 500, ""},
		{"matcher", fmt.Errorf("x: %w", &attrcol.MatcherError{Err: errors.New("no regexp")}), BadQuery, 400, ""},
		{"deadline", context.DeadlineExceeded, Timeout, 503, "timeout"},
		{"canceled", fmt.Errorf("x: %w", context.Canceled), Canceled, 499, ""},
		{"anything else", errors.New("boom"), Internal, 500, ""},
	} {
		got := Of(tt.err)
		if got.Code != tt.code || got.Code.Status() != tt.status || got.Limit != tt.limit {
			t.Errorf("%s: got %+v, want %s", tt.name, got, tt.code)
		}
		if got.Message == "" && tt.code != NotFound {
			t.Errorf("%s: no message", tt.name)
		}
	}
	if Of(nil) != nil || OfEvaluation(nil) != nil {
		t.Error("nil is a failure")
	}
}

func TestOfEvaluation(t *testing.T) {
	if got := OfEvaluation(errors.New("found duplicate series")); got.Code != Execution {
		t.Errorf("an error of the evaluator: got %s", got.Code)
	}
	if got := OfEvaluation(promql.ErrStorage{Err: errors.New("broken")}); got.Code != Internal {
		t.Errorf("an unknown error of storage: got %s", got.Code)
	}
}

func TestPositionOf(t *testing.T) {
	for offset, want := range map[int]Position{-1: {1, 1}, 0: {1, 1}, 2: {1, 3}, 3: {2, 1}, 5: {2, 3}, 99: {2, 4}} {
		if got := *PositionOf("ab\ncde", offset); got != want {
			t.Errorf("%d: got %+v, want %+v", offset, got, want)
		}
	}
}

func TestCaret(t *testing.T) {
	for _, tt := range []struct {
		query string
		at    Position
		want  string
	}{
		{"sum(", Position{1, 5}, "sum(\n    ^"},
		{"sum(\n\trate(x))", Position{2, 7}, "\trate(x))\n\t     ^"},
		{`{a="ö"} x`, Position{1, 10}, "{a=\"ö\"} x\n        ^"},
		{"", Position{1, 1}, "\n^"},
		{"x", Position{9, 9}, ""},
		{"x", Position{1, 99}, "x\n ^"},
	} {
		if got := Caret(tt.query, tt.at); got != tt.want {
			t.Errorf("%q at %+v: got %q, want %q", tt.query, tt.at, got, tt.want)
		}
	}
}

package promplan

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
)

// misread tells whether Prometheus reads a selector with @ at a time that is not
// that of its @.
//
// It turns @ into an offset from the start of the evaluation, first of the query's
// and then of each subquery's. The latter it leaves out where a subquery happens to
// start when what is around it does: then the offset of the subquery, or its own @,
// counts for the selectors inside as well. So one expression has two answers for one
// time, by where its range begins; ours has one.
func misread(text string, s span) bool {
	expr, err := parser.NewParser(promqltest.TestParserOpts).ParseExpr(text)
	if err != nil {
		return false
	}
	expr, err = promql.PreprocessExpr(expr, time.UnixMilli(s.start), time.UnixMilli(s.end), time.Duration(s.step)*time.Millisecond)
	if err != nil {
		return false
	}
	return misreads(expr, s.start)
}

func misreads(node parser.Node, start int64) bool {
	if sub, ok := node.(*parser.SubqueryExpr); ok {
		around := start
		if start = startOf(sub, start); start == around && fixed(sub.Expr) {
			return true
		}
	}
	for child := range parser.ChildrenIter(node) {
		if misreads(child, start) {
			return true
		}
	}
	return false
}

// startOf is the first step of a subquery in an evaluation that starts at start.
func startOf(sub *parser.SubqueryExpr, start int64) int64 {
	if sub.Timestamp != nil {
		start = *sub.Timestamp
	}
	step := sub.Step.Milliseconds()
	if step == 0 {
		step = time.Minute.Milliseconds()
	}
	begin := start - sub.OriginalOffset.Milliseconds() - sub.Range.Milliseconds()
	from := step * (begin / step)
	if from <= begin {
		from += step
	}
	return from
}

// fixed tells whether an expression reads at a time of its own.
func fixed(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			found = found || n.Timestamp != nil
		case *parser.SubqueryExpr:
			found = found || n.Timestamp != nil
		}
		return nil
	})
	return found
}

// TestFixedInFixedSubquery asks for one time by two ranges. The shorter starts when
// its subquery does, and there Prometheus answers otherwise than itself.
func TestFixedInFixedSubquery(t *testing.T) {
	store := teststorage.New(t)
	app := store.AppenderV2(context.Background())
	for at := int64(0); at <= 3_600_000; at += 30_000 {
		if _, err := app.Append(0, labels.FromStrings("__name__", "m"), 0, at, float64(at/1000), nil, nil, storage.AppendV2Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	const expr, minute = `sum_over_time((m @ 3000)[10m:1m] @ 2940)`, 60_000
	together, apart := span{2_400_000, 2_400_000 + minute, minute}, span{2_400_000 - minute, 2_400_000 + minute, minute}
	if !misread(expr, together) || misread(expr, apart) {
		t.Fatal("the ranges are not what they are meant to be")
	}
	ours, theirs := NewEngine(production()), promql.NewEngine(production())
	t.Cleanup(func() { theirs.Close() })
	at := func(e promql.QueryEngine, s span) float64 {
		for _, series := range run(e, store, expr, s).Value.(promql.Matrix) {
			for _, p := range series.Floats {
				if p.T == 2_400_000 {
					return p.F
				}
			}
		}
		return 0
	}
	if a, b, c := at(ours, together), at(ours, apart), at(theirs, apart); a != 30_000 || b != a || c != a {
		t.Errorf("ours %v and %v, Prometheus %v", a, b, c)
	}
	if wrong := at(theirs, together); wrong == 30_000 {
		t.Error("Prometheus answers as we do: there is no need to leave such queries out")
	}
}

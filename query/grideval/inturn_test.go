package grideval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
	"golang.org/x/sync/errgroup"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// queue is a source of series that come in turn, if that is asked for, from two goroutines.
type queue struct {
	series []column.Raw
	told   *int
}

func (q queue) Select(_ context.Context, r Read, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	if r.InTurn != nil {
		*q.told++
		r.InTurn()
	}
	var g errgroup.Group
	for k := range 2 {
		g.Go(func() error {
			for i := k; i < len(q.series); i += 2 {
				raw := q.series[i]
				raw.Times, raw.Values = slices.Clone(raw.Times), slices.Clone(raw.Values)
				if len(raw.Times) == 0 && r.InTurn == nil {
					continue
				}
				if err := each(i, &raw); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return nil, g.Wait()
}

// held is a source that makes no promises.
type held struct{ Source }

func (h held) Select(ctx context.Context, r Read, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	r.InTurn = nil
	return h.Source.Select(ctx, r, each)
}

// Series that are folded as they come are folded to the same bits as those that are held.
func TestFoldedInTurnIsWhatIsFoldedAtTheEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	unusual := []float64{column.Absent(), math.NaN(), math.Inf(1), math.MaxFloat64, -math.MaxFloat64, math.Copysign(0, -1)}
	g := column.GridOf(10_000, 10_000+700_000, 1000) // more steps than are folded at once
	told := 0
	for round := range 60 {
		q := queue{make([]column.Raw, rng.IntN(300)), &told}
		for i := range q.series {
			raw := &q.series[i]
			raw.Labels = labels.FromStrings("__name__", "m", "i", fmt.Sprint(i), "job", fmt.Sprint(rng.IntN(1+round)), "le", fmt.Sprint(i%3))
			if rng.IntN(5) == 0 {
				continue // no samples
			}
			for at := int64(rng.IntN(300_000)); at < 600_000; at += int64(1000 + rng.IntN(30_000)) {
				v := rng.NormFloat64() * math.Pow(10, float64(rng.IntN(20)))
				if rng.IntN(40) == 0 {
					v = unusual[rng.IntN(len(unusual))]
				}
				raw.Times, raw.Values = append(raw.Times, at), append(raw.Values, v)
			}
		}
		ops := []parser.ItemType{parser.SUM, parser.AVG, parser.MIN, parser.MAX, parser.COUNT, parser.GROUP, parser.STDDEV, parser.STDVAR}
		n := &metricplan.Aggregate{Op: ops[round%len(ops)], Expr: latest()}
		switch rng.IntN(4) {
		case 0:
			n.Labels = []string{"job"}
		case 1:
			n.Labels = []string{"__name__", "job", "le"}
		case 2:
			n.Labels, n.Without = []string{"i", "le"}, true
		}
		if rng.IntN(2) == 0 {
			n.Expr = &metricplan.Rollup{Name: "rate", Selector: &metricplan.Selector{}, Range: 60_000, Kernel: rollup.Rate}
		}
		got, err := Config{Source: q}.Eval(t.Context(), n, g)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Config{Source: held{q}}.Eval(t.Context(), n, g)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Series) != len(want.Series) || got.Notes[n.Expr].Series != want.Notes[n.Expr].Series {
			t.Fatalf("%d series of %d, want %d of %d", len(got.Series), got.Notes[n.Expr].Series, len(want.Series), want.Notes[n.Expr].Series)
		}
		for i, s := range got.Series {
			if !labels.Equal(s.Labels, want.Series[i].Labels) || s.DropName != want.Series[i].DropName {
				t.Fatalf("series %d: %s, want %s", i, s.Labels, want.Series[i].Labels)
			}
			for k, v := range s.Values {
				if w := want.Series[i].Values[k]; math.Float64bits(v) != math.Float64bits(w) && !(v != v && w != w && column.IsAbsent(v) == column.IsAbsent(w)) {
					t.Fatalf("%s %s at %d: %v, want %v", parser.ItemTypeStr[n.Op], s.Labels, k, v, w)
				}
			}
		}
	}
	if told != 60 {
		t.Errorf("%d of 60 came in turn", told)
	}
}

// What is held of series that come in turn is counted: a group, and the columns at work.
func TestFoldedInTurnHoldsLittle(t *testing.T) {
	told := 0
	q := queue{make([]column.Raw, 5000), &told}
	for i := range q.series {
		q.series[i] = column.Raw{Labels: labels.FromStrings("i", fmt.Sprint(i)), Times: []int64{1000, 2000}, Values: []float64{1, float64(i)}}
	}
	g := column.GridOf(1000, 100_000, 1000)
	res, err := Config{Source: q}.Eval(t.Context(), sumOf(latest()), g)
	if err != nil || res.Peak < 300 {
		t.Errorf("peak of %d cells, %v", res.Peak, err)
	}
	by := sumOf(latest())
	by.Labels = []string{"i"}
	if res, err = (Config{Source: q}).Eval(t.Context(), by, g); err != nil || res.Peak < 500_000 || res.Peak > 1_100_000 {
		t.Errorf("peak of %d cells of five thousand groups, %v", res.Peak, err)
	}
	if _, err = (Config{Source: q, MaxCells: 100_000}).Eval(t.Context(), by, g); err == nil || !isTooMany(err) {
		t.Errorf("over the limit: %v", err)
	}
}

func isTooMany(err error) bool {
	_, ok := errors.AsType[promql.ErrTooManySamples](err)
	return ok
}

// A panic while a column is added is an error of the query, as any other is.
func TestPanicsOfFoldingAreErrors(t *testing.T) {
	g := column.GridOf(1000, 100_000, 1000)
	e := &evaluation{annos: annotations.Annotations{}, notes: map[metricplan.Node]Note{}}
	f := e.foldingOf(sumOf(latest()), g)
	f.groups, f.index = nil, nil // adding writes to it
	err := func() (err error) {
		defer recovered(&err)
		return f.take(0, labels.EmptyLabels(), make([]float64, g.N))
	}()
	if err == nil {
		t.Error("no error")
	}
	if !f.mu.TryLock() {
		t.Error("still locked")
	}
}

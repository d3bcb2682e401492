package grideval

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/rollup"
)

// ramps is a source of n series that grow by one a second.
type ramps int

func (n ramps) Select(_ context.Context, r Read, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	for i := int(n) - 1; i >= 0; i-- { // in any order
		raw := column.Raw{Labels: labels.FromStrings("__name__", "m", "i", string(rune('a'+i)))}
		for t := r.From; t <= r.To; t++ {
			if t%1000 == 0 {
				raw.Times, raw.Values = append(raw.Times, t), append(raw.Values, float64(t/1000))
			}
		}
		if err := each(i, &raw); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func latest() *metricplan.Rollup {
	return &metricplan.Rollup{Selector: &metricplan.Selector{}, Range: 5000, Kernel: rollup.Latest, KeepName: true, KeepStale: true}
}

func sumOf(n metricplan.Node) *metricplan.Aggregate {
	return &metricplan.Aggregate{Name: "sum", Op: parser.SUM, Expr: n}
}

func TestSumOfSeriesThatComeInAnyOrder(t *testing.T) {
	g := column.GridOf(10_000, 210_000, 1000)
	res, err := Config{Source: ramps(3), Workers: 4}.Eval(context.Background(), sumOf(latest()), g)
	if err != nil || len(res.Series) != 1 {
		t.Fatalf("got %d series, %v", len(res.Series), err)
	}
	for i, v := range res.Series[0].Values {
		if want := 3 * float64(g.Time(i)/1000); v != want {
			t.Fatalf("at %d: got %g, want %g", g.Time(i), v, want)
		}
	}
}

func TestCellsAreCountedAndGivenBack(t *testing.T) {
	g := column.GridOf(10_000, 109_000, 1000) // 100 steps
	plan := sumOf(latest())
	res, err := Config{Source: ramps(10), MaxCells: 1100}.Eval(context.Background(), plan, g)
	if err != nil || res.Peak < 1000 || res.Peak > 1100 {
		t.Errorf("peak %d, %v; want a thousand cells and the sum's", res.Peak, err)
	}
	_, err = Config{Source: ramps(10), MaxCells: 999}.Eval(context.Background(), plan, g)
	if _, ok := errors.AsType[promql.ErrTooManySamples](err); !ok {
		t.Errorf("over the limit: got %v", err)
	}
}

func TestPanicsAreErrors(t *testing.T) {
	g := column.GridOf(0, 1000, 1000)
	kernel := latest()
	kernel.Kernel = func([]float64, []int64, []float64, rollup.Windows, [][]float64) { panic("kernel") }
	call := &metricplan.Call{Name: "f", Func: func(*metricplan.Env, []metricplan.Operand) ([]column.Series, error) { panic("function") }}
	for want, plan := range map[string]metricplan.Node{
		"kernel": sumOf(kernel), "function": &metricplan.Binary{Op: parser.ADD, LeftScalar: true, RightScalar: true, Left: &metricplan.Number{}, Right: call},
	} {
		_, err := Config{Source: ramps(2)}.Eval(context.Background(), plan, g)
		if err == nil || !strings.Contains(err.Error(), "unexpected error: "+want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Config{Source: ramps(1)}).Eval(ctx, latest(), column.GridOf(0, 0, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

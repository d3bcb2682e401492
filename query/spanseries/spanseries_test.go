package spanseries

import (
	"errors"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Samples fill a range from its first millisecond or nearly, to its last, whatever
// its length.
func TestGrid(t *testing.T) {
	for _, c := range []struct {
		r    metricexec.Making
		want grid
	}{
		{metricexec.Making{From: 1, To: 120_000, Range: 120_000}, grid{20, 5999, 20}},
		{metricexec.Making{From: 1, To: 3600_000, Range: 60_000}, grid{1200, 2999, 1200}},
		{metricexec.Making{From: 1, To: 86_400_000, Range: 86_400_000}, grid{20, 4319999, 20}},
		{metricexec.Making{From: 1, To: 300_000}, grid{20, 14999, 20}},
		{metricexec.Making{From: 1, To: 500, Range: 500}, grid{1, 499, 1}},
		{metricexec.Making{From: 1000, To: 86_400_000, Names: true}, grid{1000, 86_399_000, 1}},
	} {
		g := gridOf(c.r)
		if late := g.first - c.r.From; late < 0 && !c.r.Names || late > int64(g.steps) || g.first+int64(g.steps)*g.step != c.r.To {
			t.Errorf("%+v: %+v does not fill it", c.r, g)
		}
		if c.want != g {
			t.Errorf("%+v: %+v, want %+v", c.r, g, c.want)
		}
	}
}

func TestTooManyRowsAreAnError(t *testing.T) {
	of := func(r *int) ([]labels.Label, tracestore.Count) {
		return []labels.Label{{Name: "n", Value: string(rune('a' + *r))}}, tracestore.Count{Spans: 1}
	}
	sets, err := gather([]int{1, 1, 2}, 3, of)
	if err != nil || len(sets) != 2 || len(sets[0].counts) != 2 {
		t.Errorf("%d sets, %v", len(sets), err)
	}
	_, err = gather([]int{1, 1, 2}, 2, of)
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.Limit {
		t.Errorf("one more than the limit: %v", err)
	}
}

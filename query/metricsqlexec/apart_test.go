package metricsqlexec

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlplan"
)

// What the cache of answers takes apart comes to the same in parts.
func TestStepsApart(t *testing.T) {
	e := engineOn(dataset())
	whole := grid{"whole", 600_000, 2_500_000, 100_000}
	first, rest := whole, whole
	first.end, rest.start = 1_500_000, 1_600_000
	apart := 0
	for _, query := range cases(t) {
		parsed, err := metricsqlparse.Parse(query)
		if err != nil {
			continue
		}
		g := column.GridOf(began+whole.start, began+whole.end, whole.step)
		plan, err := metricsqlplan.Options{Functions: metricsqlfunc.New(), Now: time.UnixMilli(began), Grid: g, End: g.End(), MaxPoints: maxSubqueryPoints}.Build(parsed)
		if err != nil || metricplan.Reach(plan) < 0 || strings.Contains(query, "sparse") { // whose samples are further apart than is read before a range
			continue
		}
		apart++
		joined := ask(t, e, query, first)
		for _, s := range ask(t, e, query, rest).Series {
			i := slices.IndexFunc(joined.Series, func(o lineOfData) bool { return labels.Equal(labels.FromMap(o.Labels), labels.FromMap(s.Labels)) })
			if i < 0 {
				joined.Series = append(joined.Series, s)
				continue
			}
			o := &joined.Series[i]
			o.Times, o.Values = append(o.Times, s.Times...), append(o.Values, s.Values...)
		}
		if d := differ(query, whole, joined, ask(t, e, query, whole)); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
	t.Logf("%d queries can be taken apart", apart)
	if apart < 150 {
		t.Errorf("only %d queries can be taken apart", apart)
	}
}

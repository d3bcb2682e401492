package traceexec

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// An absent field is no label, as in Prometheus; a series always has one.
func TestAbsentFieldsAreNoLabels(t *testing.T) {
	absent, text, number := tracestore.GroupValue{}, tracestore.GroupValue{Type: "String", Text: "u1"}, tracestore.GroupValue{Type: "Int64", Text: "500"}
	for _, c := range []struct {
		query string
		group []tracestore.GroupValue
		want  string
	}{
		{"{ } | rate()", nil, `{"__name__"="rate"}`},
		{"{ } | rate() by (span.user)", []tracestore.GroupValue{text}, `{"span.user"="u1"}`},
		{"{ } | rate() by (span.user)", []tracestore.GroupValue{absent}, `{"span.user"="nil"}`},
		{"{ } | rate() by (span.user, span.code)", []tracestore.GroupValue{absent, number}, `{"span.code"="500"}`},
		{"{ } | rate() by (span.user, span.code)", []tracestore.GroupValue{absent, absent}, `{"span.user"="nil"}`},
		{"{ } | quantile_over_time(duration, 0.5) by (span.user)", []tracestore.GroupValue{absent}, `{"p"="0.5"}`},
	} {
		q, err := traceql.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		b := builder{metrics: q.Metrics, grid: Grid{Step: 1, N: 1}, series: map[string]*Series{}}
		b.add(&tracestore.Aggregate{Group: c.group, Spans: 1, Quantiles: []float64{1}})
		if len(b.order) != 1 || b.order[0].Name() != c.want {
			t.Errorf("%s of %v is %s, want %s", c.query, c.group, b.order[0].Name(), c.want)
		}
	}
}

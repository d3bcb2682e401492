package metricexec

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/stats"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Samples are counted step by step as Prometheus counts them, and only for who asks.
func TestSamplesByStep(t *testing.T) {
	m := newMemory()
	for i := range 3 {
		fp := m.add(metricstore.SeriesRow{Name: "m", PromName: "m", Type: metricstore.Gauge, Labels: map[string]string{"i": fmt.Sprint(i)}})
		for k := range 40 {
			m.sample(fp, epoch.Add(time.Duration(k)*15*time.Second).UnixMilli(), 0, float64(i+k))
		}
	}
	e := New(Config{Source: m})
	theirs := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, EnablePerStepStats: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() }, Parser: parser.NewParser(parser.Options{}),
	})
	counted := func(s stats.QueryStats) string {
		text, err := json.Marshal(s.Builtin().Samples)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	end := epoch.Add(10 * time.Minute)
	for _, expr := range []string{`m`, `sum(rate(m[2m]))`, `max_over_time(rate(m[1m])[5m:30s])`, `m + on (i) m @ 1700000100`, `vector(1)`} {
		res, err := e.Range(WithStepStats(t.Context()), tenant.Default, expr, epoch, end, time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		query, err := theirs.NewRangeQuery(t.Context(), e.spelled(tenant.Default, expr), promql.NewPrometheusQueryOpts(true, 0, nil), expr, epoch, end, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		want := query.Exec(t.Context())
		if got, want := counted(res.Timings()), counted(stats.NewQueryStats(query.Stats())); got != want || !strings.Contains(got, `"totalQueryableSamplesPerStep":[[1700000000,`) {
			t.Errorf("%s:\n got %s\nwant %s", expr, got, want)
		}
		if got, want := render(res.Value, false), render(want.Value, false); got != want {
			t.Errorf("%s: %s", expr, firstDifference(got, want))
		}
		res.Close()
		query.Close()
		if res, err = e.Range(t.Context(), tenant.Default, expr, epoch, end, time.Minute); err != nil || strings.Contains(counted(res.Timings()), "PerStep") {
			t.Errorf("%s: counted step by step for nobody, %v", expr, err)
		}
	}
}

package promplan

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/prometheus/prometheus/util/teststorage"
)

// The differential test asks random queries of our engine and of Prometheus's,
// over the same storage. Seconds here, hours with -oracle.time=1h.
var (
	oracleTime = flag.Duration("oracle.time", 0, "how long to ask random queries of both engines; 0 asks a fixed number of them")
	oracleSeed = flag.Uint64("oracle.seed", 1, "seed of the random queries; 0 takes one of the clock")
)

// production is the engine as it is served: names dropped at once.
func production() promql.EngineOpts {
	return promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		Parser:                   parser.NewParser(promqltest.TestParserOpts),
	}
}

// Queries that once came out differently.
var found = []string{
	`sum by (job) (rate(c_total[5m]))`,
	`histogram_quantile(0.9, sum by (le, job) (rate(h_bucket[5m])))`,
	`predict_linear(g[10m] @ 1000, 60)`,
	`topk(2, g) or bottomk by (job) (1, c_total)`,
	`avg_over_time(rate(c_total[2m])[10m:47s] offset 1m)`,
	`quantile(scalar(g > on (job, instance) group_left c_total), g)`,
	`g > bool on (instance, job) group_right c_total`,
}

func TestAgreesWithPrometheus(t *testing.T) {
	seed := *oracleSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-oracle.seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	store := randomStorage(t, rng)
	ours, theirs := NewEngine(production()), promql.NewEngine(production())
	t.Cleanup(func() { theirs.Close() })
	gen := generator{rng}
	asked, failed, ambiguous, misreads := 0, 0, 0, 0
	ask := func(expr string) {
		asked++
		for range 2 {
			s := randomSpan(rng)
			if misread(expr, s) {
				misreads++
				continue
			}
			diff := compare(ours, theirs, store, expr, s)
			// Prometheus's own answer is not always the same: annotations are the
			// last ones of a map, and its pools let slices be used twice.
			for again := 0; diff != "" && again < 5; again++ {
				diff = compare(ours, theirs, store, expr, s)
			}
			if diff != "" {
				if changes(theirs, store, expr, s) {
					ambiguous++
					continue
				}
				failed++
				t.Errorf("%s\n%+v: %s", expr, s, diff)
			}
		}
	}
	for _, expr := range found {
		ask(expr)
	}
	end := time.Now().Add(*oracleTime)
	for failed < 5 && (asked < fixedQueries || time.Now().Before(end)) {
		ask(gen.vector(3))
	}
	t.Logf("asked %d queries; %d answers were not the same twice from Prometheus either, %d times it reads at a wrong time", asked, ambiguous, misreads)
	if misreads > asked/20 {
		t.Errorf("%d answers are not to be compared", misreads)
	}
	if ambiguous > asked/20 {
		t.Errorf("%d answers could not be compared", ambiguous)
	}
}

// fixedQueries are asked at least, so that a run with one seed is the same run
// on every machine.
const fixedQueries = 800

// changes tells whether Prometheus answers the same question in several ways:
// where it adds up in the order of a map, a comparison or a rank behind the sum
// turns the last bit into another answer, and of what an operator has to say of a
// step only the last is an annotation, where ours are all of them.
func changes(theirs promql.QueryEngine, q storage.Queryable, expr string, s span) bool {
	first := run(theirs, q, expr, s)
	for range 30 {
		again := run(theirs, q, expr, s)
		if difference(again.Value, first.Value) != "" || !slices.Equal(annotationTexts(again), annotationTexts(first)) {
			return true
		}
	}
	return false
}

type span struct{ start, end, step int64 } // ms; step 0 is instant

func randomSpan(rng *rand.Rand) span {
	start := rng.Int64N(3_600_000)
	if rng.IntN(2) == 0 {
		return span{start: start, end: start}
	}
	step := []int64{1000, 15_000, 60_000, 61_003, 400_000}[rng.IntN(5)]
	return span{start, start + step*rng.Int64N(40), step}
}

func compare(ours, theirs promql.QueryEngine, q storage.Queryable, expr string, s span) string {
	got, want := run(ours, q, expr, s), run(theirs, q, expr, s)
	if (got.Err != nil) != (want.Err != nil) {
		return fmt.Sprintf("error %v, want %v", got.Err, want.Err)
	}
	if got.Err != nil {
		return ""
	}
	if orderless(expr, s.step != 0) {
		return ""
	}
	if d := difference(got.Value, want.Value); d != "" {
		return d
	}
	if x, y := annotationTexts(got), annotationTexts(want); !slices.Equal(x, y) {
		return fmt.Sprintf("annotations %q, want %q", x, y)
	}
	return ""
}

func annotationTexts(r *promql.Result) []string {
	out := []string{}
	for _, e := range r.Warnings.AsErrors() {
		out = append(out, e.Error())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func run(e promql.QueryEngine, q storage.Queryable, expr string, s span) *promql.Result {
	var (
		query promql.Query
		err   error
	)
	if s.step == 0 {
		query, err = e.NewInstantQuery(context.Background(), q, nil, expr, time.UnixMilli(s.start))
	} else {
		query, err = e.NewRangeQuery(context.Background(), q, nil, expr, time.UnixMilli(s.start), time.UnixMilli(s.end), time.Duration(s.step)*time.Millisecond)
	}
	if err != nil {
		return &promql.Result{Err: err}
	}
	return query.Exec(context.Background())
}

// orderless tells whether Prometheus itself adds up in an order it does not
// promise: that of a map, in which functions and operators leave their series
// in a range query, and some of them always.
func orderless(text string, overRange bool) bool {
	expr, err := parser.NewParser(promqltest.TestParserOpts).ParseExpr(text)
	if err != nil {
		return false
	}
	unsure := false
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		a, ok := n.(*parser.AggregateExpr)
		if !ok || a.Op == parser.MIN || a.Op == parser.MAX || a.Op == parser.COUNT || a.Op == parser.GROUP || a.Op == parser.QUANTILE || a.Op == parser.COUNT_VALUES {
			return nil
		}
		steps := overRange
		for _, p := range path {
			if _, ok := p.(*parser.SubqueryExpr); ok {
				steps = true
			}
		}
		unsure = unsure || !ordered(a.Expr, steps)
		return nil
	})
	return unsure
}

// ordered tells whether Prometheus gives the series of an expression in a
// known order.
func ordered(expr parser.Expr, steps bool) bool {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return true
	case *parser.ParenExpr:
		return ordered(e.Expr, steps)
	case *parser.Call:
		if strings.HasPrefix(e.Func.Name, "histogram_") {
			return false
		}
		for _, a := range e.Args {
			switch a := a.(type) {
			case *parser.MatrixSelector:
				return true
			case *parser.SubqueryExpr:
				return ordered(a.Expr, true)
			}
		}
		if steps {
			return false
		}
		for _, a := range e.Args {
			if !ordered(a, steps) {
				return false
			}
		}
		return true
	case *parser.NumberLiteral, *parser.StringLiteral:
		return true
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.COUNT_VALUES:
			return false
		case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
			return !steps && ordered(e.Expr, steps)
		}
		return ordered(e.Expr, steps)
	case *parser.BinaryExpr:
		return !steps && ordered(e.LHS, steps) && ordered(e.RHS, steps)
	case *parser.UnaryExpr:
		return ordered(e.Expr, steps)
	}
	return false
}

// difference compares two results, floats bit by bit.
func difference(got, want parser.Value) string {
	lines := func(v parser.Value) map[string]string {
		out := map[string]string{}
		add := func(l labels.Labels, t int64, f float64, h *histogram.FloatHistogram) {
			text := fmt.Sprintf("%016x", math.Float64bits(f))
			switch {
			case h != nil:
				text = h.String()
			case math.IsNaN(f):
				text = "NaN"
			}
			out[fmt.Sprintf("%s %d", l, t)] = text
		}
		switch v := v.(type) {
		case promql.Vector:
			for _, s := range v {
				add(s.Metric, s.T, s.F, s.H)
			}
		case promql.Matrix:
			for _, s := range v {
				for _, p := range s.Floats {
					add(s.Metric, p.T, p.F, nil)
				}
				for _, p := range s.Histograms {
					add(s.Metric, p.T, 0, p.H)
				}
			}
		case promql.Scalar:
			add(labels.EmptyLabels(), v.T, v.V, nil)
		case promql.String:
			out[v.V] = ""
		}
		return out
	}
	a, b := lines(got), lines(want)
	for k, v := range b {
		if w, ok := a[k]; !ok || w != v {
			return fmt.Sprintf("%s: got %q, want %q", k, w, v)
		}
	}
	for k, v := range a {
		if _, ok := b[k]; !ok {
			return fmt.Sprintf("%s: got %q, want nothing", k, v)
		}
	}
	return ""
}

// randomStorage holds an hour of counters, gauges, classic and native
// histograms, with resets, gaps, stale markers and odd values.
func randomStorage(t *testing.T, rng *rand.Rand) storage.Queryable {
	store := teststorage.New(t)
	app := store.AppenderV2(context.Background())
	put := func(l labels.Labels, at int64, v float64, h *histogram.FloatHistogram) {
		if _, err := app.Append(0, l, 0, at, v, nil, h, storage.AppendV2Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for j := range 3 {
		for i := range 3 {
			of := func(name string, more ...string) labels.Labels {
				return labels.FromStrings(append([]string{"__name__", name, "job", fmt.Sprint("j", j), "instance", fmt.Sprint("i", i)}, more...)...)
			}
			counter, buckets, native := 0.0, [4]float64{}, 0
			for at := rng.Int64N(15_000); at < 3_600_000; at += 15_000 + rng.Int64N(900) {
				if rng.IntN(40) == 0 {
					at += rng.Int64N(500_000)
				}
				if counter += float64(rng.IntN(20)) / 4; rng.IntN(50) == 0 {
					counter = 0
				}
				put(of("c_total"), at, counter, nil)
				put(of("g"), at, oddFloat(rng), nil)
				for b := range buckets {
					for k := b; k < len(buckets); k++ {
						buckets[k] += float64(rng.IntN(3))
					}
				}
				for b, le := range []string{"0.1", "1", "10", "+Inf"} {
					put(of("h_bucket", "le", le), at, buckets[b], nil)
				}
				if native++; i < 2 {
					put(of("n"), at, 0, tsdbutil.GenerateTestFloatHistogram(int64(native%60)))
				}
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return store
}

func oddFloat(rng *rand.Rand) float64 {
	switch rng.IntN(40) {
	case 0:
		return math.Float64frombits(value.StaleNaN)
	case 1:
		return math.NaN()
	case 2:
		return math.Inf(1)
	case 3:
		return 1e300
	case 4:
		return 0
	}
	return rng.NormFloat64() * 100
}

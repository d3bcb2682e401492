package metricexec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlplan"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/rollupstore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// shapes are what series may look like: the next value, and how far the next sample is.
var rollupShapes = []struct {
	name  string
	value func(rng *rand.Rand, before float64) float64
	next  func(rng *rand.Rand) int64 // ms
}{
	{"counter", func(r *rand.Rand, v float64) float64 { return v + float64(r.IntN(100)) }, dense},
	{"resetting", func(r *rand.Rand, v float64) float64 {
		if r.IntN(200) == 0 {
			return float64(r.IntN(5))
		}
		return v + float64(r.IntN(10))
	}, jitter},
	{"seconds", func(r *rand.Rand, v float64) float64 { return v + r.Float64() }, sharp},
	{"gauge", func(r *rand.Rand, v float64) float64 { return r.NormFloat64() * 100 }, dense},
	{"whole", func(r *rand.Rand, v float64) float64 { return float64(r.IntN(1000) - 300) }, sharp},
	{"odd", func(r *rand.Rand, v float64) float64 {
		return []float64{1, 2, math.NaN(), 0, math.Copysign(0, -1), -7, math.NaN(), 0.1}[r.IntN(8)]
	}, jitter},
	{"infinite", func(r *rand.Rand, v float64) float64 {
		if r.IntN(3000) == 0 {
			return math.Inf(1 - 2*r.IntN(2))
		}
		return 1.5
	}, jitter},
	{"huge", func(r *rand.Rand, v float64) float64 { return math.MaxFloat64 * (r.Float64()*2 - 1) }, jitter},
	{"stale", func(r *rand.Rand, v float64) float64 {
		if r.IntN(20) == 0 {
			return math.Float64frombits(value.StaleNaN)
		}
		return math.Trunc(r.Float64() * 50)
	}, func(*rand.Rand) int64 { return 15_000 }},
	{"gaps", func(r *rand.Rand, v float64) float64 {
		if v != v {
			v = 0
		}
		return v + 1
	}, func(r *rand.Rand) int64 {
		if r.IntN(500) == 0 {
			return r.Int64N(30 * 3_600_000)
		}
		return jitter(r)
	}},
	{"sparse", func(r *rand.Rand, v float64) float64 { return v + r.Float64() }, func(r *rand.Rand) int64 { return 600_000 + r.Int64N(400_000) }},
}

func jitter(r *rand.Rand) int64 { return 29_950 + r.Int64N(100) }
func dense(r *rand.Rand) int64  { return 14_900 + r.Int64N(200) }
func sharp(*rand.Rand) int64    { return 30_000 }

// storeShapes stores a series of each shape from one time to another and a few late samples, some of times that are there.
func storeShapes(t *testing.T, f *feed, from, to time.Time, late int) {
	t.Helper()
	known := resourcestore.NewKnown(1000)
	b := metricstore.NewBatch(tenant.Default, retention, known)
	for i, shape := range rollupShapes {
		s := metricstore.Series{Name: "m", Type: metricstore.Gauge, Attributes: attributesOf("shape", shape.name, "g", fmt.Sprint(i%3))}
		fp := b.Series(&s, from.UnixMilli())
		add := func(at int64, v float64) {
			b.SeriesDay(&s, fp, at)
			b.Sample(fp, at, 0, v)
		}
		if late > 0 {
			for range late {
				add(from.UnixMilli()+f.rng.Int64N(to.UnixMilli()-from.UnixMilli())/30_000*30_000, float64(f.rng.IntN(50)))
			}
			continue
		}
		v := 0.0
		for at := from.UnixMilli(); at < to.UnixMilli(); at += shape.next(f.rng) {
			v = shape.value(f.rng, v)
			add(at, v)
		}
	}
	blocks, err := b.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bl := range blocks {
		f.sent++
		if err := f.db.Insert(t.Context(), bl.Table, fmt.Sprint("shapes", f.sent), []block.Block{bl}); err != nil {
			t.Fatal(err)
		}
	}
}

// randomRollup is an expression that a rollup may serve, or not.
func randomRollup(rng *rand.Rand) string {
	pick := func(all ...string) string { return all[rng.IntN(len(all))] }
	f := pick("rate", "increase", "delta", "resets", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "count_over_time",
		"present_over_time", "first_over_time", "last_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "stddev_over_time", "changes", "absent_over_time")
	offset := pick("", "", "", " offset 1h", " offset 25m", " offset -1d", " @ 1700092800", " @ end()", " offset 1m")
	e := f + "(m[" + pick("5m", "10m", "1h", "1h", "2h", "6h", "6h", "1d", "37m", "3615s") + "]" + offset + ")"
	switch rng.IntN(9) {
	case 0:
		return "m" + offset
	case 1:
		return "timestamp(m" + offset + ")"
	case 2:
		return "sum by (g) (" + e + ")"
	case 3:
		return "max_over_time(" + e + "[1d:1h])"
	case 4:
		return "topk(2, m" + offset + ") or " + e
	case 5:
		return `rate(m{shape="counter"}[1h]) / on () group_left increase(m{shape="seconds"}[2h])`
	}
	return e
}

// What is answered from rollups is what is answered from samples, to the last bit: before there are any, of days that have
// them, after more has come, late and twice, and after they were made anew.
func TestRollupsComeToTheSame(t *testing.T) {
	db := storagetest.DB(t)
	f := &feed{t: t, db: db, rng: rand.New(rand.NewPCG(8, 1))}
	begin := time.Date(2023, 11, 14, 0, 0, 0, 0, time.UTC)
	end := begin.Add(3*24*time.Hour + 7*time.Hour)
	storeShapes(t, f, begin, end, 0)
	store := metricstore.New(db, resourcestore.New(db))
	store.Remember(8 << 20)
	rollups := rollupstore.New(db, store.Points())
	plain := New(Config{Source: store, Features: promexpr.Features{ExperimentalFunctions: true}})
	e := New(Config{Source: store, Rollups: rollups.Read, Features: promexpr.Features{ExperimentalFunctions: true}})
	others := rand.New(rand.NewPCG(8, 2))
	served, series, otherServed := 0, 0, 0
	check := func(stage string, n int) {
		t.Helper()
		for range n {
			expr := randomRollup(f.rng)
			step := []time.Duration{time.Hour, time.Hour, 5 * time.Minute, 2 * time.Hour, 13 * time.Minute}[f.rng.IntN(5)]
			from := begin.Add(time.Duration(f.rng.IntN(24)) * time.Hour)
			switch f.rng.IntN(6) {
			case 0:
				from = from.Add(time.Duration(f.rng.IntN(3_600_000)) * time.Millisecond)
			case 1:
				from = from.Add(5 * time.Minute)
			}
			to := from.Add(time.Duration(48+f.rng.IntN(30)) * time.Hour)
			name := fmt.Sprintf("%s: %s from %s to %s by %s", stage, expr, from.Format(time.DateTime), to.Format(time.DateTime), step)
			got, err := e.Range(t.Context(), tenant.Default, expr, from, to, step)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, err := plain.Range(t.Context(), tenant.Default, expr, from, to, step)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if d := bitwise(got.Value.(promql.Matrix), want.Value.(promql.Matrix)); d != "" {
				t.Fatalf("%s: %s\n%s", name, d, got.Explain().Plan)
			}
			if strings.Contains(got.Explain().Plan, "rollups of") {
				served++
			}
			otherServed += sameOfOther(t, e, plain, others, from, to, step)
			series += len(got.Value.(promql.Matrix))
			got.Close()
			want.Close()
		}
	}
	roll := func(least int) {
		t.Helper()
		did, err := rollups.Roll(t.Context(), begin, end)
		if err != nil || did.Days < least || did.Days > 3*len(rollupShapes) {
			t.Fatalf("rolled up %+v, %v", did, err)
		}
		if again, err := rollups.Roll(t.Context(), begin, end); err != nil || again.Days != 0 {
			t.Fatalf("rolled up again %+v, %v", again, err)
		}
	}
	check("none", 10)
	roll(2 * len(rollupShapes))
	check("rolled up", 40)
	storeShapes(t, f, begin, begin.Add(30*time.Hour), 3)
	check("late", 15)
	roll(5)
	check("anew", 20)
	moved(t, e, begin)
	if otherServed < 25 {
		t.Errorf("%d queries of MetricsQL were served by rollups", otherServed)
	}
	if served < 35 || series < 300 {
		t.Errorf("%d queries were served by rollups, to %d series", served, series)
	}
}

// sameOfOther asks both engines a query of MetricsQL, to which NaN is no sample, and
// returns 1 if rollups served it.
func sameOfOther(t *testing.T, e, plain *Engine, rng *rand.Rand, from, to time.Time, step time.Duration) int {
	t.Helper()
	pick := func(all ...string) string { return all[rng.IntN(len(all))] }
	expr := pick("avg_over_time", "count_over_time", "sum_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time", "present_over_time",
		"tfirst_over_time", "tlast_over_time", "timestamp", "default_rollup", "absent_over_time",
		"rate", "increase", "delta", "deriv_fast", "rate", "increase", "delta", "deriv_fast") + "(m" + pick("[1h]", "[1h]", "[2h]", "[6h]", "[1d]", "[3615s]", "", "") + pick("", "", " offset 1h") + ")"
	if rng.IntN(3) == 0 {
		expr = "sum by (g) (" + expr + ")"
	}
	q := metricsQL(t, expr)
	got, err := e.Steps(t.Context(), tenant.Default, q, from, to, step)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	want, err := plain.Steps(t.Context(), tenant.Default, q, from, to, step)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	if d := bitwise(got.Value.(promql.Matrix), want.Value.(promql.Matrix)); d != "" {
		t.Errorf("MetricsQL: %s from %s to %s by %s: %s\n%s", expr, from.Format(time.DateTime), to.Format(time.DateTime), step, d, got.Explain().Plan)
	}
	if strings.Contains(got.Explain().Plan, "rollups of") {
		return 1
	}
	return 0
}

// metricsQL is a query of MetricsQL; its answer is a matrix.
func metricsQL(t *testing.T, expr string) *Other {
	t.Helper()
	parsed, err := metricsqlparse.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return &Other{Language: "metricsql", Expr: expr, Observe: func(Stats, error) {},
		Plan: func(g column.Grid, end int64) (metricplan.Node, error) {
			return metricsqlplan.Options{Functions: metricsqlfunc.New(), Grid: g, End: end, MaxPoints: 1e6}.Build(parsed)
		},
		Value: func(found []column.Series, g column.Grid) (parser.Value, error) {
			return grideval.Matrix(found, g), nil
		},
	}
}

// moved asks for windows that lie on no buckets: what is allowed to be moved comes to what the windows it is moved to come to,
// and says so; what is not allowed to use rollups does not.
func moved(t *testing.T, e *Engine, begin time.Time) {
	t.Helper()
	ask := func(ctx context.Context, expr string, from time.Time) *Result {
		t.Helper()
		res, err := e.Range(ctx, tenant.Default, expr, from, from.Add(55*time.Hour), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	from := begin.Add(5 * time.Hour)
	hour := WithResolution(t.Context(), time.Hour)
	got, want := ask(hour, `rate(m{shape=~"counter|seconds|whole"}[3615s])`, from.Add(17*time.Minute)), ask(t.Context(), `rate(m{shape=~"counter|seconds|whole"}[1h])`, from)
	a, b := got.Value.(promql.Matrix), want.Value.(promql.Matrix)
	for i := range a {
		for k := range a[i].Floats {
			a[i].Floats[k].T -= (17 * time.Minute).Milliseconds()
		}
	}
	if _, infos := got.Annotations.AsStrings("", 0, 0); !slices.ContainsFunc(infos, func(s string) bool { return strings.Contains(s, "windows were moved to multiples of 1h0m0s") }) {
		t.Errorf("nothing is said of windows that were moved: %v", infos)
	}
	// A gauge has no rollup of gains: its windows stay where they are.
	a, b = slices.DeleteFunc(a, gauge), slices.DeleteFunc(b, gauge)
	if d := bitwise(a, b); d != "" || len(a) == 0 {
		t.Errorf("moved windows: %s", d)
	}
	for _, ctx := range []context.Context{WithResolution(t.Context(), SamplesOnly), t.Context()} {
		if plan := ask(ctx, `rate(m[3615s])`, from).Explain().Plan; !strings.Contains(plan, "all samples") {
			t.Errorf("explained as %s", plan)
		}
	}
}

func gauge(s promql.Series) bool { return s.Metric.Get("shape") == "whole" }

// bitwise tells where two matrices differ, "" for nowhere.
func bitwise(a, b promql.Matrix) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d series, not %d", len(a), len(b))
	}
	for i := range a {
		if a[i].Metric.String() != b[i].Metric.String() || len(a[i].Floats) != len(b[i].Floats) {
			return fmt.Sprintf("%s of %d points, not %s of %d", a[i].Metric, len(a[i].Floats), b[i].Metric, len(b[i].Floats))
		}
		for k, p := range a[i].Floats {
			if q := b[i].Floats[k]; p.T != q.T || math.Float64bits(p.F) != math.Float64bits(q.F) {
				return fmt.Sprintf("%s at %s: %v, not %v (%x, %x)", a[i].Metric, time.UnixMilli(p.T).UTC().Format(time.DateTime), p.F, q.F, math.Float64bits(p.F), math.Float64bits(q.F))
			}
		}
	}
	return ""
}

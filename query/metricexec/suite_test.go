package metricexec

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/query/promplan"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var (
	suiteRun    = flag.String("suite.run", suiteShort, "which of Prometheus's suite to run over ClickHouse, as -run has it: evaluator/testdata/file; . is all of it, some minutes")
	suiteOutput = flag.String("suite.output", "", "files, as a pattern, with what runs of TestSuiteItself have printed, with TREFOIL_SUITE=1 and -test.v, instead of running it: it can be run in parts")
	suiteUpdate = flag.Bool("suite.update", false, "write the scorecard of what is run")
)

const (
	// suiteCard is where the suite writes what does not pass.
	suiteCard = "../../docs/conformance/promql.md"
	// suiteChild is the variable that makes this binary run the suite itself, whose
	// failures the parent collects.
	suiteChild = "TREFOIL_SUITE"
	// suiteShort is what runs in CI.
	suiteShort = "grid/testdata/(selectors|staleness|range_queries|subquery)[.]test"
)

// suiteRetention keeps samples of 1970 from being expired.
const suiteRetention = 65_000 // days

// TestSuiteItself is not a test of its own: TestSuite runs it and compares what
// fails with the scorecard.
func TestSuiteItself(t *testing.T) {
	if os.Getenv(suiteChild) == "" {
		t.Skip("TestSuite runs this")
	}
	opts := promql.EngineOpts{
		MaxSamples: 50_000, Timeout: 100 * time.Second, LookbackDelta: 5 * time.Minute,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true, EnableDelayedNameRemoval: true, UseStartTimestamps: true,
		Parser: parser.NewParser(promqltest.TestParserOpts),
	}
	db := storagetest.DB(t)
	store := metricstore.New(db, resourcestore.New(db))
	store.Remember(16 << 20)
	s := &suite{db: db, engine: New(Config{Source: store, Promote: []string{}, Features: promexpr.Features{StartTimestamps: true}})}
	for name, inner := range map[string]promql.QueryEngine{"grid": promplan.NewEngine(opts), "engine": promql.NewEngine(opts)} {
		t.Run(name, func(t *testing.T) {
			promqltest.RunBuiltinTestsWithStorage(t, suiteEngine{inner, s}, func(tb testing.TB) storage.Storage {
				return &watched{Storage: promqltest.NewBuiltinTestStorage(tb)}
			})
		})
	}
}

// watched is a storage that is copied to ClickHouse whenever something was
// appended.
type watched struct {
	storage.Storage
	tenant tenant.ID // of the copy; "" if there is none
}

func (w *watched) AppenderV2(ctx context.Context) storage.AppenderV2 {
	w.tenant = ""
	return w.Storage.AppenderV2(ctx)
}

type suite struct {
	db      *conn.DB
	engine  *Engine
	tenants int
}

// suiteEngine evaluates over the copy of what it is given.
type suiteEngine struct {
	promql.QueryEngine
	*suite
}

func (e suiteEngine) NewInstantQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, at time.Time) (promql.Query, error) {
	copied, err := e.copyOf(ctx, q, text)
	if err != nil {
		return nil, err
	}
	return e.QueryEngine.NewInstantQuery(ctx, copied, opts, text, at)
}

func (e suiteEngine) NewRangeQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, text string, start, end time.Time, step time.Duration) (promql.Query, error) {
	copied, err := e.copyOf(ctx, q, text)
	if err != nil {
		return nil, err
	}
	return e.QueryEngine.NewRangeQuery(ctx, copied, opts, text, start, end, step)
}

// copyOf is a storage's copy in ClickHouse, a tenant of its own.
func (s *suite) copyOf(ctx context.Context, q storage.Queryable, text string) (storage.Queryable, error) {
	w := q.(*watched)
	if w.tenant == "" {
		s.tenants++
		id := tenant.ID(fmt.Sprint("suite", s.tenants))
		if err := s.fill(ctx, id, w); err != nil {
			return nil, err
		}
		w.tenant = id
	}
	return s.engine.spelled(w.tenant, text), nil
}

func (s *suite) fill(ctx context.Context, id tenant.ID, from storage.Queryable) error {
	querier, err := from.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	defer querier.Close()
	b := metricstore.NewBatch(id, suiteRetention, resourcestore.NewKnown(1000))
	any := labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".*")
	set := querier.Select(ctx, true, nil, any)
	var it chunkenc.Iterator
	for set.Next() {
		it = set.At().Iterator(it)
		addSeries(b, set.At().Labels(), it)
	}
	if err := set.Err(); err != nil {
		return err
	}
	blocks, err := b.Blocks(nil)
	if err != nil {
		return err
	}
	for i, bl := range blocks {
		if err := s.db.Insert(ctx, bl.Table, fmt.Sprint(id, "-", i), []block.Block{bl}); err != nil {
			return err
		}
	}
	return nil
}

// addSeries adds the samples of a series as remote write would.
func addSeries(b *metricstore.Batch, l labels.Labels, it chunkenc.Iterator) {
	of := func(typ metricstore.Type, tmp metricstore.Temporality) *metricstore.Series {
		s := &metricstore.Series{Type: typ, Temporality: tmp, Name: l.Get("__name__"), PromName: l.Get("__name__")}
		l.Range(func(l labels.Label) {
			if l.Name != "__name__" {
				s.Attributes = append(s.Attributes, attribute.KeyValue{Key: l.Name, Value: attribute.StringValue(l.Value)})
			}
		})
		return s
	}
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		if kind == chunkenc.ValFloat {
			at, v := it.At()
			b.Sample(b.Series(of(metricstore.Gauge, metricstore.Unspecified), at), at, it.AtST(), v)
			continue
		}
		at, h := it.AtFloatHistogram(nil)
		p := pointOf(h)
		p.Time, p.Start = at, it.AtST()
		typ, tmp := metricstore.ExponentialHistogram, metricstore.Cumulative
		if p.Kind == histcol.KindExplicit {
			typ = metricstore.Histogram
		}
		if h.CounterResetHint == histogram.GaugeType {
			tmp = metricstore.Unspecified
		}
		b.Histogram(b.Series(of(typ, tmp), at), &p)
	}
}

// pointOf is a native histogram as it is stored.
func pointOf(h *histogram.FloatHistogram) histcol.Point {
	p := histcol.Point{
		Kind: histcol.KindExponential, Flags: histcol.HasSum | histcol.FloatCounts | histcol.Hint(h.CounterResetHint).Flags(),
		Count: math.Float64bits(h.Count), Sum: h.Sum,
	}
	if value.IsStaleNaN(h.Sum) {
		p.Flags |= histcol.NoRecordedValue
	}
	if h.UsesCustomBuckets() {
		p.Kind, p.Bounds, p.Counts = histcol.KindExplicit, h.CustomValues, make([]uint64, len(h.CustomValues)+1)
		for it := h.PositiveBucketIterator(); it.Next(); {
			p.Counts[it.At().Index] = math.Float64bits(it.At().Count)
		}
		return p
	}
	p.Scale, p.ZeroCount, p.ZeroThreshold = h.Schema, math.Float64bits(h.ZeroCount), h.ZeroThreshold
	side := func(it histogram.BucketIterator[float64]) (offset int32, counts []uint64) {
		for it.Next() {
			bucket := it.At()
			if counts == nil {
				offset = bucket.Index - 1
			}
			for int32(len(counts)) < bucket.Index-1-offset {
				counts = append(counts, 0)
			}
			counts = append(counts, math.Float64bits(bucket.Count))
		}
		return offset, counts
	}
	p.PositiveOffset, p.PositiveCounts = side(h.PositiveBucketIterator())
	p.NegativeOffset, p.NegativeCounts = side(h.NegativeBucketIterator())
	return p
}

// outcome is a case of the suite: grid functions.test line 12.
var outcome = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL): TestSuiteItself/(\w+)/testdata/(\w[\w-]*)\.test/line_(\d+)/(.*) \(\d+\.\d+s\)$`)

// suiteMiss is a line of the scorecard.
var suiteMiss = regexp.MustCompile(`^- (\w+), ([\w-]+)[.]test line `)

// TestSuite runs Prometheus's own suite over samples in ClickHouse, evaluated on
// the grid and by Prometheus's engine, and holds what fails to the scorecard.
func TestSuite(t *testing.T) {
	if os.Getenv(suiteChild) != "" {
		t.Skip("under way")
	}
	out, failed := runSuite(t)
	passes, total, misses := map[string]int{}, map[string]int{}, []string{}
	texts := suiteTexts(t)
	seen := map[string]bool{} // -run's patterns may overlap
	for _, m := range outcome.FindAllStringSubmatch(out, -1) {
		key, once := m[2]+" "+m[3], strings.Join(m[1:], " ")
		if seen[once] {
			continue
		}
		seen[once] = true
		total[key]++
		if m[1] == "PASS" {
			passes[key]++
			continue
		}
		text, ok := texts[m[5]]
		if !ok {
			text = m[5]
		}
		misses = append(misses, fmt.Sprintf("- %s, %s.test line %s: `%s`", m[2], m[3], m[4], strings.Join(strings.Fields(text), " ")))
	}
	if len(total) == 0 || failed == nil && len(misses) > 0 {
		t.Fatalf("the suite did not run: %v\n%s", failed, tail(out))
	}
	slices.Sort(misses)
	if *suiteUpdate {
		if err := os.WriteFile(suiteCard, []byte(suiteText(passes, total, misses)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	card, err := os.ReadFile(suiteCard)
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Split(string(card), "\n")
	for _, m := range misses {
		if !slices.Contains(known, m) {
			t.Errorf("fails, and is not in %s:\n%s\n%s", suiteCard, m, tail(out))
		}
	}
	for _, line := range known {
		m := suiteMiss.FindStringSubmatch(line)
		if m != nil && total[m[1]+" "+m[2]] > 0 && !slices.Contains(misses, line) {
			t.Errorf("passes now; take it from %s:\n%s", suiteCard, line)
		}
	}
}

// runSuite is what TestSuiteItself prints.
func runSuite(t *testing.T) (out string, failed error) {
	if *suiteOutput != "" {
		files, err := filepath.Glob(*suiteOutput)
		if err != nil || len(files) == 0 {
			t.Fatalf("-suite.output %s: %d files, %v", *suiteOutput, len(files), err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out += string(text)
		}
		return out, errors.New("its exit is not known")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestSuiteItself/"+*suiteRun, "-test.v", "-test.timeout", "60m")
	cmd.Env = append(os.Environ(), suiteChild+"=1")
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	failed = cmd.Run()
	return b.String(), failed
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// suiteTexts are the expressions of the suite by the names that tests have.
func suiteTexts(t *testing.T) map[string]string {
	exprs, err := promqltest.GetBuiltInExprs()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, e := range exprs {
		texts[strings.Join(strings.Split(e, " "), "_")] = e
	}
	return texts
}

func suiteText(passes, total map[string]int, misses []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# PromQL over ClickHouse: scorecard\n\nWritten by `go test ./query/metricexec -run 'TestSuite$' -suite.update`. The cases are Prometheus's own, of `promqltest`\n"+
		"in the version of go.mod, run by its own runner with every experimental feature on; what they load is stored in\nClickHouse as remote write would store it. "+
		"*grid* is our evaluator, which reads columns; *engine* is Prometheus's, which\nreads series; - is not run. Over Prometheus's own storage all cases pass "+
		"([scorecard](../../query/promplan/testdata/conformance.md)).\n\n| file | grid | engine | of |\n| --- | --- | --- | --- |\n")
	engine := func(n int) string {
		if n == 0 {
			return "-"
		}
		return fmt.Sprint(n)
	}
	sums := map[string]int{}
	var names []string
	for key := range total {
		mode, file, _ := strings.Cut(key, " ")
		sums[mode] += passes[key]
		if mode == "grid" {
			names = append(names, file)
			sums["of"] += total[key]
		}
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Fprintf(&b, "| %s | %d | %s | %d |\n", n, passes["grid "+n], engine(passes["engine "+n]), total["grid "+n])
	}
	fmt.Fprintf(&b, "| all | %d | %s | %d |\n\n## What fails\n\n%s\n", sums["grid"], engine(sums["engine"]), sums["of"], cmp.Or(strings.Join(misses, "\n"), "Nothing."))
	return b.String()
}

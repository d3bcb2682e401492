//go:build conformance

package query_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/jsonutil"
	"github.com/prometheus/prometheus/util/teststorage"
	"go.yaml.in/yaml/v3"

	"github.com/trefoil-o11y/trefoil/query"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var (
	complianceQueries = flag.String("compliance.queries", "", "promql/promql-test-queries.yml of github.com/prometheus/compliance")
	complianceUpdate  = flag.Bool("compliance.update", false, "write the scorecard")
)

const complianceCard = "../docs/conformance/promlabs.md"

// variants are what the list's placeholders stand for.
var variants = map[string][]string{
	"range":                {"1s", "15s", "1m", "5m", "15m", "1h"},
	"offset":               {"1m", "5m", "10m"},
	"quantile":             {"-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5"},
	"simpleAggrOp":         {"sum", "avg", "max", "min", "count", "stddev", "stdvar"},
	"simpleTimeAggrOp":     {"sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last", "present"},
	"topBottomOp":          {"topk", "bottomk"},
	"arithBinOp":           {"+", "-", "*", "/", "%", "^"},
	"compBinOp":            {"==", "!=", "<", ">", "<=", ">="},
	"binOp":                {"+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="},
	"simpleMathFunc":       {"abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round"},
	"extrapolatedRateFunc": {"delta", "rate", "increase"},
	"instantRateFunc":      {"idelta", "irate"},
	"clampFunc":            {"clamp_min", "clamp_max"},
	"dateFunc":             {"day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year"},
}

// TestPromLabsCompliance asks the queries of the public compliance list of us, over
// HTTP and ClickHouse, and of Prometheus's engine on the same samples, written as
// Prometheus's API does: the data have to be the same bytes.
func TestPromLabsCompliance(t *testing.T) {
	if *complianceQueries == "" {
		t.Skip("needs -compliance.queries")
	}
	f, theirs, start := complianceData(t)
	var misses []string
	asked := map[string]int{}
	ask := func(kind, expr, path string, form url.Values, want func() (promql.Query, error)) {
		asked[kind]++
		form.Set("query", expr)
		got, err := ourData(f.url+"/prometheus/api/v1/"+path+"?"+form.Encode(), t)
		expected, wantErr := theirData(want)
		switch {
		case err != nil && wantErr != nil:
		case (err != nil) != (wantErr != nil):
			misses = append(misses, fmt.Sprintf("- %s: `%s`: error %v, Prometheus %v", kind, expr, err, wantErr))
		case !bytes.Equal(got, expected) && !(byChance(want, expected) && anyOrder(got) == anyOrder(expected)):
			i := 0
			for i < min(len(got), len(expected)) && got[i] == expected[i] {
				i++
			}
			t.Logf("%s %s:\n…%.200s\n…%.200s", kind, expr, got[max(0, i-60):], expected[max(0, i-60):])
			misses = append(misses, fmt.Sprintf("- %s: `%s`", kind, expr))
		}
	}
	at, step := start.Add(80*time.Minute), 15*time.Second
	from := at.Add(-20 * time.Minute)
	seconds := func(t time.Time) string { return fmt.Sprintf("%.3f", float64(t.UnixMilli())/1000) }
	for _, expr := range complianceList(t) {
		ask("instant", expr, "query", url.Values{"time": {seconds(at)}}, func() (promql.Query, error) {
			return theirs.engine.NewInstantQuery(t.Context(), theirs.store, nil, expr, at)
		})
		ask("range", expr, "query_range", url.Values{"start": {seconds(from)}, "end": {seconds(at)}, "step": {"15"}}, func() (promql.Query, error) {
			return theirs.engine.NewRangeQuery(t.Context(), theirs.store, nil, expr, from, at, step)
		})
	}
	t.Logf("%v asked, %d differ", asked, len(misses))
	text := complianceText(asked, misses)
	if *complianceUpdate {
		if err := os.WriteFile(complianceCard, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if card, err := os.ReadFile(complianceCard); err != nil || string(card) != text {
		t.Errorf("%s says otherwise, %v; write it with -compliance.update:\n%s", complianceCard, err, text)
	}
}

func complianceText(asked map[string]int, misses []string) string {
	return fmt.Sprintf("# The PromLabs compliance list: scorecard\n\nWritten by `go test -tags conformance ./query -run TestPromLabsCompliance -compliance.queries FILE -compliance.update`, where FILE is\n"+
		"`promql/promql-test-queries.yml` of github.com/prometheus/compliance. Its queries, with every variant, are asked over HTTP of samples in ClickHouse like\n"+
		"those the list is made for (three instances of the demo service, 5 s apart, 90 minutes), and of Prometheus's engine, of the version in go.mod, on the same samples. What\n"+
		"counts is that `data` is the same, byte by byte, as Prometheus's API writes it; or that both refuse. The order of an instant vector is not compared where\n"+
		"Prometheus's own changes from one time to the next (histogram_quantile, count_values).\n\n| | asked | differ |\n| --- | --- | --- |\n| instant | %d | %d |\n| range | %d | %d |\n\n## What differs\n\n%s\n",
		asked["instant"], count(misses, "- instant"), asked["range"], count(misses, "- range"), cmp.Or(strings.Join(misses, "\n"), "Nothing."))
}

func count(lines []string, prefix string) (n int) {
	for _, l := range lines {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

// complianceList reads the list and fills its placeholders in.
func complianceList(t *testing.T) []string {
	text, err := os.ReadFile(*complianceQueries)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Cases []struct {
			Query string   `yaml:"query"`
			Args  []string `yaml:"variant_args"`
		} `yaml:"test_cases"`
	}
	if err := yaml.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range list.Cases {
		queries := []string{c.Query}
		for _, arg := range c.Args {
			if variants[arg] == nil {
				t.Fatalf("%s: no variants are known of %s", c.Query, arg)
			}
			var filled []string
			for _, q := range queries {
				for _, v := range variants[arg] {
					filled = append(filled, strings.ReplaceAll(q, "{{."+arg+"}}", v))
				}
			}
			queries = filled
		}
		out = append(out, queries...)
	}
	if len(out) < 100 {
		t.Fatalf("only %d queries", len(out))
	}
	return out
}

func ourData(url string, t *testing.T) (json.RawMessage, error) {
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if body.Status != "success" {
		return nil, fmt.Errorf("%d %s", resp.StatusCode, body.Error)
	}
	return body.Data, nil
}

func theirData(prepare func() (promql.Query, error)) (json.RawMessage, error) {
	query, err := prepare()
	if err != nil {
		return nil, err
	}
	defer query.Close()
	res := query.Exec(context.Background())
	if res.Err != nil {
		return nil, res.Err
	}
	return promJSON(res.Value)
}

// promJSON writes a value as Prometheus's API does, with the functions it uses for
// times and numbers.
func promJSON(v parser.Value) (json.RawMessage, error) {
	var b bytes.Buffer
	s := jsoniter.NewStream(jsoniter.ConfigCompatibleWithStandardLibrary, &b, 4096)
	point := func(t int64, v float64) {
		s.WriteRaw("[")
		jsonutil.MarshalTimestamp(t, s)
		s.WriteMore()
		jsonutil.MarshalFloat(v, s)
		s.WriteRaw("]")
	}
	list := func(n int, each func(i int)) {
		s.WriteRaw("[")
		for i := range n {
			if i > 0 {
				s.WriteMore()
			}
			each(i)
		}
		s.WriteRaw("]")
	}
	s.WriteRaw(fmt.Sprintf(`{"resultType":%q,"result":`, v.Type()))
	switch v := v.(type) {
	case promql.Vector:
		list(len(v), func(i int) {
			s.WriteRaw(`{"metric":`)
			s.WriteVal(v[i].Metric)
			s.WriteRaw(`,"value":`)
			point(v[i].T, v[i].F)
			s.WriteRaw("}")
		})
	case promql.Matrix:
		list(len(v), func(i int) {
			s.WriteRaw(`{"metric":`)
			s.WriteVal(v[i].Metric)
			s.WriteRaw(`,"values":`)
			list(len(v[i].Floats), func(k int) { point(v[i].Floats[k].T, v[i].Floats[k].F) })
			s.WriteRaw("}")
		})
	case promql.Scalar:
		point(v.T, v.V)
	default:
		return nil, fmt.Errorf("a %s", v.Type())
	}
	s.WriteRaw("}")
	err := s.Flush()
	return b.Bytes(), err
}

// byChance tells whether Prometheus gives an answer in another order now and then:
// that of a map.
func byChance(again func() (promql.Query, error), first json.RawMessage) bool {
	for range 10 {
		if next, err := theirData(again); err == nil && !bytes.Equal(next, first) {
			return true
		}
	}
	return false
}

// anyOrder is data with its series sorted.
func anyOrder(data json.RawMessage) string {
	var body struct {
		ResultType string
		Result     []json.RawMessage
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return err.Error()
	}
	slices.SortFunc(body.Result, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return fmt.Sprintf("%s %s", body.ResultType, body.Result)
}

type reference struct {
	engine *promql.Engine
	store  storage.Queryable
}

// complianceData stores the demo service's series, or some like them, with us and
// with Prometheus.
func complianceData(t *testing.T) (*fixture, reference, time.Time) {
	db := storagetest.DB(t)
	batch := metricstore.NewBatch(tenant.Default, retention, resourcestore.NewKnown(100_000))
	store := teststorage.New(t)
	app := store.AppenderV2(t.Context())
	start := epoch
	rng := rand.New(rand.NewPCG(1, 2))
	series := func(next func(at time.Time) (float64, bool), pairs ...string) {
		s := &metricstore.Series{Name: pairs[1], PromName: pairs[1], Type: metricstore.Unknown}
		for i := 2; i < len(pairs); i += 2 {
			s.Attributes = append(s.Attributes, attribute.KeyValue{Key: pairs[i], Value: attribute.StringValue(pairs[i+1])})
		}
		l := labels.FromStrings(pairs...)
		for at := start.Add(time.Duration(rng.Int64N(5000)) * time.Millisecond); at.Before(start.Add(90 * time.Minute)); at = at.Add(5 * time.Second) {
			v, ok := next(at)
			if !ok {
				continue
			}
			ms := at.UnixMilli()
			batch.Sample(batch.Series(s, ms), ms, 0, v)
			if _, err := app.Append(0, l, 0, ms, v, nil, nil, storage.AppendV2Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	counter := func(rate float64) func(time.Time) (float64, bool) {
		total := 0.0
		return func(time.Time) (float64, bool) {
			if total += rng.Float64() * rate; rng.IntN(400) == 0 {
				total = 0
			}
			return total, true
		}
	}
	for i := range 3 {
		of := func(name string, more ...string) []string {
			return append([]string{"__name__", name, "instance", fmt.Sprintf("demo.promlabs.com:1000%d", i), "job", "demo"}, more...)
		}
		for _, kind := range []string{"buffers", "cached", "free", "used"} {
			series(func(at time.Time) (float64, bool) {
				return math.Round(2e9 + 1e9*math.Sin(float64(at.Unix())/700) + rng.NormFloat64()*1e7), true
			}, of("demo_memory_usage_bytes", "type", kind)...)
		}
		series(func(time.Time) (float64, bool) { return 4, true }, of("demo_num_cpus")...)
		for _, mode := range []string{"idle", "system", "user"} {
			series(counter(7), of("demo_cpu_usage_seconds_total", "mode", mode)...)
		}
		disk := 1e11
		series(func(time.Time) (float64, bool) { disk += rng.Float64() * 1e6; return disk, true }, of("demo_disk_usage_bytes")...)
		last := 0.0
		series(func(at time.Time) (float64, bool) {
			if last == 0 || rng.IntN(40) == 0 {
				last = float64(at.UnixMilli()) / 1000
			}
			return last, true
		}, of("demo_batch_last_success_timestamp_seconds")...)
		on := true
		series(func(time.Time) (float64, bool) {
			before := on
			if rng.IntN(30) == 0 {
				on = !on
			}
			if !on && before {
				return math.Float64frombits(value.StaleNaN), true
			}
			return 1, on
		}, of("demo_intermittent_metric")...)
		for _, path := range []string{"/api/bar", "/api/foo"} {
			var buckets [8]float64
			for b, le := range []string{"0.0001", "0.001", "0.01", "0.1", "0.5", "1", "5", "+Inf"} {
				series(func(time.Time) (float64, bool) {
					if buckets[b] += float64(rng.IntN(3 * (b + 1))); b > 0 { // not monotonic at every moment, as scrapes are
						buckets[b] += float64(rng.IntN(2))
					}
					return buckets[b], true
				}, of("demo_api_request_duration_seconds_bucket", "method", "GET", "path", path, "status", "200", "le", le)...)
			}
			for _, part := range []string{"_sum", "_count"} {
				series(counter(20), of("demo_api_request_duration_seconds"+part, "method", "GET", "path", path, "status", "200")...)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	blocks, err := batch.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, bl := range blocks {
		if err := db.Insert(t.Context(), bl.Table, fmt.Sprint("compliance", i), []block.Block{bl}); err != nil {
			t.Fatal(err)
		}
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() }, Parser: parser.NewParser(parser.Options{}),
	})
	t.Cleanup(func() { engine.Close() })
	f := serve(t, db, func(c *query.Config) { c.Promote = []string{} })
	return f, reference{engine, store}, start
}

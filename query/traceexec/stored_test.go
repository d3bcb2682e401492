package traceexec

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/query/traceqltest"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

var _ = flag.Bool("update", false, "rewrite the goldens and the scorecard")

func TestMain(m *testing.M) { storagetest.Main(m) }

// epoch is when scripts begin; retention keeps it.
var epoch = time.Unix(1_700_000_000, 0).UTC()

// store puts a script's traces into a database.
func store(t testing.TB, db *conn.DB, id tenant.ID, script *traceqltest.Script) {
	t.Helper()
	res := resourcestore.NewBatch(id, 20_000, resourcestore.NewKnown(1000))
	spans := tracestore.NewBatch(id, 20_000)
	for _, tr := range script.Traces {
		for _, s := range tr.Spans {
			r := s.Record
			r.ResourceID, r.Service = res.Resource(epoch, &resourcestore.Resource{Attributes: slices.Clone(s.ResourceAttributes)})
			r.ScopeID = res.Scope(epoch, &resourcestore.Scope{Name: s.Scope, Version: s.ScopeVersion, Attributes: slices.Clone(s.ScopeAttributes)})
			r.Start += epoch.UnixNano()
			r.End += epoch.UnixNano()
			r.Events = slices.Clone(r.Events)
			for i := range r.Events {
				r.Events[i].Time += epoch.UnixNano()
			}
			spans.Append(&r)
		}
	}
	blocks, err := res.Blocks(nil)
	if err == nil {
		blocks, err = spans.Blocks(blocks)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		if err := db.Insert(t.Context(), b.Table, fmt.Sprint(id, i), []block.Block{b}); err != nil {
			t.Fatal(err)
		}
	}
}

func engineOn(t testing.TB, db *conn.DB) *Engine {
	resources := resourcestore.New(db)
	return New(Config{Traces: tracestore.New(db, resources), Resources: resources, Now: func() time.Time { return epoch.Add(time.Minute) }})
}

func load(t testing.TB, file string) *traceqltest.Script {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "traceql", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	s, err := traceqltest.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestConformance runs the scripts that say what TraceQL means on stored
// traces, and keeps score.
func TestConformance(t *testing.T) {
	db := storagetest.DB(t)
	script := load(t, "shop.test")
	store(t, db, "default", script)
	store(t, db, "other", &traceqltest.Script{Traces: script.Traces[:1]})
	e := engineOn(t, db)
	var sections []string
	passed, all := map[string]int{}, map[string]int{}
	for _, c := range script.Cases {
		if c.Verb == "" {
			continue
		}
		if all[c.Section] == 0 {
			sections = append(sections, c.Section)
		}
		all[c.Section]++
		got, err := answer(t, e, script, c)
		if cmp.Equal(c.Want, got, cmpopts.EquateEmpty()) {
			passed[c.Section]++
			continue
		}
		t.Errorf("line %d: %s\n%v\n(-want +got):\n%s", c.Line, c.Query, err, cmp.Diff(c.Want, got))
	}
	var card strings.Builder
	card.WriteString(scorecardHead)
	good, total := 0, 0
	for _, s := range sections {
		fmt.Fprintf(&card, "| %s | %d | %d |\n", s, passed[s], all[s])
		good, total = good+passed[s], total+all[s]
	}
	fmt.Fprintf(&card, "| all of these | %d | %d |\n", good, total)
	storagetest.Golden(t, "../../../docs/conformance/traceql.md", card.String())
}

const scorecardHead = `# TraceQL: scorecard

Written by "go test ./query/traceexec -run TestConformance -update". The cases are our own, of what TraceQL's
documentation says ([script](../../query/traceql/testdata/shop.test)); the traces are stored in the engine and searched
there. The same cases run over the evaluator alone. Metrics are not among them: TestMetricsBothWays compares what
ClickHouse makes of each with what is evaluated from the spans.

| cases | pass | of |
| --- | --- | --- |
`

func answer(t *testing.T, e *Engine, script *traceqltest.Script, c traceqltest.Case) ([]string, error) {
	q, err := traceql.Parse(c.Query)
	switch {
	case c.Verb == "fail" && err != nil:
		return []string{err.Error()}, nil
	case err != nil:
		return nil, err
	case c.Verb != "eval":
		return []string{q.String()}, nil
	}
	found, err := e.Search(t.Context(), "default", q, Options{Start: epoch, End: epoch.Add(time.Minute), SpansPerSet: 100})
	if err != nil {
		return nil, err
	}
	var lines []string
	for i, tr := range script.Traces {
		for _, f := range found.Traces {
			if f.TraceID != traceqltest.TraceID(i) {
				continue
			}
			for _, set := range f.Sets {
				var numbers []int
				for _, s := range set.Spans {
					numbers = append(numbers, traceqltest.Number(s.SpanID))
				}
				slices.Sort(numbers)
				line := tr.Name
				for _, n := range numbers {
					line += fmt.Sprint(" ", n)
				}
				for _, a := range set.Attributes {
					line += " " + a.Name + "=" + a.Value.Text()
				}
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

// A plan that says it is exact selects what the evaluator selects; SQL and the
// evaluation here make the same series.
func TestMetricsBothWays(t *testing.T) {
	db := storagetest.DB(t)
	script := load(t, "shop.test")
	store(t, db, "default", script)
	e := engineOn(t, db)
	g := Grid{First: epoch.Add(500 * time.Millisecond).UnixNano(), Step: int64(500 * time.Millisecond), N: 4}
	pushed := 0
	for _, c := range script.Cases {
		if c.Verb != "eval" {
			continue
		}
		base, err := traceql.Parse(c.Query)
		if err != nil || len(base.Hints) > 0 {
			continue
		}
		if _, exact := Condition(base); !exact {
			continue
		}
		pushed++
		bothWays(t, e, c.Query+" | sum_over_time(duration) by(resource.service.name)", g)
	}
	if pushed < 40 {
		t.Errorf("only %d cases are pushed down", pushed)
	}
	for _, f := range []string{
		"rate()", "rate() by(status, kind)", "count_over_time() by(span.user.id)", "min_over_time(duration)", "max_over_time(span.amount)", "avg_over_time(duration) by(name)",
		"sum_over_time(span.http.response.status_code) by(resource.env)", "histogram_over_time(duration) by(kind)", "count_over_time() by(.env)", "count_over_time() by(instrumentation:name, instrumentation.kind)",
		"quantile_over_time(duration, 0, 1)", "count_over_time() by(statusMessage) | topk(1)", "rate() by(resource.service.name) | bottomk(2)", "count_over_time() by(name) > 1", "max_over_time(duration) by(name) > 100ms",
	} {
		bothWays(t, e, "{ } | "+f, g)
	}
}

func bothWays(t *testing.T, e *Engine, text string, g Grid) {
	t.Helper()
	q, err := traceql.Parse(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	sql, err := e.Metrics(t.Context(), "default", q, g, 1000)
	if err != nil || !sql.Pushed {
		t.Errorf("%s: pushed down %v, %v", text, sql != nil && sql.Pushed, err)
		return
	}
	// A condition that is always true but that storage does not know.
	slow := *q
	slow.Pipeline.Stages = append(slices.Clone(q.Pipeline.Stages), traceql.Spans{Expr: traceql.Filter{Condition: traceql.Binary{
		Op: ">=", Left: traceql.Field{Intrinsic: traceql.FieldChildCount}, Right: traceql.Constant{Value: traceql.Int(0)}}}})
	here, err := e.Metrics(t.Context(), "default", &slow, g, 1000)
	if err != nil || here.Pushed {
		t.Errorf("%s: pushed down %v, %v", text, here != nil && here.Pushed, err)
		return
	}
	if d := cmp.Diff(flat(sql), flat(here)); d != "" {
		t.Errorf("%s (-SQL +here):\n%s", text, d)
	}
}

func flat(set *SeriesSet) (lines []string) {
	for _, s := range set.Series {
		line := s.Name()
		for _, v := range s.Values {
			if math.IsNaN(v) {
				line += " _"
			} else {
				line += fmt.Sprintf(" %.6g", v)
			}
		}
		slices.SortFunc(s.Exemplars, func(a, b Exemplar) int {
			return strings.Compare(hex.EncodeToString(a.SpanID[:]), hex.EncodeToString(b.SpanID[:]))
		})
		lines = append(lines, line)
	}
	return lines
}

func TestCompare(t *testing.T) {
	db := storagetest.DB(t)
	store(t, db, "default", load(t, "shop.test"))
	e := engineOn(t, db)
	q, err := traceql.Parse("{ } | compare({ status = error }, 2)")
	if err != nil {
		t.Fatal(err)
	}
	set, err := e.Metrics(t.Context(), "default", q, Grid{First: epoch.Add(2 * time.Second).UnixNano(), Step: int64(3 * time.Second), N: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, s := range set.Series {
		got[s.Name()] = s.Values[0]
	}
	for name, want := range map[string]float64{
		`{"__meta_type"="selection", "resource.env"="prod"}`:              3,
		`{"__meta_type"="baseline", "kind"="client"}`:                     2,
		`{"__meta_type"="selection_total", "name"="nil"}`:                 3,
		`{"__meta_type"="baseline_total", "resource.service.name"="nil"}`: 5,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	base, _ := Condition(q)
	sel, _ := planFilterCondition(q.Metrics.Compare.Selection)
	d, err := e.Deltas(t.Context(), "default", base, sel, epoch, epoch.Add(time.Minute), 100)
	if err != nil || d.SelectedSpans != 3 || d.OtherSpans != 5 || len(d.List) == 0 || d.List[0].Selected != 1 || d.List[0].Others != 0 {
		b, _ := json.Marshal(d)
		t.Errorf("deltas %s, %v", b, err)
	}
}

func TestTags(t *testing.T) {
	db := storagetest.DB(t)
	store(t, db, "default", load(t, "shop.test"))
	e := engineOn(t, db)
	tags, err := e.Tags(t.Context(), "default", "", epoch, epoch.Add(time.Minute), 100)
	if err != nil || len(tags) != 4 {
		t.Fatal(tags, err)
	}
	if got := strings.Join(tags[1].Names, " "); got != "env replicas service.name" {
		t.Errorf("resource tags: %s", got)
	}
	if !slices.Contains(tags[0].Names, "http.response.status_code") {
		t.Errorf("span tags: %q", tags[0].Names)
	}
	for _, c := range []struct{ field, q, want string }{
		{"span.peer", "", "pay"}, {"name", "{ kind = server && status = error }", "GET /checkout|POST /pay"},
		{"resource.service.name", "", "cart|front|pay"}, {"resource.env", "{ resource.service.name = \"pay\" }", "prod"},
		{"status", "", "unset|ok|error"}, {"span.user.id", "", "u1|u2|1"}, {".http.response.status_code", "{ status = ok }", "204.0"},
	} {
		f, _ := traceql.FieldNamed(c.field)
		var q *traceql.Query
		if c.q != "" {
			if q, err = traceql.Parse(c.q); err != nil {
				t.Fatal(err)
			}
		}
		values, err := e.TagValues(t.Context(), "default", f, q, epoch, epoch.Add(time.Minute), 100)
		var texts []string
		for _, v := range values {
			texts = append(texts, v.Text())
		}
		want := strings.Split(c.want, "|")
		if c.field != "status" {
			slices.Sort(want)
			slices.Sort(texts)
		}
		if err != nil || !slices.Equal(texts, want) {
			t.Errorf("%s %s: %q, want %q, %v", c.field, c.q, texts, want, err)
		}
	}
}

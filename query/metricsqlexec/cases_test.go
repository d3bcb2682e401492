package metricsqlexec

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// grid is when a case is evaluated: at end, or on start, start+step, … end.
type grid struct {
	name             string
	start, end, step int64 // ms since began; step 0 is instant
}

var grids = []grid{
	{"coarse", 600_000, 2_520_000, 240_000},
	{"fine", 1_200_000, 1_300_000, 20_000},
	{"instant", 0, 1_807_000, 0},
}

// outcome is the answer to one case on one grid; a mistake has none.
type outcome struct {
	Failed bool         `json:"failed,omitempty"`
	Series []lineOfData `json:"series,omitempty"`
}

// lineOfData is a series of an answer.
type lineOfData struct {
	Labels map[string]string `json:"l"`
	Times  []int64           `json:"t"` // ms since began
	Values []number64        `json:"v"`
}

// number64 is a float that may be infinite or NaN.
type number64 float64

func (n number64) MarshalJSON() ([]byte, error) {
	return json.Marshal(strconv.FormatFloat(float64(n), 'g', 12, 64))
}

func (n *number64) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	if err == nil {
		var f float64
		f, err = strconv.ParseFloat(s, 64)
		*n = number64(f)
	}
	return err
}

// cases reads the queries.
func cases(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "# ") {
			out = append(out, line)
		}
	}
	return out
}

// ask evaluates a case with our engine.
func ask(t testing.TB, e *Engine, query string, g grid) outcome {
	t.Helper()
	at := func(ms int64) time.Time { return time.UnixMilli(began + ms) }
	var v any
	if g.step == 0 {
		res, err := e.Instant(t.Context(), tenant.Default, query, at(g.end))
		if err != nil {
			return outcome{Failed: true}
		}
		v = res.Value
	} else {
		res, err := e.Range(t.Context(), tenant.Default, query, at(g.start), at(g.end), time.Duration(g.step)*time.Millisecond)
		if err != nil {
			return outcome{Failed: true}
		}
		v = res.Value
	}
	var out outcome
	switch v := v.(type) {
	case promql.Vector:
		for _, s := range v {
			out.Series = append(out.Series, lineOfData{s.Metric.Map(), []int64{s.T - began}, []number64{number64(s.F)}})
		}
	case promql.Matrix:
		for _, s := range v {
			line := lineOfData{Labels: s.Metric.Map()}
			for _, p := range s.Floats {
				line.Times, line.Values = append(line.Times, p.T-began), append(line.Values, number64(p.F))
			}
			out.Series = append(out.Series, line)
		}
	}
	return out
}

// differ says how two outcomes differ, "" if not by more than rounding. Order
// counts where it is part of an instant answer.
func differ(query string, g grid, got, want outcome) string {
	if got.Failed != want.Failed {
		return fmt.Sprintf("got failure %t, want %t", got.Failed, want.Failed)
	}
	if got.Failed {
		return ""
	}
	if tied[query] {
		if g, w := byTime(got), byTime(want); !maps.EqualFunc(g, w, func(a, b []number64) bool { return slices.EqualFunc(a, b, close64) }) {
			return fmt.Sprintf("got values %v\nwant %v", g, w)
		}
		return ""
	}
	if parsed, err := metricsqlparse.Parse(query); err != nil || g.step > 0 || !metricsqlfunc.Ordered(parsed) || hasGroups(parsed) {
		byName := func(a, b lineOfData) int {
			return labels.Compare(labels.FromMap(a.Labels), labels.FromMap(b.Labels))
		}
		slices.SortStableFunc(got.Series, byName)
		slices.SortStableFunc(want.Series, byName)
	}
	if len(got.Series) != len(want.Series) {
		return fmt.Sprintf("got %d series %v\nwant %d series %v", len(got.Series), first(got.Series), len(want.Series), first(want.Series))
	}
	for i, w := range want.Series {
		s := got.Series[i]
		if !labels.Equal(labels.FromMap(s.Labels), labels.FromMap(w.Labels)) || !slices.Equal(s.Times, w.Times) || !slices.EqualFunc(s.Values, w.Values, close64) {
			return fmt.Sprintf("got  %v\nwant %v", s, w)
		}
	}
	return ""
}

// hasGroups tells whether an aggregation is by labels; VictoriaMetrics lists groups in an
// order that changes from run to run.
func hasGroups(e metricsql.Expr) bool {
	a, ok := e.(*metricsql.AggrFuncExpr)
	return ok && a.Modifier.Op != ""
}

// tied are cases in which series of the same value compete; which of them is taken
// changes from run to run there.
var tied = map[string]bool{`bottomk(2, temp)`: true}

// byTime is the values of an answer at each time, in order.
func byTime(o outcome) map[int64][]number64 {
	out := map[int64][]number64{}
	for _, s := range o.Series {
		for i, t := range s.Times {
			out[t] = append(out[t], s.Values[i])
		}
	}
	for _, values := range out {
		slices.Sort(values)
	}
	return out
}

func first(s []lineOfData) []lineOfData { return s[:min(3, len(s))] }

func close64(a, b number64) bool {
	x, y := float64(a), float64(b)
	return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y), 1e-6)
}

// known differences, by case; each is listed in docs/conformance/metricsql.md
// with its reason.
var differences = map[string]string{
	`label_graphite_group(label_set(temp, "__name__", "foo.bar.baz"), 2, 0)`: "VictoriaMetrics writes the new name over the one it still reads (`baz.baz` for parts 2 and 0 of `foo.bar.baz`)",
}

const golden = "testdata/victoriametrics.json.gz"

// recorded is what VictoriaMetrics answered, by grid and query.
func recorded(t testing.TB) map[string]map[string]outcome {
	t.Helper()
	f, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]map[string]outcome
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// The goldens are what VictoriaMetrics 1.148.0 answered over the same data; a
// test under the tag conformance records them.
func TestAgreesWithVictoriaMetrics(t *testing.T) {
	want := recorded(t)
	e := engineOn(dataset())
	for _, query := range cases(t) {
		for _, g := range grids {
			w, ok := want[g.name][query]
			if !ok {
				t.Errorf("%s %s is not recorded", g.name, query)
				continue
			}
			d := differ(query, g, ask(t, e, query, g), w)
			if d != "" && differences[query] == "" {
				t.Errorf("%s %s: %s", g.name, query, d)
			}
		}
	}
}

// Every function that the parser knows has a case.
func TestEveryFunctionHasACase(t *testing.T) {
	used := map[string]bool{}
	for _, query := range cases(t) {
		e, err := metricsql.Parse(query)
		if err != nil {
			continue
		}
		metricsql.VisitAll(e, func(e metricsql.Expr) {
			switch e := e.(type) {
			case *metricsql.FuncExpr:
				used[strings.ToLower(e.Name)] = true
			case *metricsql.AggrFuncExpr:
				used[strings.ToLower(e.Name)] = true
			}
		})
	}
	b, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(b)) {
		if !metricsql.IsSupportedFunction(name) {
			t.Errorf("%s is not known to the parser", name)
		}
		if !used[name] && name != "now" { // whose answer is another at each time
			t.Errorf("%s has no case", name)
		}
	}
}

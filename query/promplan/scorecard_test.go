package promplan

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

var update = flag.Bool("update", false, "rewrite the scorecard")

// scorecard is where the suite writes how it went.
const scorecard = "testdata/conformance.md"

// files runs Prometheus's own suite and notes how each of its files went.
type files struct {
	*testing.T
	passed, failed []string
}

func (f *files) Run(name string, test func(*testing.T)) bool {
	ok := f.T.Run(name, test)
	if ok {
		f.passed = append(f.passed, filepath.Base(name))
	} else {
		f.failed = append(f.failed, filepath.Base(name))
	}
	return ok
}

// TestConformance runs every case of Prometheus's own suite (promqltest)
// against our engine over Prometheus's storage.
func TestConformance(t *testing.T) {
	f := &files{T: t}
	promqltest.RunBuiltinTests(f, NewEngine(options()))
	card := f.card(t)
	if *update {
		if err := os.WriteFile(scorecard, []byte(card), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(scorecard); err != nil || string(want) != card {
		t.Errorf("%s is not what the suite came to (%v); -update writes it:\n%s", scorecard, err, card)
	}
}

func (f *files) card(t *testing.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# PromQL conformance\n\nWritten by `go test ./query/promplan -run TestConformance -update`. The cases are Prometheus's own,\n"+
		"of `promqltest` in the version of go.mod, run by its own runner with every experimental feature on.\n\n")
	fmt.Fprintf(&b, "%d of %d files pass.\n\n", len(f.passed), len(f.passed)+len(f.failed))
	for _, name := range f.failed {
		fmt.Fprintf(&b, "- fails: %s\n", name)
	}
	ours, partly, reasons := evaluators(t, production())
	fmt.Fprintf(&b, "## Who evaluates\n\nOf the %d expressions of the suite, as the server is set up, the grid evaluator takes %d; %d leave a part to\n"+
		"Prometheus's engine:\n\n| reason | expressions |\n| --- | --- |\n", ours+partly, ours, partly)
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(&b, "| %s | %d |\n", why, reasons[why])
	}
	return b.String()
}

// evaluators counts the suite's expressions by who evaluates them.
func evaluators(t *testing.T, o promql.EngineOpts) (ours, partly int, reasons map[string]int) {
	exprs, err := promqltest.GetBuiltInExprs()
	if err != nil {
		t.Fatal(err)
	}
	reasons = map[string]int{}
	e := NewEngine(o)
	for _, text := range exprs {
		parsed, err := o.Parser.ParseExpr(text)
		if err != nil {
			continue
		}
		at := time.Unix(3600, 0)
		if parsed, err = promql.PreprocessExpr(parsed, at, at.Add(time.Hour), time.Minute); err != nil {
			continue
		}
		why := ""
		metricplan.Walk(e.plans.Build(text, parsed), func(n metricplan.Node) {
			if f, ok := n.(*metricplan.Foreign); ok {
				why = f.Why
			}
		})
		if why == "" {
			ours++
			continue
		}
		partly++
		reasons[why]++
	}
	return ours, partly, reasons
}

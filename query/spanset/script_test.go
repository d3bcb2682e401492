package spanset_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/query/spanset"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/query/traceqltest"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

func scripts(t testing.TB) map[string]*traceqltest.Script {
	t.Helper()
	all, err := traceqltest.Load("../traceql/testdata/*.test")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// inMemory is a script's trace as storage would give it.
func inMemory(tr traceqltest.Trace) *spanset.Trace {
	spans := make([]tracestore.Span, len(tr.Spans))
	for i, s := range tr.Spans {
		spans[i] = tracestore.Span{
			TraceID: s.TraceID, SpanID: s.SpanID, Parent: s.Parent, Name: s.Name, Service: s.Service, Kind: s.Kind, Start: s.Start, Duration: uint64(s.End - s.Start),
			StatusCode: s.StatusCode, StatusMessage: s.StatusMessage, Attributes: s.Attributes, Events: s.Events, Links: s.Links,
			Resource: &resourcestore.Row{Service: s.Service, Attributes: s.ResourceAttributes},
			Scope:    &resourcestore.ScopeRow{Name: s.Scope, Version: s.ScopeVersion, Attributes: s.ScopeAttributes},
		}
	}
	return spanset.NewTrace(spans)
}

// TestScripts evaluates the queries of the language's scripts that find something.
func TestScripts(t *testing.T) {
	for file, script := range scripts(t) {
		for _, c := range script.Cases {
			if c.Verb == "fail" || c.Verb == "print" {
				continue
			}
			q, err := traceql.Parse(c.Query)
			if err != nil {
				t.Errorf("%s:%d: %s\n%v", file, c.Line, c.Query, err)
				continue
			}
			var got []string
			e := spanset.NewEvaluator(q)
			for _, tr := range script.Traces {
				mem := inMemory(tr)
				for _, set := range e.Eval(mem) {
					got = append(got, line(tr.Name, mem, set))
				}
			}
			if d := cmp.Diff(c.Want, got); d != "" {
				t.Errorf("%s:%d: %s\n(-want +got):\n%s", file, c.Line, c.Query, d)
			}
		}
	}
}

// Whatever can be parsed can be evaluated.
func FuzzEval(f *testing.F) {
	for _, script := range scripts(f) {
		for _, c := range script.Cases {
			f.Add(c.Query)
		}
	}
	f.Fuzz(func(_ *testing.T, text string) {
		if q, err := traceql.Parse(text); err == nil {
			spanset.NewEvaluator(q).Eval(inMemory(traceqltest.Trace{Spans: make([]traceqltest.Span, 3)}))
		}
	})
}

func line(name string, tr *spanset.Trace, set spanset.Set) string {
	var numbers []int
	for _, i := range set.Spans {
		numbers = append(numbers, traceqltest.Number(tr.Spans[i].SpanID))
	}
	slices.Sort(numbers)
	text := name + strings.Trim(fmt.Sprint(" ", numbers), "]")
	text = strings.Replace(text, "[", "", 1)
	for _, a := range set.Attributes {
		text += " " + a.Name + "=" + a.Value.Text()
	}
	return strings.ReplaceAll(text, "  ", " ")
}

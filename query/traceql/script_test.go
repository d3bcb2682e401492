package traceql_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/query/traceqltest"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

func scripts(t testing.TB) map[string]*traceqltest.Script {
	t.Helper()
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	all := map[string]*traceqltest.Script{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if all[filepath.Base(file)], err = traceqltest.Parse(string(text)); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return all
}

// inMemory is a script's trace as storage would give it.
func inMemory(tr traceqltest.Trace) *traceql.Trace {
	spans := make([]tracestore.Span, len(tr.Spans))
	for i, s := range tr.Spans {
		spans[i] = tracestore.Span{
			TraceID: s.TraceID, SpanID: s.SpanID, Parent: s.Parent, Name: s.Name, Service: s.Service, Kind: s.Kind, Start: s.Start, Duration: uint64(s.End - s.Start),
			StatusCode: s.StatusCode, StatusMessage: s.StatusMessage, Attributes: s.Attributes, Events: s.Events, Links: s.Links,
			Resource: &resourcestore.Row{Service: s.Service, Attributes: s.ResourceAttributes},
			Scope:    &resourcestore.ScopeRow{Name: s.Scope, Version: s.ScopeVersion, Attributes: s.ScopeAttributes},
		}
	}
	return traceql.NewTrace(spans)
}

func TestScripts(t *testing.T) {
	for file, script := range scripts(t) {
		for _, c := range script.Cases {
			var got []string
			q, err := traceql.Parse(c.Query)
			switch {
			case c.Verb == "fail":
				if err == nil {
					got = []string{q.String()}
				} else {
					got = []string{err.Error()}
				}
			case err != nil:
				t.Errorf("%s:%d: %s\n%v\n%s", file, c.Line, c.Query, err, err.(*traceql.Error).Caret())
				continue
			case c.Verb == "print":
				got = []string{q.String()}
			default:
				e := traceql.NewEvaluator(q)
				for _, tr := range script.Traces {
					mem := inMemory(tr)
					for _, set := range e.Eval(mem) {
						got = append(got, line(tr.Name, mem, set))
					}
				}
			}
			if d := cmp.Diff(c.Want, got); d != "" {
				t.Errorf("%s:%d: %s\n(-want +got):\n%s", file, c.Line, c.Query, d)
			}
			if err == nil {
				roundTrip(t, q)
			}
		}
	}
}

func line(name string, tr *traceql.Trace, set traceql.Spanset) string {
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

// roundTrip holds printing to reading back as the same query.
func roundTrip(t testing.TB, q *traceql.Query) {
	t.Helper()
	text := q.String()
	again, err := traceql.Parse(text)
	if err != nil {
		t.Errorf("printed as %s\nwhich is refused: %v", text, err)
		return
	}
	if again.String() != text {
		t.Errorf("printed as    %s\nand then as   %s", text, again)
	}
}

func FuzzParse(f *testing.F) {
	for _, script := range scripts(f) {
		for _, c := range script.Cases {
			f.Add(c.Query)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := traceql.Parse(text)
		if err != nil {
			e := err.(*traceql.Error)
			if e.Message == "" || e.Caret() == "" {
				t.Errorf("an error without words for %q", text)
			}
			return
		}
		roundTrip(t, q)
		e := traceql.NewEvaluator(q)
		e.Eval(inMemory(traceqltest.Trace{Spans: make([]traceqltest.Span, 3)}))
	})
}

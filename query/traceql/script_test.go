package traceql_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/query/traceqltest"
)

func scripts(t testing.TB) map[string]*traceqltest.Script {
	t.Helper()
	all, err := traceqltest.Load("testdata/*.test")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestScripts reads the queries of the scripts, and prints them. What they find is
// asked by spanset on traces in memory, and by traceexec on stored ones.
func TestScripts(t *testing.T) {
	for file, script := range scripts(t) {
		for _, c := range script.Cases {
			q, err := traceql.Parse(c.Query)
			var got []string
			switch {
			case c.Verb == "fail" && err != nil:
				got = []string{err.Error()}
			case err != nil:
				t.Errorf("%s:%d: %s\n%v\n%s", file, c.Line, c.Query, err, err.(*traceql.Error).Caret())
				continue
			default:
				roundTrip(t, q)
				got = []string{q.String()}
			}
			if d := cmp.Diff(c.Want, got); d != "" && c.Verb != "eval" {
				t.Errorf("%s:%d: %s\n(-want +got):\n%s", file, c.Line, c.Query, d)
			}
		}
	}
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
	})
}

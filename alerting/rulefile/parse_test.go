package rulefile

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

var update = flag.Bool("update", false, "rewrite the expected problems")

func TestParseWhole(t *testing.T) {
	data, err := os.ReadFile("testdata/good/everything.yml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("everything.yml", data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	offset := 90 * time.Second
	want := &File{Path: "everything.yml", Groups: []Group{{
		Name: "shop", Language: PromQL, Interval: 15 * time.Second, QueryOffset: &offset, Limit: 20, Levels: [][]int{{0, 1}},
		Labels: map[string]string{"team": "shop", "severity": "warning"},
		Line:   5,
		Rules: []Rule{
			{
				Record: "job:requests:rate5m",
				Expr:   "sum by (job) (rate(requests_total[5m]))",
				Source: "sum by (job) (rate(requests_total[5m]))",
				Data:   "sum by (job) (rate(requests_total[5m]))",
				Labels: map[string]string{"team": "shop", "severity": "warning"},
				Line:   14,
			},
			{
				Alert:         "HighErrorRate",
				Expr:          "sum by (job) (rate(requests_total{code=~\"5..\"}[5m])) / sum by (job) (rate(requests_total[5m])) > 0.05",
				Source:        "sum by (job) (rate(requests_total{code=~\"5..\"}[5m]))\n  / sum by (job) (rate(requests_total[5m]))\n  > 0.05\n",
				Data:          "sum by (job) (rate(requests_total{code=~\"5..\"}[5m])) / sum by (job) (rate(requests_total[5m]))",
				For:           5 * time.Minute,
				KeepFiringFor: 2 * time.Minute,
				Labels:        map[string]string{"team": "shop", "severity": "page", "job_name": "{{ $labels.job }}"},
				Annotations:   map[string]string{"summary": "{{ $value | humanizePercentage }} of {{ $labels.job }} fail"},
				Line:          16,
			},
		},
	}, {
		Name: "merged", Language: PromQL, Line: 33, Levels: [][]int{{0, 1}},
		Rules: []Rule{
			{Alert: "Down", Expr: "up == 0", Source: "up == 0", Data: "up", For: time.Minute, Labels: map[string]string{"severity": "page"}, Line: 36},
			{Alert: "Flaky", Expr: "changes(up[1h]) > 10", Source: "changes(up[1h]) > 10", Data: "changes(up[1h])", For: time.Minute, Labels: map[string]string{"severity": "page"}, Line: 41},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing yet\n", "groups:\n", "groups: []\n", "---\ngroups: []\n---\n"} {
		file, err := Parse("empty.yml", []byte(text), Options{})
		if err != nil || len(file.Groups) != 0 {
			t.Errorf("%q: %v, %v", text, file, err)
		}
	}
}

// TestProblems compares the problems of every file in testdata/bad with the
// golden beside it.
func TestProblems(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(path), data, Options{})
			problems, ok := errors.AsType[Problems](err)
			if !ok {
				t.Fatalf("no problems but %v", err)
			}
			golden := strings.TrimSuffix(path, ".yml") + ".txt"
			got := problems.Error() + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLanguages(t *testing.T) {
	text := "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{service=\"x\"} |= \"err\"'\n  type: LogQL\n"
	only := Languages{PromQL: language.All(promexpr.Features{})[language.PromQL]}
	if _, err := Parse("r.yml", []byte(text), Options{Languages: only}); err == nil || !strings.Contains(err.Error(), `type "logql" is not supported; supported: [promql]`) {
		t.Errorf("unknown type: %v", err)
	}
	seen := ""
	opts := Options{Languages: Languages{"logql": func(expr string) (*language.Expr, error) {
		seen = expr
		return &language.Expr{Text: "printed", Kind: language.Vector}, nil
	}}}
	file, err := Parse("r.yml", []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	if seen != `{service="x"} |= "err"` || file.Groups[0].Rules[0].Expr != "printed" || file.Groups[0].Language != "logql" {
		t.Errorf("saw %q, parsed %+v", seen, file.Groups[0])
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	b := write("b.yml", "groups:\n- name: b\n  rules: [{alert: B, expr: up}]\n")
	a := write("a.yml", "groups:\n- name: a\n  rules: [{alert: A, expr: up}]\n")
	files, err := Load([]string{b, filepath.Join(dir, "*.yml"), filepath.Join(dir, "*.none")}, Options{})
	if err != nil || len(files) != 2 || files[0].Path != a || files[1].Path != b {
		t.Errorf("%v, %v", files, err)
	}
	write("c.yml", "groups: 5\n")
	_, err = Load([]string{filepath.Join(dir, "*.yml"), filepath.Join(dir, "absent.yml"), dir}, Options{})
	problems, _ := errors.AsType[Problems](err)
	if len(problems) != 3 {
		t.Errorf("want three problems, got %v", err)
	}
}

// FuzzParse holds Parse against Prometheus's own rulefmt: what one accepts the
// other accepts, but for what is stricter here on purpose. Files that use
// YAML's tags, anchors and merges are left out of the comparison: there the
// two differ in what nobody writes.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yml", "testdata/bad/*.yml"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	promql := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("fuzz.yml", []byte(text), Options{})
		if err == nil {
			for _, g := range file.Groups {
				for _, r := range g.Rules {
					if r.Name() == "" || r.Expr == "" {
						t.Errorf("accepted a rule without name or expression: %+v", r)
					}
				}
			}
		} else if problems, ok := err.(Problems); !ok || len(problems) == 0 {
			t.Fatalf("error is not problems: %v", err)
		}
		if strings.ContainsAny(text, "!&*<?") {
			return
		}
		theirs, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
		if len(errs) == 0 && err != nil && !stricter(err.(Problems)) {
			t.Errorf("refused what Prometheus accepts: %v", err)
		}
		if len(errs) != 0 && err == nil && !strings.Contains(text, "type") {
			t.Errorf("accepted what Prometheus refuses: %v", errs)
		}
		if len(errs) == 0 && err == nil && len(theirs.Groups) != len(file.Groups) {
			t.Errorf("%d groups, Prometheus reads %d", len(file.Groups), len(theirs.Groups))
		}
	})
}

// stricter says whether a problem is one only we make: a range vector for an
// expression, a second document, a type.
func stricter(problems Problems) bool {
	for _, p := range problems {
		for _, own := range []string{"a rule needs an instant vector", "a second YAML document", "behind the document", `has no field ""`, "is not supported"} {
			if strings.Contains(p.Message, own) {
				return true
			}
		}
	}
	return false
}

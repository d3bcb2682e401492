package ruletest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func run(t *testing.T, only, path string) (passed bool, report string) {
	t.Helper()
	var out bytes.Buffer
	cfg := Config{Out: &out}
	if only != "" {
		cfg.Run = regexp.MustCompile(only)
	}
	passed = Run(t.Context(), cfg, path)
	return passed, out.String()
}

func TestPassing(t *testing.T) {
	for _, path := range []string{"testdata/pass.test.yml", "testdata/histogram.test.yml", "testdata/metricsql.test.yml"} {
		if passed, report := run(t, "", path); !passed {
			t.Error(report)
		}
	}
}

func TestFailing(t *testing.T) {
	passed, report := run(t, "", "testdata/fail.test.yml")
	if passed || strings.Count(report, "    name: ") != 3 {
		t.Error(report)
	}
	for _, want := range []string{
		"name: wrong labels,\n    alertname: Down, time: 1m", `Labels:{alertname="Down", job="db", team="shop"}`,
		"name: an alert too few", "exp:[]", `expr: "up + 1", time: 1m`, `exp: {job="db"} 2`, `got: {job="db"} 1`,
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
	if passed, report := run(t, "^right$", "testdata/fail.test.yml"); !passed {
		t.Error(report)
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"misspelt field":  {"tests: [{alert_rule_tests: []}]", "alert_rule_tests"},
		"no rule file":    {"rule_files: [absent.yml]", "absent.yml"},
		"series":          {"tests: [{input_series: [{series: 'up{', values: '1'}]}]", "input series"},
		"values":          {"tests: [{input_series: [{series: up, values: 'one'}]}]", "input series"},
		"no alertname":    {"tests: [{alert_rule_test: [{eval_time: 1m}]}]", "alertname"},
		"expression":      {"tests: [{promql_expr_test: [{expr: 'sum(', eval_time: 1m}]}]", "sum("},
		"start":           {"tests: [{start_timestamp: soon}]", "soon"},
		"group twice":     {"group_eval_order: [a, a]\ntests: [{}]", "repeated"},
		"not a YAML file": {"{", "1"},
	} {
		path := filepath.Join(t.TempDir(), "x.yml")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if passed, report := run(t, "", path); passed || !strings.Contains(report, tt.want) {
			t.Errorf("%s: %v\n%s", name, passed, report)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/pass.test.yml", "testdata/fail.test.yml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if parsed, err := parse(text); err == nil && parsed.EvaluationInterval == 0 {
			t.Error("no interval")
		}
	})
}

func TestMistakesInRecords(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no store":     {"tests: [{input_logs: [{body: x}]}]", "cannot be tested here"},
		"no pause":     {"tests: [{input_logs: [{body: x, count: 2}]}]", "every"},
		"too many":     {"tests: [{input_logs: [{body: x, count: 2000000, every: 1s}]}]", "count"},
		"no duration":  {"tests: [{input_spans: [{name: x}]}]", "duration"},
		"misspelt":     {"tests: [{input_logs: [{bodi: x}]}]", "bodi"},
		"other engine": {"tests: [{expr_test: [{language: logql, expr: 'sum(count_over_time({a=\"b\"}[5m]))'}]}]", "cannot be tested here"},
	} {
		path := filepath.Join(t.TempDir(), "x.yml")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if passed, report := run(t, "", path); passed || !strings.Contains(report, tt.want) {
			t.Errorf("%s: %v\n%s", name, passed, report)
		}
	}
}

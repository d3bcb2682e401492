package ruletest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// MaxFileBytes bounds a test file.
const MaxFileBytes = 16 << 20

// file is a test file as promtool reads it.
type file struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	Tests              []test         `yaml:"tests"`
	FuzzyCompare       bool           `yaml:"fuzzy_compare"`
}

type test struct {
	Name            string            `yaml:"name"`
	Interval        model.Duration    `yaml:"interval"`
	StartTimestamp  string            `yaml:"start_timestamp"`
	InputSeries     []inputSeries     `yaml:"input_series"`
	InputLogs       []inputLogs       `yaml:"input_logs"`
	InputSpans      []inputSpans      `yaml:"input_spans"`
	AlertRuleTests  []alertCase       `yaml:"alert_rule_test"`
	PromqlExprTests []exprCase        `yaml:"promql_expr_test"`
	ExprTests       []exprCase        `yaml:"expr_test"`
	ExternalLabels  map[string]string `yaml:"external_labels"`
	ExternalURL     string            `yaml:"external_url"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertCase struct {
	EvalTime  model.Duration `yaml:"eval_time"`
	Alertname string         `yaml:"alertname"`
	ExpAlerts []struct {
		ExpLabels      map[string]string `yaml:"exp_labels"`
		ExpAnnotations map[string]string `yaml:"exp_annotations"`
	} `yaml:"exp_alerts"`
}

type exprCase struct {
	Language   string         `yaml:"language"` // of expr_test only
	Expr       string         `yaml:"expr"`
	EvalTime   model.Duration `yaml:"eval_time"`
	ExpSamples []struct {
		Labels    string  `yaml:"labels"`
		Value     float64 `yaml:"value"`
		Histogram string  `yaml:"histogram"`
	} `yaml:"exp_samples"`
}

func readFile(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	parsed, err := parse(text)
	if err != nil {
		return nil, err
	}
	for i, pattern := range parsed.RuleFiles {
		if !filepath.IsAbs(pattern) {
			parsed.RuleFiles[i] = filepath.Join(filepath.Dir(path), pattern)
		}
	}
	return parsed, nil
}

// parse reads a test file. Unknown fields are errors: a misspelt exp_alerts
// would be a test that cannot fail.
func parse(text []byte) (*file, error) {
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("more than %d bytes", MaxFileBytes)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	f := &file{}
	if err := decoder.Decode(f); err != nil {
		return nil, err
	}
	if f.EvaluationInterval == 0 {
		f.EvaluationInterval = model.Duration(time.Minute)
	}
	for i := range f.Tests {
		t := &f.Tests[i]
		if t.Interval == 0 {
			t.Interval = f.EvaluationInterval
		}
		if t.Name == "" {
			t.Name = fmt.Sprintf("unnamed#%d", i)
		}
	}
	return f, nil
}

// start is when a test begins; 1970 unless it says otherwise, and 2020 with logs
// or spans.
func (t *test) start() (time.Time, error) {
	if t.StartTimestamp == "" && t.stored() {
		return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), nil
	}
	if t.StartTimestamp == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	if seconds, err := strconv.ParseFloat(t.StartTimestamp, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, t.StartTimestamp)
	if err != nil {
		return at, fmt.Errorf("start_timestamp: %q is neither RFC 3339 nor Unix seconds", t.StartTimestamp)
	}
	return at.UTC(), nil
}

// end is how long a test goes on: to the last moment anything is expected of.
func (t *test) end() time.Duration {
	var last model.Duration
	for _, c := range t.AlertRuleTests {
		last = max(last, c.EvalTime)
	}
	for _, c := range append(slices.Clone(t.PromqlExprTests), t.ExprTests...) {
		last = max(last, c.EvalTime)
	}
	return time.Duration(last)
}

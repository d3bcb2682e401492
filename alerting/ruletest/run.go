package ruletest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/metricsqlexec"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Config says what to run.
type Config struct {
	// Run picks tests by name; nil runs all.
	Run *regexp.Regexp
	// Features are the parts of PromQL that are on.
	Features promexpr.Features
	// Languages are those of the rule files; nil: all.
	Languages rulefile.Languages
	// Open makes the store for groups and tests in LogQL and TraceQL; it is
	// called once, when the first is met. Nil: there are none.
	Open func(context.Context) (*Store, error)
	// Out gets the report.
	Out io.Writer
}

// maxSamples bounds one query.
const maxSamples = 50_000_000

// Run runs test files and says whether all have passed.
func Run(ctx context.Context, cfg Config, paths ...string) bool {
	passed := true
	if cfg.Languages == nil {
		cfg.Languages = rulefile.AllLanguages(cfg.Features)
	}
	r := &runner{Config: cfg}
	defer func() {
		if err := r.close(); err != nil {
			fmt.Fprintf(cfg.Out, "the store for logs and spans is not closed: %v\n", err)
		}
	}()
	for _, path := range paths {
		fmt.Fprintf(cfg.Out, "Processing test file: %s\n", path)
		failures := r.run(ctx, path)
		if len(failures) == 0 {
			fmt.Fprint(cfg.Out, "  SUCCESS\n\n")
			continue
		}
		passed = false
		fmt.Fprint(cfg.Out, "  FAILED:\n")
		for _, failure := range failures {
			fmt.Fprintf(cfg.Out, "%v\n\n", failure)
		}
	}
	return passed
}

// runner is a run, with what its tests share.
type runner struct {
	Config
	store *Store
	tests int // that have used the store
}

// tenant opens the store, once, and answers a tenant nobody has used.
func (r *runner) tenant(ctx context.Context) (tenant.ID, error) {
	if r.Open == nil {
		return "", errors.New("logs and spans cannot be tested here")
	}
	if r.store == nil {
		store, err := r.Open(ctx)
		if err != nil {
			return "", fmt.Errorf("store for logs and spans: %w", err)
		}
		r.store = store
	}
	r.tests++
	return tenant.ID(fmt.Sprintf("test-%d", r.tests)), nil
}

func (r *runner) close() error {
	if r.store == nil {
		return nil
	}
	return r.store.Close()
}

func (cfg *runner) run(ctx context.Context, path string) []error {
	f, err := readFile(path)
	if err != nil {
		return []error{fmt.Errorf("    %s: %w", path, err)}
	}
	files, err := rulefile.Load(f.RuleFiles, rulefile.Options{Languages: cfg.Languages})
	if err != nil {
		return []error{err}
	}
	var failures []error
	for i := range f.Tests {
		t := &f.Tests[i]
		if cfg.Run != nil && !cfg.Run.MatchString(t.Name) {
			continue
		}
		for _, err := range cfg.runTest(ctx, f, t, files) {
			failures = append(failures, fmt.Errorf("    name: %s,\n%w", t.Name, err))
		}
	}
	return failures
}

// world is one test on its way through time.
type world struct {
	memory    *memory
	engine    *promql.Engine
	metricsql *metricsqlexec.Engine
	store     *Store // of logs and spans; nil where none are needed
	tenant    tenant.ID
	groups    []*liveGroup
	expand    rule.Expander
	f         *file
	t         *test
	start     time.Time
}

type liveGroup struct {
	def   rulefile.Group
	rules []*liveRule
}

// liveRule is one rule; exactly one of alert and record is set.
type liveRule struct {
	alert  *rule.Alert
	record *rule.Record
	set    rule.Set
	stale  rule.Stale
}

func (cfg *runner) runTest(ctx context.Context, f *file, t *test, files []*rulefile.File) []error {
	w, err := newWorld(f, t, files, cfg.Features)
	if err != nil {
		return []error{err}
	}
	if err := w.fillStore(ctx, cfg); err != nil {
		return []error{err}
	}
	cases := slices.Clone(t.AlertRuleTests)
	slices.SortStableFunc(cases, func(a, b alertCase) int { return int(a.EvalTime - b.EvalTime) })
	step := time.Duration(f.EvaluationInterval)
	var failures []error
	for since := time.Duration(0); since <= t.end(); since += step {
		if ctx.Err() != nil {
			return append(failures, ctx.Err())
		}
		if errs := w.evaluate(ctx, w.start.Add(since)); len(errs) > 0 {
			return append(failures, errs...)
		}
		for len(cases) > 0 && time.Duration(cases[0].EvalTime) < since+step {
			failures = append(failures, w.compareAlerts(&cases[0])...)
			cases = cases[1:]
		}
	}
	for _, c := range append(slices.Clone(t.PromqlExprTests), t.ExprTests...) {
		if err := w.compareSamples(ctx, &c); err != nil {
			failures = append(failures, err)
		}
	}
	return failures
}

func newWorld(f *file, t *test, files []*rulefile.File, features promexpr.Features) (*world, error) {
	start, err := t.start()
	if err != nil {
		return nil, err
	}
	external, err := url.Parse(t.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("external_url: %w", err)
	}
	for _, c := range t.AlertRuleTests {
		if c.Alertname == "" {
			return nil, fmt.Errorf("an item under alert_rule_test misses required attribute alertname at eval_time %v", c.EvalTime)
		}
	}
	w := &world{
		f: f, t: t, start: start, memory: &memory{series: map[uint64]*series{}},
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: maxSamples, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
			NoStepSubqueryIntervalFn: func(int64) int64 { return time.Duration(f.EvaluationInterval).Milliseconds() },
			Parser:                   promexpr.NewParser(features).Parser, EnableDelayedNameRemoval: features.DelayedNameRemoval, UseStartTimestamps: features.StartTimestamps,
		}),
	}
	w.metricsql = newMetricsQL(w.memory)
	w.expand = rule.Expander{ExternalURL: external, ExternalLabels: t.ExternalLabels}
	for _, s := range t.InputSeries {
		if err := w.memory.load(s.Series, s.Values, start, time.Duration(t.Interval)); err != nil {
			return nil, fmt.Errorf("input series %s: %w", s.Series, err)
		}
	}
	return w, w.addGroups(files)
}

// addGroups takes the groups in the order the test file wants.
func (w *world) addGroups(files []*rulefile.File) error {
	order := map[string]int{}
	for i, name := range w.f.GroupEvalOrder {
		if _, ok := order[name]; ok {
			return fmt.Errorf("group name repeated in evaluation order: %s", name)
		}
		order[name] = i
	}
	for _, f := range files {
		for _, def := range f.Groups {
			g := &liveGroup{def: def}
			for i := range def.Rules {
				g.rules = append(g.rules, newRule(&def, &def.Rules[i]))
			}
			w.groups = append(w.groups, g)
		}
	}
	slices.SortStableFunc(w.groups, func(a, b *liveGroup) int { return order[a.def.Name] - order[b.def.Name] })
	return nil
}

func newRule(g *rulefile.Group, def *rulefile.Rule) *liveRule {
	if def.Record != "" {
		return &liveRule{record: rule.NewRecord(g, def)}
	}
	return &liveRule{alert: rule.NewAlert(g, def)}
}

// evaluate runs all rules for one time.
func (w *world) evaluate(ctx context.Context, at time.Time) []error {
	w.memory.until = at.UnixMilli()
	var failures []error
	for _, g := range w.groups {
		for i, r := range g.rules {
			if err := w.evaluateRule(ctx, g, r, at); err != nil {
				failures = append(failures, fmt.Errorf("    rule: %s, time: %s, err: %w", g.def.Rules[i].Name(), at.Sub(w.start), err))
			}
		}
	}
	return failures
}

func (w *world) evaluateRule(ctx context.Context, g *liveGroup, r *liveRule, at time.Time) error {
	asOf := at
	if g.def.QueryOffset != nil {
		asOf = at.Add(-*g.def.QueryOffset)
	}
	query := w.in(string(g.def.Language))
	var samples promql.Vector
	var problems []error
	if r.alert != nil {
		expand := w.expand
		expand.Query = query
		var answer rule.Answer
		answer, problems = r.alert.Ask(ctx, expand, at, asOf, r.set.State() == rule.Firing)
		_, _, err := r.alert.Apply(&r.set, at, answer)
		if err != nil && (answer.Err == nil || r.alert.OnError.Then == "") {
			return err // as in promtool; a rule with a policy for it means to go on
		}
		samples = r.alert.Samples(&r.set, asOf)
	} else {
		result, err := query(ctx, r.record.Expr, asOf)
		if err != nil {
			return err
		}
		if samples, err = r.record.Samples(result); err != nil {
			return err
		}
	}
	w.memory.record(append(samples, r.stale.Next(samples, asOf)...))
	return errors.Join(problems...)
}

// fillStore puts the test's logs and spans into a store, if it or a group needs
// one.
func (w *world) fillStore(ctx context.Context, cfg *runner) error {
	needed := w.t.stored() || slices.ContainsFunc(w.groups, func(g *liveGroup) bool { return !inMemory(string(g.def.Language)) }) ||
		slices.ContainsFunc(w.t.ExprTests, func(c exprCase) bool { return !inMemory(c.Language) })
	if !needed {
		return nil
	}
	logs, spans, err := w.t.records(w.start)
	if err != nil {
		return err
	}
	if w.tenant, err = cfg.tenant(ctx); err != nil {
		return err
	}
	w.store = cfg.store
	if err := w.store.Put(ctx, w.tenant, logs, spans); err != nil {
		return fmt.Errorf("logs and spans: %w", err)
	}
	return nil
}

// inMemory says whether a language reads the series in memory, which need no
// store.
func inMemory(name string) bool {
	return name == "" || name == language.PromQL || name == language.MetricsQL
}

// in answers what evaluates expressions of a language.
func (w *world) in(name string) template.QueryFunc {
	switch name {
	case "", language.PromQL:
		return w.query
	case language.MetricsQL:
		return w.queryMetricsQL
	}
	return func(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
		vector, _, err := w.store.Instant(ctx, w.tenant, name, expr, at)
		return vector, err
	}
}

// query evaluates an expression over the series in memory.
func (w *world) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	q, err := w.engine.NewInstantQuery(ctx, w.memory, nil, expr, at)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		out := slices.Clone(v)
		for i := range out {
			if out[i].H != nil {
				out[i].H = out[i].H.Copy()
			}
		}
		return out, nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	}
	return nil, errors.New("rule result is not a vector or scalar")
}

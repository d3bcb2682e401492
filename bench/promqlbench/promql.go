package promqlbench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// promqlConfig is one run of the promql scenario: the same series in trefoil
// and in VictoriaMetrics, the same queries to both, caches off.
type promqlConfig struct {
	Trefoil  string // binary
	Victoria string // binary
	Dir      string // data of both; filled if it is empty
	Shape    shape
	Repeat   int
	LoadOnly bool
	Only     string // queries that contain this
	Cold     bool   // trefoil remembers no samples
}

// shape is how many series and how many samples each has.
type shape struct {
	Name            string
	Series, Samples int
	Interval        time.Duration
}

var shapes = map[string]shape{
	"long": {"long", 2_000, 5_760, 15 * time.Second}, // a day
	"wide": {"wide", 100_000, 240, time.Minute},      // four hours
	// A month, for rollups; trefoil alone.
	"month": {"month", 500, 30 * 2_880, 30 * time.Second},
	// For the first query after a start.
	"first": {"first", 100_000, 10, time.Minute},
	// The last hour, while more comes.
	"dashboard": {"dashboard", 2_000, 240, dashboardStep},
}

func parsePromQL(args []string) (promqlConfig, error) {
	var cfg promqlConfig
	var name string
	fs := flag.NewFlagSet("bench promql", flag.ContinueOnError)
	fs.StringVar(&cfg.Trefoil, "trefoil", "bin/trefoil", "binary to start")
	fs.StringVar(&cfg.Victoria, "victoria", "", "VictoriaMetrics binary; by default go install brings v1.148.0 into -dir")
	fs.StringVar(&cfg.Dir, "dir", filepath.Join(os.TempDir(), "bench-promql"), "keep the data of both here, and use what is there")
	fs.StringVar(&name, "shape", "long", "long: 2,000 series of 5,760 samples; wide: 100,000 series of 240; month: 500 series of 86,400, with rollups and without, trefoil alone; dashboard: 20 panels of the last hour while samples come in, with the caches of results and without; first: 100,000 series of 10, asked for right after a start")
	fs.IntVar(&cfg.Repeat, "repeat", 5, "how often each query is asked")
	fs.BoolVar(&cfg.LoadOnly, "load-only", false, "fill -dir and end")
	fs.StringVar(&cfg.Only, "only", "", "ask only queries that contain this")
	fs.BoolVar(&cfg.Cold, "cold", false, "trefoil keeps no samples in memory: each query reads them from the store (month only)")
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	var ok bool
	if cfg.Shape, ok = shapes[name]; !ok {
		return cfg, fmt.Errorf("-shape %q: want long, wide, month, dashboard or first", name)
	}
	cfg.Dir = filepath.Join(cfg.Dir, name)
	return cfg, os.MkdirAll(cfg.Dir, 0o755)
}

// rangeQuery is a query over the range of the data, or with Labels a list of
// the values of a label.
type rangeQuery struct {
	Expr   string
	Labels string
	Arrow  bool // asked as Trefoil's source in Grafana does, which is Trefoil's alone
}

var promqlQueries = []rangeQuery{
	{Expr: `sum(rate(m[5m]))`},
	{Expr: `sum by (job)(rate(m[5m]))`},
	{Expr: `rate(m[5m])`},
	{Expr: `max_over_time(m[1h])`},
	{Expr: `histogram_quantile(0.99, sum by (le,job)(rate(h_bucket[5m])))`},
	{Expr: `topk(10, m)`},
	{Labels: `instance`},
}

// Run fills both, asks both and prints what it cost each.
func Run(ctx context.Context, args []string) error {
	cfg, err := parsePromQL(args)
	if err != nil {
		return err
	}
	if cfg.Shape.Name == "month" {
		return cfg.runMonth(ctx)
	}
	switch cfg.Shape.Name {
	case "dashboard":
		return cfg.runDashboard(ctx)
	case "first":
		return cfg.runFirst(ctx)
	}
	victoria, err := victoriaBinary(ctx, cfg)
	if err != nil {
		return err
	}
	trefoil := func() (*subject.Process, error) {
		return subject.Start(ctx, subject.Config{Trefoil: cfg.Trefoil, DataDir: filepath.Join(cfg.Dir, "trefoil"), Kept: true,
			Args: []string{"--query-max-samples", "200000000"}})
	}
	ours, err := trefoil()
	if err != nil {
		return err
	}
	defer func() { ours.Stop() }()
	theirs, err := startVictoria(ctx, victoria, filepath.Join(cfg.Dir, "victoria"))
	if err != nil {
		return err
	}
	defer theirs.Stop()
	end, err := cfg.fill(ctx, ours, theirs)
	if err != nil || cfg.LoadOnly {
		return err
	}
	// A start packs what is over, which it would be every other hour: the series are
	// sent faster than they happen.
	if err := ours.Stop(); err != nil {
		return err
	}
	if ours, err = trefoil(); err != nil {
		return err
	}
	for _, s := range []*subject.Process{ours, theirs} {
		if _, err := subject.WaitIdle(ctx, s.Cmd.Process.Pid, 30*time.Second); err != nil {
			return err
		}
	}
	return cfg.ask(ctx, ours, theirs, end)
}

// fill sends the series to both unless an earlier run has, and returns when
// they end.
func (cfg promqlConfig) fill(ctx context.Context, all ...*subject.Process) (time.Time, error) {
	marker := filepath.Join(cfg.Dir, "filled")
	if text, err := os.ReadFile(marker); err == nil {
		at, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Unix(at, 0), err
	}
	end := time.Now().Add(-10 * time.Minute).Truncate(time.Hour)
	for i, s := range all {
		path := "/api/v1/write"
		if i == 0 { // ours
			path = "/prometheus" + path
		}
		if err := cfg.Shape.send(ctx, "http://"+s.HTTPAddr+path, end); err != nil {
			return end, err
		}
	}
	for _, s := range all {
		if _, err := subject.WaitIdle(ctx, s.Cmd.Process.Pid, 2*time.Minute); err != nil {
			return end, err
		}
	}
	return end, os.WriteFile(marker, []byte(strconv.FormatInt(end.Unix(), 10)), 0o644)
}

// cost is what one query came to.
type cost struct {
	cpu, wall time.Duration
	series    int
	size      int // of an answer in Arrow, instead
}

func (cfg promqlConfig) ask(ctx context.Context, ours, theirs *subject.Process, end time.Time) error {
	fmt.Printf("%s: %d series of %d samples; CPU s a query, mean of %d\n\n", cfg.Shape.Name, cfg.Shape.Series, cfg.Shape.Samples, cfg.Repeat)
	fmt.Printf("| query | trefoil | of it engine | wall ms | VictoriaMetrics | wall ms | ratio |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	product, n := 1.0, 0
	for _, q := range promqlQueries {
		name := q.Expr + q.Labels
		if !strings.Contains(name, cfg.Only) {
			continue
		}
		a, engine, err := cfg.measure(ctx, ours, "/prometheus", q, end, url.Values{"nocache": {"1"}})
		if err != nil {
			return fmt.Errorf("trefoil: %s: %w", name, err)
		}
		b, _, err := cfg.measure(ctx, theirs, "", q, end, url.Values{"nocache": {"1"}})
		if err != nil {
			return fmt.Errorf("victoria: %s: %w", name, err)
		}
		ratio := a.cpu.Seconds() / max(b.cpu.Seconds(), 0.001)
		product, n = product*ratio, n+1
		note := ""
		if a.series != b.series {
			note = fmt.Sprintf(" (%d series, %d there)", a.series, b.series)
		}
		if q.Labels != "" {
			name = "values of " + name
		}
		fmt.Printf("| `%s`%s | %.3f | %.3f | %d | %.3f | %d | %.2f |\n", name, note, a.cpu.Seconds(), engine.Seconds(), a.wall.Milliseconds(),
			b.cpu.Seconds(), b.wall.Milliseconds(), ratio)
	}
	fmt.Printf("\ngeometric mean of the ratios: %.2f\n", math.Pow(product, 1/float64(max(n, 1))))
	return nil
}

// measure asks a query twice to warm up, once to read what memory does not hold and
// once to collect what that left, and Repeat times for the figures.
func (cfg promqlConfig) measure(ctx context.Context, s *subject.Process, prefix string, q rangeQuery, end time.Time, more url.Values) (c cost, engine time.Duration, err error) {
	for range 2 {
		if _, err := cfg.once(ctx, s, prefix, q, end, more); err != nil {
			return c, 0, err
		}
	}
	before, err := subject.UsageOf(s.Cmd.Process.Pid)
	if err != nil {
		return c, 0, err
	}
	begun := time.Now()
	for range cfg.Repeat {
		if c, err = cfg.once(ctx, s, prefix, q, end, more); err != nil {
			return c, 0, err
		}
	}
	c.wall = time.Since(begun) / time.Duration(cfg.Repeat)
	after, err := subject.UsageOf(s.Cmd.Process.Pid)
	if err != nil {
		return c, 0, err
	}
	c.cpu = (after.CPU - before.CPU) / time.Duration(cfg.Repeat)
	return c, c.cpu - (after.Self-before.Self)/time.Duration(cfg.Repeat), nil
}

func (cfg promqlConfig) once(ctx context.Context, s *subject.Process, prefix string, q rangeQuery, end time.Time, more url.Values) (c cost, err error) {
	body, err := cfg.get(ctx, s, prefix, q, end, more)
	if err != nil {
		return c, err
	}
	if q.Arrow {
		c.size = len(body)
		return c, nil
	}
	err = c.read(body, q.Labels != "")
	return c, err
}

// get asks a query and returns the answer.
func (cfg promqlConfig) get(ctx context.Context, s *subject.Process, prefix string, q rangeQuery, end time.Time, more url.Values) ([]byte, error) {
	begin := end.Add(-time.Duration(cfg.Shape.Samples) * cfg.Shape.Interval)
	if q.Arrow {
		return arrow(ctx, s, map[string]any{"query": q.Expr, "start": begin.Unix(), "end": end.Unix(), "step": more.Get("step"),
			"shared_times": true, "max_source_resolution": more.Get("max_source_resolution")})
	}
	form := url.Values{"start": {fmt.Sprint(begin.Unix())}, "end": {fmt.Sprint(end.Unix())}}
	path := "/api/v1/query_range"
	if q.Labels != "" {
		path = "/api/v1/label/" + q.Labels + "/values"
	} else {
		form.Set("query", q.Expr)
		form.Set("step", "60")
	}
	for k, v := range more {
		form[k] = v
	}
	return s.Get(ctx, prefix+path, form)
}

func (c *cost) read(body []byte, names bool) error {
	if names {
		var v struct{ Data []string }
		err := json.Unmarshal(body, &v)
		c.series = len(v.Data)
		return err
	}
	var v struct {
		Data struct{ Result []json.RawMessage }
	}
	err := json.Unmarshal(body, &v)
	if c.series = len(v.Data.Result); err == nil && c.series == 0 {
		err = errors.New("an empty answer")
	}
	return err
}

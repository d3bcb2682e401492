package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// rulesConfig is one run of the rules scenario: the same rules over the same
// samples, in Trefoil and in Prometheus, one after the other.
type rulesConfig struct {
	Trefoil, Prometheus string // binaries
	Rules, Groups       int    // half of the rules record, half alert
	Series              int
	Interval            time.Duration
	Warm, Measure       time.Duration
}

// rulesResult is what one server came to in one phase: cold, from its start on,
// in which series are new, everything is evaluated for the first time and alerts
// begin to fire; or warm, after that.
type rulesResult struct {
	name, phase        string
	cpu                time.Duration // in the time measured, samples taken in included
	took               time.Duration
	evaluated, missed  float64
	failed             float64
	peakSelf, children int64
}

// scrapeEvery is how often the series get a sample.
const scrapeEvery = 15 * time.Second

func runRules(ctx context.Context, args []string) error {
	var cfg rulesConfig
	fs := flag.NewFlagSet("bench rules", flag.ContinueOnError)
	fs.StringVar(&cfg.Trefoil, "trefoil", "bin/trefoil", "binary to start; empty: none")
	fs.StringVar(&cfg.Prometheus, "prometheus", "prometheus", "Prometheus to compare with; empty: none")
	fs.IntVar(&cfg.Rules, "rules", 10_000, "rules; half record, half alert")
	fs.IntVar(&cfg.Groups, "groups", 100, "groups they are in")
	fs.IntVar(&cfg.Series, "series", 2_000, "series they read")
	fs.DurationVar(&cfg.Interval, "interval", 30*time.Second, "of the groups")
	fs.DurationVar(&cfg.Warm, "warm", 110*time.Second, "time of the cold phase: series are new and alerts begin to fire")
	fs.DurationVar(&cfg.Measure, "measure", time.Minute, "time of the warm phase after it")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if cfg.Rules < 2*cfg.Groups || cfg.Groups < 1 || cfg.Series < cfg.Groups {
		return errors.New("--rules, --groups, --series: want two rules and a series for each group at least")
	}
	dir, err := os.MkdirTemp("", "trefoil-bench-rules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rules := filepath.Join(dir, "rules.yml")
	if err := os.WriteFile(rules, []byte(cfg.ruleFile()), 0o644); err != nil {
		return err
	}
	var ours, theirs []rulesResult
	if cfg.Trefoil != "" {
		if ours, err = cfg.trefoil(ctx, rules); err != nil {
			return err
		}
	}
	if cfg.Prometheus != "" {
		if theirs, err = cfg.prometheus(ctx, rules, dir); err != nil {
			return err
		}
	}
	for _, r := range append(ours, theirs...) {
		fmt.Printf("%-10s %-4s %6.1f CPU s in %.0f s, %.0f rules evaluated, %.0f failed, %.0f iterations missed, %d MiB itself, %d MiB children\n",
			r.name, r.phase, r.cpu.Seconds(), r.took.Seconds(), r.evaluated, r.failed, r.missed, r.peakSelf>>20, r.children>>20)
	}
	perRule := func(r rulesResult) float64 { return r.cpu.Seconds() / r.evaluated }
	for i := range min(len(ours), len(theirs)) {
		if ours[i].evaluated > 0 && theirs[i].evaluated > 0 {
			fmt.Printf("%s: CPU per evaluated rule: %.2f x Prometheus\n", ours[i].phase, perRule(ours[i])/perRule(theirs[i]))
		}
	}
	return nil
}

// ruleFile has the same number of rules in each group. Each reads the series of
// its group; one alert in ten fires.
func (cfg *rulesConfig) ruleFile() string {
	var b strings.Builder
	b.WriteString("groups:\n")
	perGroup := cfg.Rules / cfg.Groups
	for g := range cfg.Groups {
		fmt.Fprintf(&b, "- name: group-%d\n  interval: %s\n  rules:\n", g, cfg.Interval)
		for r := range perGroup {
			if r%2 == 0 {
				fmt.Fprintf(&b, "  - record: group:bench_requests:rate%d\n    expr: sum by (instance) (rate(bench_requests_total{group=\"%d\"}[5m])) * %d\n    labels: {group: '%d'}\n", r, g, r+1, g)
				continue
			}
			limit := "1e9"
			if r%20 == 1 {
				limit = "0"
			}
			fmt.Fprintf(&b, "  - alert: Bench%d\n    expr: rate(bench_requests_total{group=\"%d\"}[5m]) > %s\n    for: 1m\n    labels: {group: '%d'}\n", r, g, limit, g)
		}
	}
	return b.String()
}

func (cfg *rulesConfig) trefoil(ctx context.Context, rules string) ([]rulesResult, error) {
	s, err := subject.Start(ctx, subject.Config{Trefoil: cfg.Trefoil, Args: []string{"--rules", rules}})
	if err != nil {
		return nil, err
	}
	result, err := cfg.measure(ctx, "trefoil", s.Cmd.Process.Pid, "http://"+s.HTTPAddr+"/prometheus/api/v1/write", "http://"+s.HTTPAddr+"/metrics",
		"trefoil_rule_evaluations_total", "trefoil_rule_evaluation_failures_total", "trefoil_rule_group_iterations_missed_total")
	return result, errors.Join(err, s.Stop())
}

func (cfg *rulesConfig) prometheus(ctx context.Context, rules, dir string) (result []rulesResult, err error) {
	addresses, err := subject.FreeAddresses(1)
	if err != nil {
		return result, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "rule_files: [%q]\n", rules), 0o644); err != nil {
		return result, err
	}
	words := &subject.Tail{}
	cmd := exec.CommandContext(ctx, cfg.Prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--web.listen-address="+addresses[0], "--web.enable-remote-write-receiver")
	cmd.Stdout, cmd.Stderr = words, words
	if err := cmd.Start(); err != nil {
		return result, fmt.Errorf("prometheus: %w; --prometheus= compares with nothing", err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	base := "http://" + addresses[0]
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get(base + "/-/ready"); err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			return result, fmt.Errorf("prometheus was not ready in time\n%s", words)
		}
	}
	return cfg.measure(ctx, "prometheus", cmd.Process.Pid, base+"/api/v1/write", base+"/metrics",
		"prometheus_rule_evaluations_total", "prometheus_rule_evaluation_failures_total", "prometheus_rule_group_iterations_missed_total")
}

// measure feeds a server and takes the differences of its counters over both
// phases.
func (cfg *rulesConfig) measure(ctx context.Context, name string, pid int, write, metrics string, counters ...string) ([]rulesResult, error) {
	feeding, stop := context.WithCancel(ctx)
	fed := make(chan error, 1)
	go func() { fed <- cfg.feed(feeding, write) }()
	defer stop()
	var results []rulesResult
	began, before, countBefore := time.Now(), subject.Usage{}, map[string]float64{} // a server's start is part of the first phase
	for _, phase := range []struct {
		name string
		long time.Duration
	}{{"cold", cfg.Warm}, {"warm", cfg.Measure}} {
		if err := wait(ctx, fed, phase.long); err != nil {
			return nil, err
		}
		after, err := subject.UsageOf(pid)
		if err != nil {
			return nil, err
		}
		count, err := scrape(ctx, metrics)
		if err != nil {
			return nil, err
		}
		delta := func(i int) float64 { return count[counters[i]] - countBefore[counters[i]] }
		results = append(results, rulesResult{
			name: name, phase: phase.name, cpu: after.CPU - before.CPU, took: time.Since(began), evaluated: delta(0), failed: delta(1), missed: delta(2),
			peakSelf: after.PeakSelf, children: after.Engine,
		})
		began, before, countBefore = time.Now(), after, count
	}
	return results, nil
}

// wait lets time pass, unless feeding fails.
func wait(ctx context.Context, fed <-chan error, d time.Duration) error {
	select {
	case err := <-fed:
		return fmt.Errorf("samples: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// feed sends a sample of every series at once and then every scrapeEvery, by
// remote write.
func (cfg *rulesConfig) feed(ctx context.Context, write string) error {
	for n := 0; ; n++ {
		now := time.Now().UnixMilli()
		var request prompb.WriteRequest
		for i := range cfg.Series {
			request.Timeseries = append(request.Timeseries, prompb.TimeSeries{
				Labels: []prompb.Label{
					{Name: "__name__", Value: "bench_requests_total"}, {Name: "group", Value: strconv.Itoa(i % cfg.Groups)},
					{Name: "instance", Value: strconv.Itoa(i)}, {Name: "job", Value: "bench"},
				},
				Samples: []prompb.Sample{{Timestamp: now, Value: float64(n * (i%7 + 1))}},
			})
		}
		body, err := request.Marshal()
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, write, bytes.NewReader(snappy.Encode(nil, body)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		req.Header.Set("Content-Encoding", "snappy")
		req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			return fmt.Errorf("%s: %s", resp.Status, said)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(scrapeEvery):
		}
	}
}

// scrape sums the metrics of a page by name.
func scrape(ctx context.Context, url string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	page, err := subject.Get(ctx, url)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSuffix(line, "\n")
		name, _, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "{")
		if value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64); err == nil && !strings.HasPrefix(line, "#") {
			out[name] += value
		}
	}
	return out, nil
}

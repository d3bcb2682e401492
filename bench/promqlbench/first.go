package promqlbench

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// runFirst asks both for many series right after a start, when neither remembers
// any: most of that is finding the series and reading their labels.
func (cfg promqlConfig) runFirst(ctx context.Context) error {
	victoria, err := victoriaBinary(ctx, cfg)
	if err != nil {
		return err
	}
	starts := []func() (*subject.Process, error){
		func() (*subject.Process, error) {
			return subject.Start(ctx, subject.Config{Trefoil: cfg.Trefoil, DataDir: filepath.Join(cfg.Dir, "trefoil"), Kept: true,
				Args: []string{"--query-max-samples", "200000000"}})
		},
		func() (*subject.Process, error) {
			return startVictoria(ctx, victoria, filepath.Join(cfg.Dir, "victoria"))
		},
	}
	var filled []*subject.Process
	for _, start := range starts {
		s, err := start()
		if err != nil {
			return err
		}
		defer s.Stop()
		filled = append(filled, s)
	}
	end, err := cfg.fill(ctx, filled...)
	if err != nil || cfg.LoadOnly {
		return err
	}
	for _, s := range filled {
		if err := s.Stop(); err != nil {
			return err
		}
	}
	queries := []rangeQuery{{Expr: `count by (job)(m)`}, {Expr: `sum(rate(m[5m]))`}}
	fmt.Printf("%d series of %d samples; CPU s of a query, the first one after a start, and of the same one again; mean of %d starts\n\n",
		cfg.Shape.Series, cfg.Shape.Samples, cfg.Repeat)
	fmt.Printf("| query | trefoil | again | VictoriaMetrics | again | ratio of the first |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, q := range queries {
		var cpu [2][2]time.Duration // of ours and theirs, first and again
		for range cfg.Repeat {
			for i, start := range starts {
				if err := cfg.firstAndAgain(ctx, start, []string{"/prometheus", ""}[i], q, end, &cpu[i]); err != nil {
					return fmt.Errorf("%s: %w", q.Expr, err)
				}
			}
		}
		mean := func(i, k int) float64 { return cpu[i][k].Seconds() / float64(cfg.Repeat) }
		fmt.Printf("| `%s` | %.3f | %.3f | %.3f | %.3f | %.2f |\n", q.Expr, mean(0, 0), mean(0, 1), mean(1, 0), mean(1, 1), mean(0, 0)/max(mean(1, 0), 0.001))
	}
	return nil
}

// firstAndAgain starts a server, asks it twice, and adds what that cost.
func (cfg promqlConfig) firstAndAgain(ctx context.Context, start func() (*subject.Process, error), prefix string, q rangeQuery, end time.Time, cpu *[2]time.Duration) error {
	s, err := start()
	if err != nil {
		return err
	}
	defer s.Stop()
	if _, err := subject.WaitIdle(ctx, s.Cmd.Process.Pid, 20*time.Second); err != nil {
		return err
	}
	for k := range cpu {
		before, err := subject.UsageOf(s.Cmd.Process.Pid)
		if err != nil {
			return err
		}
		if _, err := cfg.once(ctx, s, prefix, q, end, url.Values{"nocache": {"1"}}); err != nil {
			return err
		}
		after, err := subject.UsageOf(s.Cmd.Process.Pid)
		if err != nil {
			return err
		}
		cpu[k] += after.CPU - before.CPU
	}
	return nil
}

package promqlbench

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// monthQueries are what a dashboard of a month asks for, at a step of an hour. Two can do with buckets of five minutes only,
// and with none. The last are long answers as Grafana is given them by its Trefoil source: how much of the ratio is
// writing.
var monthQueries = []rangeQuery{
	{Expr: `sum(rate(m[1h]))`},
	{Expr: `sum by (job)(increase(m[1h]))`},
	{Expr: `rate(m[1h])`},
	{Expr: `max_over_time(m[1h])`},
	{Expr: `avg_over_time(m[6h])`},
	{Expr: `topk(10, m)`},
	{Expr: `sum(rate(m[5m]))`},
	{Expr: `quantile_over_time(0.9, m[1h])`},
	{Expr: `rate(m[1h])`, Arrow: true},
	{Expr: `max_over_time(m[1h])`, Arrow: true},
	{Expr: `avg_over_time(m[6h])`, Arrow: true},
}

// runMonth asks trefoil for a month of its own, with rollups and without.
func (cfg promqlConfig) runMonth(ctx context.Context) error {
	own := []string{"--query-max-samples", "200000000", "--retention-days", "60", "--query-cache-bytes", "0"}
	if cfg.Cold {
		own = append(own, "--sample-cache-bytes", "0")
	}
	trefoil := func() (*subject.Process, error) {
		return subject.Start(ctx, subject.Config{Trefoil: cfg.Trefoil, DataDir: filepath.Join(cfg.Dir, "trefoil"), Kept: true,
			Args: own})
	}
	ours, err := trefoil()
	if err != nil {
		return err
	}
	defer func() { ours.Stop() }()
	end, err := cfg.fill(ctx, ours)
	if err != nil {
		return err
	}
	// A start packs what is over, and rolls it up; days and hours would end one by one otherwise.
	if err := ours.Stop(); err != nil {
		return err
	}
	if ours, err = trefoil(); err != nil {
		return err
	}
	before, err := subject.UsageOf(ours.Cmd.Process.Pid)
	if err != nil {
		return err
	}
	if _, err := subject.WaitIdle(ctx, ours.Cmd.Process.Pid, 4*time.Minute); err != nil {
		return err
	}
	after, err := subject.UsageOf(ours.Cmd.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("CPU s to pack and roll up, or to see that all is: %.1f\n\n", (after.CPU - before.CPU).Seconds())
	if cfg.LoadOnly {
		return nil
	}
	return cfg.askMonth(ctx, ours, end)
}

func (cfg promqlConfig) askMonth(ctx context.Context, ours *subject.Process, end time.Time) error {
	if cfg.Cold {
		fmt.Print("nothing of samples in memory; ")
	}
	fmt.Printf("%s: %d series of %d samples, step 1h; CPU s and wall ms a query, mean of %d; rows and bytes read by a first one\n\n",
		cfg.Shape.Name, cfg.Shape.Series, cfg.Shape.Samples, cfg.Repeat)
	fmt.Printf("| query | with rollups | ms | rows | MB | samples only | ms | rows | MB | CPU ratio |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	product, n := 1.0, 0
	for _, q := range monthQueries {
		if !strings.Contains(q.Expr, cfg.Only) {
			continue
		}
		var costs [2]cost
		var reads [2]read
		for i, resolution := range []string{"auto", "0"} {
			more := url.Values{"nocache": {"1"}, "max_source_resolution": {resolution}, "step": {"3600"}}
			var err error
			if reads[i], err = cfg.reads(ctx, ours, rangeQuery{Expr: q.Expr}, end, more); err != nil {
				return fmt.Errorf("%s: %w", q.Expr, err)
			}
			if costs[i], _, err = cfg.measure(ctx, ours, "/prometheus", q, end, more); err != nil {
				return fmt.Errorf("%s: %w", q.Expr, err)
			}
		}
		if costs[0].series != costs[1].series || costs[0].size != costs[1].size {
			return fmt.Errorf("%s: %d series (%d bytes) with rollups, %d (%d) without", q.Expr, costs[0].series, costs[0].size, costs[1].series, costs[1].size)
		}
		ratio := costs[1].cpu.Seconds() / max(costs[0].cpu.Seconds(), 0.001)
		product, n = product*ratio, n+1
		as := ""
		if q.Arrow {
			as = " as Arrow"
		}
		fmt.Printf("| `%s`%s | %.3f | %d | %d | %.1f | %.3f | %d | %d | %.1f | %.1f |\n", q.Expr, as,
			costs[0].cpu.Seconds(), costs[0].wall.Milliseconds(), reads[0].rows, reads[0].mb(),
			costs[1].cpu.Seconds(), costs[1].wall.Milliseconds(), reads[1].rows, reads[1].mb(), ratio)
	}
	fmt.Printf("\ngeometric mean of the ratios: %.1f\n", math.Pow(product, 1/float64(max(n, 1))))
	return nil
}

// read is what the statements of a query read.
type read struct{ rows, bytes uint64 }

func (r read) mb() float64 { return float64(r.bytes) / 1e6 }

// reads explains a query.
func (cfg promqlConfig) reads(ctx context.Context, s *subject.Process, q rangeQuery, end time.Time, more url.Values) (sum read, err error) {
	explained := maps.Clone(more)
	explained.Set("explain", "true")
	body, err := cfg.get(ctx, s, "/prometheus", q, end, explained)
	if err != nil {
		return sum, err
	}
	var v struct {
		Data struct {
			Explain struct {
				Selects []struct{ Rows, Bytes uint64 }
			}
		}
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return sum, err
	}
	for _, one := range v.Data.Explain.Selects {
		sum.rows, sum.bytes = sum.rows+one.Rows, sum.bytes+one.Bytes
	}
	return sum, nil
}

package promqlbench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/prompb"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// A dashboard of the last hour, while samples come in: every panel is asked for
// again each dashboardRefresh, at a step of a scrape.
const (
	dashboardStep    = 15 * time.Second
	dashboardSpan    = time.Hour
	dashboardRefresh = 5 * time.Second
)

var dashboardPanels = []string{
	`sum(rate(m[1m]))`,
	`sum by (job)(rate(m[1m]))`,
	`topk(5, sum by (job)(rate(m[5m])))`,
	`avg by (job)(m)`,
	`max by (job)(m)`,
	`count(m)`,
	`count by (job)(m)`,
	`sum(increase(m[5m]))`,
	`histogram_quantile(0.5, sum by (le)(rate(h_bucket[5m])))`,
	`histogram_quantile(0.9, sum by (le)(rate(h_bucket[5m])))`,
	`histogram_quantile(0.99, sum by (le)(rate(h_bucket[5m])))`,
	`histogram_quantile(0.99, sum by (le,job)(rate(h_bucket[5m])))`,
	`sum by (job)(rate(h_bucket{le="+Inf"}[1m]))`,
	`sum(rate(h_bucket{le="0.5"}[5m])) / sum(rate(h_bucket{le="+Inf"}[5m]))`,
	`rate(m{job="job-1"}[1m])`,
	`m{instance="host-7"}`,
	`max_over_time(m{job="job-2"}[5m])`,
	`quantile(0.95, rate(m[5m]))`,
	`stddev by (job)(rate(m[5m]))`,
	`sum(rate(m{job=~"job-1.*"}[1m]))`,
}

// feed sends samples as scrapes would: a hundred series at once, each every
// dashboardStep, the hundreds one after another.
type feed struct {
	shape
	urls   []string
	values []float64
	rng    *rand.Rand
}

func newFeed(s shape, urls ...string) *feed {
	return &feed{shape: s, urls: urls, values: make([]float64, s.Series+s.Series/4), rng: rand.New(rand.NewPCG(1, 2))}
}

const dashboardShare = 100 // series of a request

// phase is the second of a step at which a share of the series is scraped.
func phase(share int) int64 { return int64(share) % int64(dashboardStep.Seconds()) }

// history sends what was scraped in [from,to).
func (f *feed) history(ctx context.Context, from, to time.Time) error {
	step := int64(dashboardStep.Seconds())
	for first := 0; first < len(f.values); first += dashboardShare {
		var times []int64
		for at := from.Unix()/step*step + phase(first/dashboardShare); at < to.Unix(); at += step {
			if at >= from.Unix() {
				times = append(times, at*1000)
			}
		}
		if err := f.share(ctx, first, times); err != nil {
			return err
		}
	}
	return nil
}

// share sends samples of a hundred series at some times, Unix ms.
func (f *feed) share(ctx context.Context, first int, times []int64) error {
	var w prompb.WriteRequest
	for i := first; i < min(first+dashboardShare, len(f.values)); i++ {
		ts := prompb.TimeSeries{Labels: f.labels(i)}
		for _, at := range times {
			if f.values[i] += float64(f.rng.IntN(100)); f.rng.IntN(3000) == 0 {
				f.values[i] = 0
			}
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: at, Value: f.values[i]})
		}
		w.Timeseries = append(w.Timeseries, ts)
	}
	for _, url := range f.urls {
		if err := write(ctx, url, &w); err != nil {
			return err
		}
	}
	return nil
}

// run scrapes until ctx ends.
func (f *feed) run(ctx context.Context, from time.Time) error {
	for at := from.Unix(); ; at++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(time.Unix(at, 0))):
		}
		for share := range (len(f.values) + dashboardShare - 1) / dashboardShare {
			if phase(share) != at%int64(dashboardStep.Seconds()) {
				continue
			}
			if err := f.share(ctx, share*dashboardShare, []int64{at * 1000}); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// asker is a server in a way of asking it.
type asker struct {
	name, prefix string
	server       *subject.Process
	more         url.Values
	cpu, worst   time.Duration // of all refreshes; of the dearest
}

// runDashboard asks both for a dashboard over and over, with their caches of results
// and without, while both get the same samples.
func (cfg promqlConfig) runDashboard(ctx context.Context) error {
	victoria, err := victoriaBinary(ctx, cfg)
	if err != nil {
		return err
	}
	ours, err := subject.Start(ctx, subject.Config{Trefoil: cfg.Trefoil})
	if err != nil {
		return err
	}
	defer func() { ours.Stop() }()
	dir, err := os.MkdirTemp("", "victoria-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	theirs, err := subject.StartPeer(ctx, victoria, dir, "-retentionPeriod", "10y", "-search.latencyOffset", "0s")
	if err != nil {
		return err
	}
	defer theirs.Stop()

	f := newFeed(cfg.Shape, "http://"+ours.HTTPAddr+"/prometheus/api/v1/write", "http://"+theirs.HTTPAddr+"/api/v1/write")
	begun := time.Now()
	if err := f.history(ctx, begun.Add(-dashboardSpan-10*time.Minute), begun); err != nil {
		return err
	}
	live, stop := context.WithCancel(ctx)
	fed := make(chan error, 1)
	go func() { fed <- f.run(live, begun) }()
	for _, s := range []*subject.Process{ours, theirs} {
		if _, err := subject.WaitIdle(ctx, s.Cmd.Process.Pid, 20*time.Second); err != nil {
			stop()
			return err
		}
	}
	err = cfg.refresh(ctx, ours, theirs)
	stop()
	if err := <-fed; err != nil {
		return err
	}
	if err != nil {
		return err
	}
	return cfg.late(ctx, f, ours)
}

func (cfg promqlConfig) refresh(ctx context.Context, ours, theirs *subject.Process) error {
	plain := url.Values{"nocache": {"1"}}
	askers := []*asker{
		{name: "trefoil", prefix: "/prometheus", server: ours}, {name: "trefoil, no cache", prefix: "/prometheus", server: ours, more: plain},
		{name: "VictoriaMetrics", server: theirs}, {name: "VictoriaMetrics, no cache", server: theirs, more: plain},
	}
	ingest := map[*subject.Process]time.Duration{} // CPU a second without a query
	const quiet = 10 * time.Second
	for _, s := range []*subject.Process{ours, theirs} {
		before, err := subject.UsageOf(s.Cmd.Process.Pid)
		if err != nil {
			return err
		}
		time.Sleep(quiet)
		after, err := subject.UsageOf(s.Cmd.Process.Pid)
		if err != nil {
			return err
		}
		ingest[s] = (after.CPU - before.CPU) / time.Duration(quiet.Seconds())
	}
	var asked, had float64
	for n := range cfg.Repeat + 2 { // the first two fill the caches
		next := time.Now().Add(dashboardRefresh)
		if n == 2 {
			var err error
			if asked, had, err = cacheSteps(ctx, ours); err != nil {
				return err
			}
		}
		if n%2 == 1 { // who asks first reads what has come since
			slices.Reverse(askers[:2])
			slices.Reverse(askers[2:])
		}
		for _, a := range askers {
			cpu, err := cfg.panels(ctx, a, ingest[a.server])
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			if n >= 2 {
				a.cpu, a.worst = a.cpu+cpu, max(a.worst, cpu)
			}
		}
		if n%2 == 1 {
			slices.Reverse(askers[:2])
			slices.Reverse(askers[2:])
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(next)):
		}
	}
	askedNow, hadNow, err := cacheSteps(ctx, ours)
	if err != nil {
		return err
	}
	perSecond := float64(cfg.Shape.Series+cfg.Shape.Series/4) / dashboardStep.Seconds()
	fmt.Printf("%d panels over the last hour at a step of 15 s, asked for again every %s while %.0f samples a second come in, %d series; at minute %d of the hour\n\n",
		len(dashboardPanels), dashboardRefresh, perSecond, cfg.Shape.Series+cfg.Shape.Series/4, time.Now().Minute())
	fmt.Printf("| | CPU s a refresh, mean of %d | the dearest |\n| --- | --- | --- |\n", cfg.Repeat)
	for _, a := range askers {
		fmt.Printf("| %s | %.3f | %.3f |\n", a.name, (a.cpu / time.Duration(cfg.Repeat)).Seconds(), a.worst.Seconds())
	}
	fmt.Printf("\nCPU of ingest alone, taken off: %.0f and %.0f ms a second\n", ingest[ours].Seconds()*1000, ingest[theirs].Seconds()*1000)
	if asked := askedNow - asked; asked > 0 {
		fmt.Printf("steps that trefoil's cache had: %.0f of %.0f (%.0f %%)\n", hadNow-had, asked, 100*(hadNow-had)/asked)
	}
	fmt.Printf("with the caches on: %.2f times the CPU of VictoriaMetrics; off: %.2f\n",
		askers[0].cpu.Seconds()/askers[2].cpu.Seconds(), askers[1].cpu.Seconds()/askers[3].cpu.Seconds())
	return nil
}

// panels asks for all panels once and tells what that cost, ingest taken off.
func (cfg promqlConfig) panels(ctx context.Context, a *asker, ingest time.Duration) (time.Duration, error) {
	before, err := subject.UsageOf(a.server.Cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	for _, expr := range dashboardPanels {
		if _, err := a.panel(ctx, expr, begun.Truncate(dashboardStep)); err != nil {
			return 0, fmt.Errorf("%s: %w", expr, err)
		}
	}
	after, err := subject.UsageOf(a.server.Cmd.Process.Pid)
	return max(0, after.CPU-before.CPU-time.Duration(time.Since(begun).Seconds()*float64(ingest))), err
}

// panel asks for a panel of the hour before end.
func (a *asker) panel(ctx context.Context, expr string, end time.Time) ([]byte, error) {
	form := url.Values{"query": {expr}, "step": {"15"}, "start": {fmt.Sprint(end.Add(-dashboardSpan).Unix())}, "end": {fmt.Sprint(end.Unix())}}
	for k, v := range a.more {
		form[k] = v
	}
	return a.server.Get(ctx, a.prefix+"/api/v1/query_range", form)
}

// late sends samples of half an hour ago, into what the cache has, and sees that each
// answer is the one without the cache.
func (cfg promqlConfig) late(ctx context.Context, f *feed, ours *subject.Process) error {
	end := time.Now().Add(-10 * time.Minute).Truncate(dashboardStep)
	cached, plain := &asker{prefix: "/prometheus", server: ours}, &asker{prefix: "/prometheus", server: ours, more: url.Values{"nocache": {"1"}}}
	changed := 0
	for _, expr := range dashboardPanels {
		for range 2 { // once more, so that it is kept
			if _, err := cached.panel(ctx, expr, end); err != nil {
				return err
			}
		}
	}
	before := map[string][]byte{}
	for _, expr := range dashboardPanels {
		var err error
		if before[expr], err = cached.panel(ctx, expr, end); err != nil {
			return err
		}
	}
	f.urls = f.urls[:1]
	for first := 0; first < len(f.values); first += 5 * dashboardShare {
		if err := f.share(ctx, first, []int64{end.Add(-20*time.Minute).UnixMilli() + 123}); err != nil {
			return err
		}
	}
	if _, err := subject.WaitIdle(ctx, ours.Cmd.Process.Pid, 20*time.Second); err != nil {
		return err
	}
	for _, expr := range dashboardPanels {
		got, err := cached.panel(ctx, expr, end)
		if err != nil {
			return err
		}
		want, err := plain.panel(ctx, expr, end)
		if err != nil {
			return err
		}
		if !bytes.Equal(dataOf(got), dataOf(want)) {
			return fmt.Errorf("%s: the cache's answer is not the true one after samples came late", expr)
		}
		if !bytes.Equal(dataOf(got), dataOf(before[expr])) {
			changed++
		}
	}
	fmt.Printf("after samples that came 30 minutes late %d of %d answers were others than before, all %d those without the cache\n", changed, len(dashboardPanels), len(dashboardPanels))
	return nil
}

// dataOf is an answer without its notes, which say of which part of a range they are.
func dataOf(body []byte) []byte {
	var answer struct{ Data json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return body
	}
	return answer.Data
}

var cacheStepsLine = regexp.MustCompile(`(?m)^trefoil_query_cache_steps_total\{found="(yes|no)"\} (\S+)$`)

// cacheSteps is how many steps trefoil looked for in its cache so far, and how many it had.
func cacheSteps(ctx context.Context, s *subject.Process) (asked, had float64, err error) {
	body, err := s.Get(ctx, "/metrics", nil)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range cacheStepsLine.FindAllSubmatch(body, -1) {
		n, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return 0, 0, err
		}
		asked += n
		if string(m[1]) == "yes" {
			had += n
		}
	}
	return asked, had, nil
}

package backtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// Config says what to replay.
type Config struct {
	// Range evaluates an expression of a language at from, from+step, … to.
	// Required.
	Range    func(ctx context.Context, language, expr string, from, to time.Time, step time.Duration) (model.Matrix, error)
	From, To time.Time
	// Interval is that of groups that set none. Default 1m.
	Interval time.Duration
}

// maxPoints is how many times are asked for at once; servers allow 11,000.
const maxPoints = 10_000

// Episode is one alert's life.
type Episode struct {
	File, Group, Alert string
	Labels             labels.Labels
	// Pending is when it was first seen. Fired is zero if it never did,
	// Ended if it had not by the end of the range.
	Pending, Fired, Ended time.Time
}

// Run replays all alerting rules. It goes on after a rule that fails; the
// errors are joined.
func Run(ctx context.Context, cfg Config, files []*rulefile.File) ([]Episode, error) {
	if cfg.Interval <= 0 {
		cfg.Interval = time.Minute
	}
	var episodes []Episode
	var errs []error
	for _, f := range files {
		for i := range f.Groups {
			g := &f.Groups[i]
			for j := range g.Rules {
				if g.Rules[j].Alert == "" {
					continue
				}
				found, err := cfg.replay(ctx, g, &g.Rules[j])
				if err != nil {
					errs = append(errs, fmt.Errorf("%s:%d: group %q: rule %q: %w", f.Path, g.Rules[j].Line, g.Name, g.Rules[j].Alert, err))
				}
				for k := range found {
					found[k].File = f.Path
				}
				episodes = append(episodes, found...)
			}
		}
	}
	return episodes, errors.Join(errs...)
}

func (cfg *Config) replay(ctx context.Context, g *rulefile.Group, def *rulefile.Rule) ([]Episode, error) {
	step := g.Interval
	if step == 0 {
		step = cfg.Interval
	}
	offset := time.Duration(0)
	if g.QueryOffset != nil {
		offset = *g.QueryOffset
	}
	if def.KeepFiringWhile != "" {
		return nil, fmt.Errorf("%s: rules with keep_firing_while cannot be replayed", def.Alert)
	}
	p := &player{
		group: g.Name, open: map[uint64]*Episode{},
		alert: rule.Alert{
			Name: def.Alert, Expr: def.Expr, Hold: def.For, KeepFiring: def.KeepFiringFor,
			Labels: labels.FromMap(def.Labels), Limit: g.Limit,
		},
	}
	for from := cfg.From; !from.After(cfg.To); from = from.Add(maxPoints * step) {
		to := from.Add((maxPoints - 1) * step)
		if to.After(cfg.To) {
			to = cfg.To
		}
		matrix, err := cfg.Range(ctx, string(g.Language), def.Expr, from.Add(-offset), to.Add(-offset), step)
		if err != nil {
			return p.done, err
		}
		for at, vector := range steps(matrix, from, to, step, offset) {
			if err := p.evaluate(ctx, at, vector); err != nil {
				return p.done, fmt.Errorf("at %s: %w", at.Format(time.RFC3339), err)
			}
		}
	}
	return p.finish(), nil
}

// steps yields a matrix time by time, the times without samples too.
func steps(matrix model.Matrix, from, to time.Time, step, offset time.Duration) func(yield func(time.Time, promql.Vector) bool) {
	return func(yield func(time.Time, promql.Vector) bool) {
		next := make([]int, len(matrix))
		metrics := make([]labels.Labels, len(matrix))
		for i, series := range matrix {
			lb := labels.NewBuilder(labels.EmptyLabels())
			for name, value := range series.Metric {
				lb.Set(string(name), string(value))
			}
			metrics[i] = lb.Labels()
		}
		for at := from; !at.After(to); at = at.Add(step) {
			asked := timestamp.FromTime(at.Add(-offset))
			var vector promql.Vector
			for i, series := range matrix {
				for next[i] < len(series.Values) && int64(series.Values[next[i]].Timestamp) < asked {
					next[i]++
				}
				if next[i] < len(series.Values) && int64(series.Values[next[i]].Timestamp) == asked {
					vector = append(vector, promql.Sample{T: asked, F: float64(series.Values[next[i]].Value), Metric: metrics[i]})
				}
			}
			if !yield(at, vector) {
				return
			}
		}
	}
}

// player takes one rule through time.
type player struct {
	group string
	alert rule.Alert
	set   rule.Set
	open  map[uint64]*Episode
	done  []Episode
}

func (p *player) evaluate(ctx context.Context, at time.Time, vector promql.Vector) error {
	noQuery := func(context.Context, string, time.Time) (promql.Vector, error) {
		return nil, errors.New("templates cannot query in a replay")
	}
	active, _ := p.alert.Expand(ctx, rule.Expander{Query: noQuery, ExternalURL: &url.URL{}}, at, vector)
	changes, err := p.alert.Step(&p.set, at, active)
	if err != nil {
		return err
	}
	for i := range changes {
		in := &changes[i].Instance
		e := p.open[in.Labels.Hash()]
		if e == nil {
			e = &Episode{Group: p.group, Alert: p.alert.Name, Labels: in.Labels, Pending: in.ActiveAt}
			p.open[in.Labels.Hash()] = e
		}
		switch in.State {
		case rule.Firing:
			e.Fired = at
		case rule.Inactive:
			e.Ended = at
			p.done = append(p.done, *e)
			delete(p.open, in.Labels.Hash())
		}
	}
	return nil
}

// finish answers all episodes by time; those that go on have no end.
func (p *player) finish() []Episode {
	for _, e := range p.open {
		p.done = append(p.done, *e)
	}
	slices.SortFunc(p.done, func(a, b Episode) int {
		if c := a.Pending.Compare(b.Pending); c != 0 {
			return c
		}
		return labels.Compare(a.Labels, b.Labels)
	})
	return p.done
}

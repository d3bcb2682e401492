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
	"github.com/trefoil-o11y/trefoil/alerting/rule"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// Config says what to replay.
type Config struct {
	// Range evaluates an expression of a language at from, from+step, … to.
	// Required.
	Range    func(ctx context.Context, language, expr string, from, to time.Time, step time.Duration) (model.Matrix, error)
	From, To time.Time
	// Interval is that of groups that set none. Default 1m.
	Interval time.Duration
	// Languages read the expressions. Default: all.
	Languages rulefile.Languages
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
	if cfg.Languages == nil {
		cfg.Languages = rulefile.AllLanguages(promexpr.Features{})
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

// replay takes a rule through time, a stretch of it after the other.
func (cfg *Config) replay(ctx context.Context, g *rulefile.Group, def *rulefile.Rule) ([]Episode, error) {
	step := g.Interval
	if step == 0 {
		step = cfg.Interval
	}
	offset := time.Duration(0)
	if g.QueryOffset != nil {
		offset = *g.QueryOffset
	}
	p := &player{group: g.Name, alert: rule.NewAlert(g, def), open: map[uint64]*Episode{}}
	p.alert.Annotations = labels.EmptyLabels() // nobody reads them
	for from := cfg.From; !from.After(cfg.To); from = from.Add(maxPoints * step) {
		to := from.Add((maxPoints - 1) * step)
		if to.After(cfg.To) {
			to = cfg.To
		}
		stretch := &stretch{
			cfg: cfg, answers: map[string]*past{}, language: g.Language,
			from: from.Add(-offset), to: to.Add(-offset), step: step,
		}
		for at := from; !at.After(to); at = at.Add(step) {
			if err := p.evaluate(ctx, stretch, at, at.Add(-offset)); err != nil {
				return p.done, err
			}
		}
	}
	return p.finish(), nil
}

// player takes one rule through time.
type player struct {
	group string
	alert *rule.Alert
	set   rule.Set
	open  map[uint64]*Episode
	done  []Episode
}

func (p *player) evaluate(ctx context.Context, s *stretch, at, asOf time.Time) error {
	answer, _ := p.alert.Ask(ctx, rule.Expander{Query: s.query, ExternalURL: &url.URL{}}, at, asOf, p.set.State() == rule.Firing)
	if answer.Err != nil {
		// Whether a server would have had the answer then, nobody knows.
		return answer.Err
	}
	changes, _, err := p.alert.Apply(&p.set, at, answer)
	if err != nil {
		return fmt.Errorf("at %s: %w", at.Format(time.RFC3339), err)
	}
	for i := range changes {
		in := &changes[i].Instance
		e := p.open[in.Labels.Hash()]
		if e == nil {
			e = &Episode{Group: p.group, Alert: in.Labels.Get(model.AlertNameLabel), Labels: in.Labels, Pending: in.ActiveAt}
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

package logexec

import (
	"context"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// measurable is whether the server may add up what is unwrapped, and by what: where
// that is stored, is a plain number, and is asked for in sums, extremes or quantiles.
func (c *collector) measurable(p pushed) ([]string, bool) {
	if !p.exact || len(c.expr.AfterUnwrap) > 0 || !c.adds() {
		return nil, false
	}
	return c.grouped()
}

// adds is whether plain numbers are asked for in sums, extremes or quantiles that the
// server may make.
func (c *collector) adds() bool {
	u := c.expr.Unwrap
	if u == nil || u.Convert != "" || c.by != nil && slices.Contains(c.by.Labels, u.Label) {
		return false
	}
	switch c.expr.Op {
	case "sum_over_time", "rate", "avg_over_time", "min_over_time", "max_over_time":
		return true
	case "quantile_over_time":
		// A quantile of tiles is none of their whole.
		q := c.expr.Param
		return q >= 0 && q <= 1 && c.grid.tile == c.grid.step && c.grid.step >= c.grid.window
	}
	return false
}

// measured is a group that the server has added up.
type measured struct {
	labels []logpipe.Label
	logstore.Counted
}

// measure lets the server add up. Where it finds what is no number, or bodies that are
// no text, it is not done: the records are then looked at one by one, which also says
// what is wrong with them.
func (c *collector) measure(ctx context.Context, p pushed, names []string) (done bool, err error) {
	from, to := c.grid.span()
	p.named = true
	p.level = p.level || slices.Contains(names, detectedLevel)
	f, err := c.filter(ctx, from, to, p)
	if err != nil {
		return false, err
	}
	tiles, _ := c.grid.stored()
	ask := logstore.Counting{By: names, Tiles: tiles, Measured: logline.Name(c.expr.Unwrap.Label), Quantile: c.expr.Param}
	quantile := c.expr.Op == "quantile_over_time"
	if !p.sure(f.Meanings) || p.lines && !f.TextOnly || !logstore.Measurable(f.Meanings, ask, quantile) {
		return false, nil
	}
	if !quantile {
		ask.Quantile = 0
	}
	var groups []measured
	odd := false
	stats, err := c.Logs.Count(ctx, c.tenant, f, ask, func(n logstore.Counted) error {
		if odd = odd || n.Not > 0; !odd {
			groups = append(groups, measured{c.labelsOf(nil, n.Values), n})
		}
		return nil
	})
	c.stats.add(stats)
	if err != nil || odd {
		return false, err
	}
	c.note(c.expr, "the server filters and adds up %s by %v", ask.Measured, append(slices.Clone(names), "time"))
	return true, c.addMeasured(groups)
}

// addMeasured adds what the server has added up.
func (c *collector) addMeasured(groups []measured) error {
	for i := range groups {
		g := &groups[i]
		t, err := c.tile(g.labels, int(g.Tile))
		if err != nil {
			return err
		}
		if c.agg.keepAll { // of one sample every quantile is that sample
			t.add(sample{value: g.Quantile}, float64(g.Lines), true)
			continue
		}
		t.join(&tile{count: float64(g.Lines), sum: g.Sum, min: g.Min, max: g.Max})
	}
	return nil
}

package logexec

import (
	"context"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// countTaken lets the server take lines apart, and count or add up what is behind the
// parser. The lines that it is not sure of are looked at one by one; not done if that
// would not come to the same, and all are.
func (c *collector) countTaken(ctx context.Context, p pushed) (done bool, err error) {
	ask, ok := c.taking(p)
	if !ok {
		return false, nil
	}
	p.named, p.lines = true, true
	p.level = p.level || slices.Contains(ask.By, detectedLevel) || ask.Measured == detectedLevel
	from, to := c.grid.span()
	f, err := c.filter(ctx, from, to, p)
	if err != nil {
		return false, err
	}
	names := slices.Concat(ask.By, ask.Texts, ask.Numbers)
	if ask.Measured != "" {
		names = append(names, ask.Measured)
	}
	if !p.numeric(f.Meanings) || !p.parser.Knows(f.Meanings, names) {
		return false, nil
	}
	var groups []measured
	unsure := uint64(0)
	stats, err := c.Logs.Count(ctx, c.tenant, f, ask, func(n logstore.Counted) error {
		if n.Unsure {
			unsure += n.Lines
		} else {
			groups = append(groups, measured{c.labelsOf(nil, n.Values), n})
		}
		return nil
	})
	c.stats.add(stats)
	if err != nil {
		return false, err
	}
	if unsure > 0 && c.agg.keepAll { // a quantile of some is none of all
		return false, nil
	}
	c.note(c.expr, "the server takes lines apart, filters and counts by %v; %d lines it leaves to the pipeline here", append(slices.Clone(ask.By), "time"), unsure)
	if ask.Measured != "" {
		err = c.addMeasured(groups)
	} else {
		for i := 0; i < len(groups) && err == nil; i++ {
			err = c.addCounted(groups[i].labels, &groups[i].Counted)
		}
	}
	if err != nil || unsure == 0 {
		return err == nil, err
	}
	f.Where = append(slices.Clone(f.Where), logstore.Not{Cond: ask.Sure()})
	return true, c.stream(ctx, f)
}

// taking is what the server is asked; not ok if it cannot do the whole pipeline.
func (c *collector) taking(p pushed) (ask logstore.Counting, ok bool) {
	if !p.whole || !(c.counts() || c.adds() && faultlessOnly(c.expr.AfterUnwrap)) {
		return ask, false
	}
	names, ok := c.grouped()
	if !ok || slices.ContainsFunc(c.by.Labels, func(n string) bool { return !plainName(n) }) {
		return ask, false
	}
	tiles, _ := c.grid.stored()
	ask = logstore.Counting{By: names, Tiles: tiles, Bytes: c.measures(), Parser: p.parser}
	ask.Texts, ask.Numbers = p.names()
	if u := c.expr.Unwrap; u != nil {
		if !plainName(u.Label) {
			return ask, false
		}
		ask.Measured = logline.Name(u.Label)
	}
	if c.agg.keepAll {
		ask.Quantile = c.expr.Param
	}
	return ask, true
}

// faultlessOnly is whether filters let pass every record without an error.
func faultlessOnly(filters []*logql.LabelFilter) bool {
	for _, f := range filters {
		var found foundCond
		cond, ok := condOf(f.Cond, found.compare)
		all, empty := cond.(logstore.All)
		if !ok || !empty || len(all) > 0 {
			return false
		}
	}
	return true
}

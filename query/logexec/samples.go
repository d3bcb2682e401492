package logexec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// steps are the times a query is evaluated at.
type steps struct {
	start time.Time
	step  time.Duration
	n     int
}

// collector gathers the samples of a range aggregation, by series and tile.
type collector struct {
	*run
	expr   *logql.Range
	grid   grid
	agg    aggregator
	by     *logql.Grouping // nil for all labels
	series map[string]*collected
}

type collected struct {
	labels []logpipe.Label
	tiles  map[int]*tile
}

// rangeAggregation evaluates one. by is the grouping that the aggregation around it
// is known to make, if that is a sum: what it does not look at need not be kept.
func (r *run) rangeAggregation(ctx context.Context, e *logql.Range, at steps, by *logql.Grouping) (*vector, error) {
	c := &collector{run: r, expr: e, grid: newGrid(at.start, at.n, at.step, e.Window, e.Offset), agg: aggregatorOf(e.Op), by: e.Grouping, series: map[string]*collected{}}
	if by != nil {
		c.by = by
	}
	if e.Op == "absent_over_time" {
		c.by = &logql.Grouping{}
	}
	if err := c.collect(ctx); err != nil {
		return nil, err
	}
	v := c.windows()
	if e.Op == "absent_over_time" {
		return absent(e, v, at.n), nil
	}
	return v, nil
}

func (c *collector) collect(ctx context.Context) error {
	p := push(c.expr.Log)
	if names, ok := c.countable(p); ok {
		if done, err := c.count(ctx, p, names); done || err != nil {
			return err
		}
	}
	if p.parser != nil {
		if done, err := c.countTaken(ctx, p); done || err != nil {
			return err
		}
	}
	if names, ok := c.measurable(p); ok {
		if done, err := c.measure(ctx, p, names); done || err != nil {
			return err
		}
	}
	from, to := c.grid.span()
	f, err := c.filter(ctx, from, to, p)
	if err != nil {
		return err
	}
	c.note(c.expr, "%s", p.filtering(f.Meanings))
	return c.stream(ctx, f)
}

// countable is whether the server can count, and by what.
func (c *collector) countable(p pushed) ([]string, bool) {
	if !c.counts() || !p.exact {
		return nil, false
	}
	return c.grouped()
}

// counts is whether records are counted, or their lines measured.
func (c *collector) counts() bool {
	switch c.expr.Op {
	case "count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time":
		return c.expr.Unwrap == nil
	}
	return false
}

// grouped are the names to group by, if the server can group by them.
func (c *collector) grouped() ([]string, bool) {
	if _, ok := c.grid.stored(); !ok || c.by == nil || c.by.Without {
		return nil, false
	}
	names := make([]string, len(c.by.Labels))
	for i, name := range c.by.Labels {
		names[i] = logline.Name(name)
		if len(names[i]) > 10 && names[i][len(names[i])-10:] == "_extracted" || names[i] == "observed_timestamp" || names[i] == "flags" {
			return nil, false
		}
	}
	return names, true
}

// measures is whether the size of lines is aggregated, not their number.
func (c *collector) measures() bool {
	return c.expr.Op == "bytes_over_time" || c.expr.Op == "bytes_rate"
}

// count lets the server count the records. Where lines are looked at, those whose body is
// no text are looked at one by one. It is not done where a text is compared as a number.
func (c *collector) count(ctx context.Context, p pushed, names []string) (done bool, err error) {
	from, to := c.grid.span()
	p.lines = p.lines || c.measures()
	p.named = p.named || len(names) > 0 && !slices.Equal(names, []string{logpipe.ServiceName})
	p.level = p.level || slices.Contains(names, detectedLevel)
	f, err := c.filter(ctx, from, to, p)
	if err != nil || !p.sure(f.Meanings) {
		return false, err
	}
	c.note(c.expr, "the server filters and counts by %v", append(slices.Clone(names), "time"))
	all, structured := f.Where, p.lines && !f.TextOnly
	if p.lines {
		f.Where = append(slices.Clone(all), logstore.Body{})
	}
	tiles, _ := c.grid.stored()
	labels := make([]logpipe.Label, 0, len(names))
	stats, err := c.Logs.Count(ctx, c.tenant, f, logstore.Counting{By: names, Tiles: tiles, Bytes: c.measures()}, func(n logstore.Counted) error {
		labels = c.labelsOf(labels[:0], n.Values)
		return c.addCounted(labels, &n)
	})
	c.stats.add(stats)
	if err != nil || !structured {
		return err == nil, err
	}
	f.Where = append(slices.Clone(all), logstore.Body{Structured: true})
	return true, c.stream(ctx, f)
}

// addCounted adds the records of a group that the server has counted.
func (c *collector) addCounted(labels []logpipe.Label, n *logstore.Counted) error {
	v := float64(n.Lines)
	if c.measures() {
		v = float64(n.Bytes)
	}
	t, err := c.tile(labels, int(n.Tile))
	if err == nil {
		t.add(sample{value: v}, float64(n.Lines), false)
	}
	return err
}

// labelsOf are those of a group.
func (c *collector) labelsOf(labels []logpipe.Label, values []string) []logpipe.Label {
	for i, v := range values {
		if v != "" {
			labels = append(labels, logpipe.Label{Name: c.by.Labels[i], Value: v})
		}
	}
	logpipe.SortLabels(labels)
	return labels
}

// stream sends records through the pipeline.
func (c *collector) stream(ctx context.Context, f logstore.Filter) error {
	pipeline, err := logpipe.Compile(c.expr.Log.Stages)
	if err != nil {
		return err
	}
	var after []logql.Stage
	for _, s := range c.expr.AfterUnwrap {
		after = append(after, s)
	}
	behind, err := logpipe.Compile(after)
	if err != nil {
		return err
	}
	reader := logpipe.Reader{Ids: c.namesIds()}
	var metadata []logpipe.Label
	stats, err := c.Logs.Stream(ctx, c.tenant, f, func(row *logstore.Row) error {
		if c.stats.Entries++; c.stats.Entries > int64(c.Limits.MaxEntries) {
			return limited("max_entries", fmt.Sprintf("query reads more than %d records one by one, the limit max_entries; narrow the time range, or filter before the first parser", c.Limits.MaxEntries))
		}
		lo, hi := c.grid.tiles(row.Time)
		if lo >= hi {
			return nil
		}
		e := reader.Entry(row, metadata)
		metadata = e.Metadata
		line, labels, ok := pipeline.Run(&e)
		if !ok {
			return nil
		}
		return c.take(row.Time, line, labels, behind, lo, hi)
	})
	c.stats.add(stats)
	return err
}

// namesIds is whether the query names what else is left out of series.
func (c *collector) namesIds() bool {
	if c.by != nil && !c.by.Without {
		return true // what is not grouped by is dropped
	}
	return false
}

// take makes a sample of a record.
func (c *collector) take(at int64, line string, labels *logpipe.Labels, behind *logpipe.Pipeline, lo, hi int) error {
	v := 1.0
	switch {
	case c.expr.Unwrap != nil:
		var ok bool
		if v, ok = logpipe.Unwrap(c.expr.Unwrap, labels); !ok || !behind.Filter(labels) {
			return nil
		}
		logpipe.Without(labels, c.expr.Unwrap.Label)
	case c.measures():
		v = float64(len(line))
	}
	if kind, details := labels.Failed(); kind != "" {
		return &fault.Error{Code: fault.BadQuery, Message: fmt.Sprintf(
			"pipeline error %s (%s) at a record of series %s; skip such records with | __error__=\"\"", kind, details, logpipe.Text(labels.All()))}
	}
	all := labels.All()
	if c.by != nil {
		all = pick(all, c.by.Labels, c.by.Without)
	}
	for k := lo; k < hi; k++ {
		t, err := c.tile(all, k)
		if err != nil {
			return err
		}
		t.add(sample{at, v}, 1, c.agg.keepAll)
		if c.agg.keepAll {
			if c.budget--; c.budget < 0 {
				return c.tooMany()
			}
		}
	}
	return nil
}

func (c *collector) tooMany() error {
	return limited("max_samples", fmt.Sprintf("query holds more than %d samples, the limit max_samples; aggregate by fewer labels or over a shorter time", c.Limits.MaxSamples))
}

// tile is the tile of a series; labels are copied if the series is new.
func (c *collector) tile(labels []logpipe.Label, k int) (*tile, error) {
	id := key(labels)
	s := c.series[id]
	if s == nil {
		if len(c.series) >= c.Limits.MaxSeries {
			return nil, limited("max_series", fmt.Sprintf("query has more than %d series, the limit max_series; aggregate by fewer labels, as in sum by (service_name) (…)", c.Limits.MaxSeries))
		}
		s = &collected{labels: slices.Clone(labels), tiles: map[int]*tile{}}
		c.series[id] = s
	}
	t := s.tiles[k]
	if t == nil {
		const weight = 16 // samples that a tile takes the memory of
		if c.budget -= weight; c.budget < 0 {
			return nil, c.tooMany()
		}
		t = &tile{}
		s.tiles[k] = t
	}
	return t, nil
}

// windows makes a sample of the tiles of each window.
func (c *collector) windows() *vector {
	v := &vector{}
	for _, s := range c.series {
		out := newSeries(s.labels, c.grid.steps)
		for i := range c.grid.steps {
			lo, hi := c.grid.of(i)
			var whole tile
			for k := lo; k < hi; k++ {
				if t := s.tiles[k]; t != nil {
					whole.join(t)
				}
			}
			if whole.count > 0 {
				from := c.grid.origin + int64(i)*c.grid.step
				out.set(i, c.agg.result(&whole, span{from, from + c.grid.window}, c.expr.Param))
			}
		}
		if !out.empty() {
			v.series = append(v.series, out)
		}
	}
	return v
}

// absent turns presence around. Its labels are those the selector wants to be equal
// to something.
func absent(e *logql.Range, v *vector, n int) *vector {
	seen := map[string]int{}
	for _, m := range e.Log.Matchers {
		seen[m.Name]++
	}
	labels := []logpipe.Label{}
	for _, m := range e.Log.Matchers {
		if m.Op == logql.Equal && m.Value != "" && seen[m.Name] == 1 {
			labels = append(labels, logpipe.Label{Name: m.Name, Value: m.Value})
		}
	}
	logpipe.SortLabels(labels)
	out := newSeries(labels, n)
	for i := range n {
		if len(v.series) == 0 || !v.series[0].Has[i] {
			out.set(i, 1)
		}
	}
	return &vector{series: []*Series{out}}
}

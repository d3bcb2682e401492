package metricsqlfunc

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/columnfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
)

// bucketFunctions read histograms, of either kind of bucket: cumulative with
// label le, or ranges with label vmrange.
func bucketFunctions() map[string]transformFunc {
	return map[string]transformFunc{
		"buckets_limit": (*Call).bucketsLimit,
		"histogram_avg": func(c *Call) ([]column.Series, error) {
			return c.ofBuckets(0, 1, func(b columnfunc.Buckets, _ int) float64 { return b.Mean() })
		},
		"histogram_stddev": func(c *Call) ([]column.Series, error) {
			return c.ofBuckets(0, 1, func(b columnfunc.Buckets, _ int) float64 { return math.Sqrt(b.Variance()) })
		},
		"histogram_stdvar": func(c *Call) ([]column.Series, error) {
			return c.ofBuckets(0, 1, func(b columnfunc.Buckets, _ int) float64 { return b.Variance() })
		},
		"histogram_fraction":  (*Call).histogramFraction,
		"histogram_quantile":  func(c *Call) ([]column.Series, error) { return c.histogramBounded(columnfunc.Buckets.Quantile) },
		"histogram_share":     func(c *Call) ([]column.Series, error) { return c.histogramBounded(columnfunc.Buckets.Share) },
		"histogram_quantiles": (*Call).histogramQuantiles,
		"prometheus_buckets": func(c *Call) ([]column.Series, error) {
			found, err := c.same(1)
			return cumulative(found), err
		},
	}
}

// bucket is one bucket of a histogram.
type bucket struct {
	le     float64
	values []float64
	of     column.Series
}

// histogramsOf groups bucket series to histograms; their labels lack le and the
// name. Buckets are sorted, and equal ones are one.
func histogramsOf(all []column.Series) []*histogram {
	byLabels := metricsqlvec.Groups(cumulative(all), func(l labels.Labels) labels.Labels { return metricsqlvec.Without(l, "le", metricsqlvec.NameLabel) })
	var out []*histogram
	for _, g := range byLabels {
		if h := newHistogram(g); len(h.buckets) > 0 {
			out = append(out, h)
		}
	}
	return out
}

type histogram struct {
	labels  labels.Labels
	buckets []bucket
}

func newHistogram(g *metricsqlvec.Group) *histogram {
	h := &histogram{labels: g.Labels}
	for _, s := range g.Members {
		if le, err := strconv.ParseFloat(s.Labels.Get("le"), 64); err == nil {
			h.buckets = append(h.buckets, bucket{le, s.Values, s})
		}
	}
	slices.SortStableFunc(h.buckets, func(a, b bucket) int { return cmp.Compare(a.le, b.le) })
	return h
}

// merged adds up buckets of one bound.
func (h *histogram) merged() {
	kept := h.buckets[:1]
	for _, b := range h.buckets[1:] {
		last := &kept[len(kept)-1]
		if b.le != last.le {
			kept = append(kept, b)
			continue
		}
		for p, v := range b.values {
			last.values[p] += v
		}
	}
	h.buckets = kept
}

// at is the histogram at a point.
func (h *histogram) at(p int) columnfunc.Buckets {
	b := make(columnfunc.Buckets, len(h.buckets))
	for i := range h.buckets {
		b[i] = columnfunc.Bucket{LE: h.buckets[i].le, Count: h.buckets[i].values[p]}
	}
	return b
}

// ofBuckets makes one series of each histogram in argument arg.
func (c *Call) ofBuckets(arg, args int, f func(b columnfunc.Buckets, p int) float64) ([]column.Series, error) {
	if err := c.Count(args, args); err != nil {
		return nil, err
	}
	found, err := c.series(arg)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, h := range histogramsOf(found) {
		if args > 1 {
			h.merged()
		}
		values := make([]float64, c.N)
		for p := range values {
			values[p] = f(h.at(p), p)
		}
		out = append(out, column.Series{Labels: h.labels, Values: values})
	}
	return out, nil
}

// histogramBounded makes a series of each histogram by a number, and where a
// label for them is given also the bounds between which it lies.
func (c *Call) histogramBounded(f func(b columnfunc.Buckets, x float64) (v, low, high float64)) ([]column.Series, error) {
	if err := c.Count(2, 3); err != nil {
		return nil, err
	}
	xs, err := c.Scalar(0)
	if err != nil {
		return nil, err
	}
	label := ""
	if len(c.Args) == 3 {
		if label, err = c.Text(2); err != nil {
			return nil, err
		}
	}
	found, err := c.series(1)
	if err != nil {
		return nil, err
	}
	return bounded(found, xs, label, f), nil
}

func bounded(found []column.Series, xs []float64, label string, f func(b columnfunc.Buckets, x float64) (v, low, high float64)) []column.Series {
	var out []column.Series
	for _, h := range histogramsOf(found) {
		h.merged()
		values, lows, highs := make([]float64, len(xs)), make([]float64, len(xs)), make([]float64, len(xs))
		for p, x := range xs {
			values[p], lows[p], highs[p] = f(h.at(p).Repaired(), x)
		}
		out = append(out, column.Series{Labels: h.labels, Values: values})
		if label != "" {
			out = append(out, column.Series{Labels: metricsqlvec.With(h.labels, label, "lower"), Values: lows}, column.Series{Labels: metricsqlvec.With(h.labels, label, "upper"), Values: highs})
		}
	}
	return out
}

func (c *Call) histogramQuantiles() ([]column.Series, error) {
	if err := c.Count(3, math.MaxInt); err != nil {
		return nil, err
	}
	label, err := c.Text(0)
	if err != nil {
		return nil, err
	}
	last := len(c.Args) - 1
	found, err := c.series(last)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for i := 1; i < last; i++ {
		phis, err := c.Scalar(i)
		if err != nil {
			return nil, err
		}
		for _, s := range bounded(metricsqlvec.Clone(found), phis, "", columnfunc.Buckets.Quantile) {
			s.Labels = metricsqlvec.With(s.Labels, label, strconv.FormatFloat(phis[0], 'g', -1, 64))
			out = append(out, s)
		}
	}
	return out, c.Account(len(out))
}

func (c *Call) histogramFraction() ([]column.Series, error) {
	if err := c.Count(3, 3); err != nil {
		return nil, err
	}
	lows, err := c.Scalar(0)
	if err != nil {
		return nil, err
	}
	highs, err := c.Scalar(1)
	if err != nil {
		return nil, err
	}
	if lows[0] >= highs[0] {
		return nil, metricsqlparse.BadQuery(c, "the lower bound %g is not below the upper bound %g", lows[0], highs[0])
	}
	return c.ofBuckets(2, 3, func(b columnfunc.Buckets, p int) float64 {
		b = b.Repaired()
		high, _, _ := b.Share(highs[p])
		low, _, _ := b.Share(lows[p])
		return high - low
	})
}

// bucketsLimit merges the buckets that hold least until no more than limit are
// left; the outermost stay.
func (c *Call) bucketsLimit() ([]column.Series, error) {
	if err := c.Count(2, 2); err != nil {
		return nil, err
	}
	limit, err := c.integer(0)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, metricsqlparse.BadQuery(c, "the limit %d is not positive", limit)
	}
	found, err := c.series(1)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, g := range metricsqlvec.Groups(cumulative(found), func(l labels.Labels) labels.Labels { return metricsqlvec.Without(l, "le") }) {
		h := newHistogram(g)
		kept := columnfunc.LimitBuckets(h.hits(), max(limit, 3))
		for _, i := range kept {
			out = append(out, h.buckets[i].of)
		}
	}
	return out, nil
}

// hits is how much each bucket holds, over all points.
func (h *histogram) hits() []float64 {
	out := make([]float64, len(h.buckets))
	for i, b := range h.buckets {
		for p, v := range b.values {
			out[i] += v
			if i > 0 {
				out[i] -= h.buckets[i-1].values[p]
			}
		}
	}
	return out
}

// cumulative turns ranges into buckets with label le. Series that are buckets
// already stay, all others go.
func cumulative(all []column.Series) []column.Series {
	var out, ranges []column.Series
	for _, s := range all {
		switch {
		case s.Labels.Get("vmrange") != "":
			ranges = append(ranges, s)
		case s.Labels.Get("le") != "":
			out = append(out, s)
		}
	}
	for _, g := range metricsqlvec.Groups(ranges, func(l labels.Labels) labels.Labels { return metricsqlvec.Without(l, "vmrange", "le") }) {
		out = append(out, ofRanges(g)...)
	}
	return out
}

// span is a bucket of a range.
type span struct {
	low, high         float64
	lowText, highText string
	values            []float64
}

func spanOf(s column.Series) (span, bool) {
	low, high, ok := strings.Cut(s.Labels.Get("vmrange"), "...")
	out := span{lowText: low, highText: high, values: s.Values}
	var err1, err2 error
	out.low, err1 = strconv.ParseFloat(low, 64)
	out.high, err2 = strconv.ParseFloat(high, 64)
	holds := slices.ContainsFunc(s.Values, func(v float64) bool { return v > 0 })
	return out, ok && err1 == nil && err2 == nil && holds
}

// ofRanges makes a bucket for the end of each range that holds something, and
// an empty one for its start where no other range ends there.
func ofRanges(g *metricsqlvec.Group) []column.Series {
	var spans []span
	for _, s := range g.Members {
		if sp, ok := spanOf(s); ok {
			spans = append(spans, sp)
		}
	}
	if len(spans) == 0 {
		return nil
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.high, b.high) })
	points := len(spans[0].values)
	var out []column.Series
	made := map[string]int{}
	add := func(le string, values []float64) {
		made[le] = len(out)
		out = append(out, column.Series{Labels: metricsqlvec.With(g.Labels, "le", le), Values: values})
	}
	end := 0.0
	for _, sp := range spans {
		if _, ok := made[sp.lowText]; sp.low != end && !ok {
			add(sp.lowText, make([]float64, points))
		}
		if i, ok := made[sp.highText]; !ok {
			add(sp.highText, sp.values)
		} else if values, ok := metricsqlvec.Mend(out[i].Values, sp.values); ok {
			out[i].Values = values
		}
		end = sp.high
	}
	if !math.IsInf(end, 1) {
		add("+Inf", make([]float64, points))
	}
	for p := range points {
		var total float64
		for _, s := range out {
			if s.Values[p] > 0 {
				total += s.Values[p]
			}
			s.Values[p] = total
		}
	}
	return out
}

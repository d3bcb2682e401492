package metricsqlfunc

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/columnfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// aggregation is an aggregate function with arguments still to be evaluated.
type aggregation struct {
	*Call
	by    metricsql.ModifierExpr
	limit int
}

// Aggregate evaluates an aggregate function, of which c has the name, in lower case,
// and the arguments.
func (f Functions) Aggregate(c *Call, e *metricsql.AggrFuncExpr) ([]column.Series, error) {
	a := &aggregation{c, e.Modifier, e.Limit}
	if f, ok := columnfunc.Across(a.Name); ok {
		return a.reduce(f)
	}
	if own, ok := f.aggregates[a.Name]; ok {
		return own(a)
	}
	if kind, score, ok := strings.Cut(a.Name, "_"); ok && (kind == "topk" || kind == "bottomk") {
		if f, ok := columnfunc.Score(score); ok {
			return a.topByScore(f, kind == "bottomk")
		}
	}
	return nil, metricsqlparse.BadQuery(e, "aggregate function %q is not known", e.Name)
}

// selecting are the functions that do more than make one number at each point.
func selecting() map[string]aggregateFunc {
	return map[string]aggregateFunc{
		"any":          (*aggregation).any,
		"bottomk":      func(a *aggregation) ([]column.Series, error) { return a.top(true) },
		"count_values": (*aggregation).countValues,
		"histogram":    (*aggregation).histogram,
		"limitk":       (*aggregation).limitk,
		"outliers_iqr": (*aggregation).outliersIQR,
		"outliers_mad": (*aggregation).outliersMAD,
		"outliersk":    (*aggregation).outliersk,
		"quantile":     (*aggregation).quantile,
		"quantiles":    (*aggregation).quantiles,
		"share":        func(a *aggregation) ([]column.Series, error) { return a.rewrite(columnfunc.Share) },
		"topk":         func(a *aggregation) ([]column.Series, error) { return a.top(false) },
		"zscore":       func(a *aggregation) ([]column.Series, error) { return a.rewrite(columnfunc.ZScore) },
	}
}

// groupLabels are what a group has in common.
func (a *aggregation) groupLabels(l labels.Labels) labels.Labels {
	if strings.EqualFold(a.by.Op, "without") {
		return metricsqlvec.Without(l, append(slices.Clone(a.by.Args), metricsqlvec.NameLabel)...)
	}
	return metricsqlvec.Only(l, a.by.Args...)
}

// grouped evaluates arguments to the groups of what has values; limit says how
// many.
func (a *aggregation) grouped(from, to int) ([]*metricsqlvec.Group, error) {
	var all []column.Series
	for i := from; i < to; i++ {
		found, err := a.series(i)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	all = metricsqlvec.Present(all)
	slices.SortStableFunc(all, metricsqlvec.ByLabels)
	out := metricsqlvec.Groups(all, a.groupLabels)
	if a.limit > 0 && len(out) > a.limit {
		out = out[:a.limit]
	}
	return out, nil
}

// all is the groups of all arguments together.
func (a *aggregation) all() ([]*metricsqlvec.Group, error) {
	if err := a.Count(1, math.MaxInt); err != nil {
		return nil, err
	}
	return a.grouped(0, len(a.Args))
}

// reduce makes one series of each group.
func (a *aggregation) reduce(f func([]float64) float64) ([]column.Series, error) {
	found, err := a.all()
	if err != nil {
		return nil, err
	}
	out := make([]column.Series, len(found))
	a.Share(len(found), func(from, to int) {
		for i, g := range found[from:to] {
			out[from+i] = column.Series{Labels: g.Labels, Values: columnfunc.Reduce(metricsqlvec.ColumnsOf(g.Members), f)}
		}
	})
	return out, nil
}

// rewrite changes the series of each group and keeps them.
func (a *aggregation) rewrite(f func([][]float64)) ([]column.Series, error) {
	found, err := a.all()
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, g := range found {
		f(metricsqlvec.ColumnsOf(g.Members))
		out = append(out, g.Members...)
	}
	return out, nil
}

func (a *aggregation) any() ([]column.Series, error) {
	found, err := a.all()
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, g := range found {
		out = append(out, g.Members[0])
	}
	return out, nil
}

// quantile is of each group; the quantile may be another at each point.
func (a *aggregation) quantile() ([]column.Series, error) {
	if err := a.Count(2, 2); err != nil {
		return nil, err
	}
	phis, err := a.Scalar(0)
	if err != nil {
		return nil, err
	}
	found, err := a.grouped(1, 2)
	if err != nil {
		return nil, err
	}
	out := make([]column.Series, len(found))
	for i, g := range found {
		out[i] = column.Series{Labels: g.Labels, Values: quantileAcross(g.Members, phis)}
	}
	return out, nil
}

func quantileAcross(members []column.Series, phis []float64) []float64 {
	values := make([]float64, len(phis))
	columnfunc.EachPoint(metricsqlvec.ColumnsOf(members), func(p int, v []float64) { values[p] = rollupfunc.Quantile(phis[p], v) })
	return values
}

func (a *aggregation) quantiles() ([]column.Series, error) {
	if err := a.Count(3, math.MaxInt); err != nil {
		return nil, err
	}
	label, err := a.Text(0)
	if err != nil {
		return nil, err
	}
	last := len(a.Args) - 1
	found, err := a.grouped(last, last+1)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for i := 1; i < last; i++ {
		phis, err := a.Scalar(i)
		if err != nil {
			return nil, err
		}
		for _, g := range found {
			l := metricsqlvec.With(g.Labels, label, strconv.FormatFloat(phis[0], 'g', -1, 64))
			out = append(out, column.Series{Labels: l, Values: quantileAcross(g.Members, phis)})
		}
	}
	return out, a.Account(len(out))
}

// histogram counts the values of a group by range, as cumulative buckets.
func (a *aggregation) histogram() ([]column.Series, error) {
	found, err := a.all()
	if err != nil {
		return nil, err
	}
	var out []column.Series
	count := rollupfunc.Histogram()
	for _, g := range found {
		made := map[string][]float64{}
		columnfunc.EachPoint(metricsqlvec.ColumnsOf(g.Members), func(p int, values []float64) {
			count(&rollupfunc.Window{Values: values}, func(vmrange string, n float64) {
				if made[vmrange] == nil {
					made[vmrange] = make([]float64, a.N)
				}
				made[vmrange][p] = n
			})
		})
		var ranges []column.Series
		for vmrange, values := range made {
			ranges = append(ranges, column.Series{Labels: metricsqlvec.With(g.Labels, "vmrange", vmrange), Values: values})
		}
		out = append(out, cumulative(ranges)...)
	}
	return out, a.Account(len(out))
}

// countValues makes a series for each value, of how many have it.
func (a *aggregation) countValues() ([]column.Series, error) {
	if err := a.Count(2, 2); err != nil {
		return nil, err
	}
	label, err := a.Text(0)
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(a.by.Op) {
	case "without":
		a.by.Args = append(slices.Clone(a.by.Args), label)
	case "by":
		a.by.Args = slices.DeleteFunc(slices.Clone(a.by.Args), func(name string) bool { return name == label })
	}
	found, err := a.grouped(1, 2)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, g := range found {
		made := map[float64][]float64{}
		var err error
		columnfunc.EachPoint(metricsqlvec.ColumnsOf(g.Members), func(p int, values []float64) {
			for _, v := range values {
				counts := made[v]
				if counts == nil {
					if err = cmp.Or(err, a.Account(1)); err != nil {
						return
					}
					counts = column.Empty(a.N)
					made[v] = counts
				}
				if math.IsNaN(counts[p]) {
					counts[p] = 0
				}
				counts[p]++
			}
		})
		if err != nil {
			return nil, err
		}
		for v, counts := range made {
			out = append(out, column.Series{Labels: metricsqlvec.With(g.Labels, label, strconv.FormatFloat(v, 'f', -1, 64)), Values: counts})
		}
	}
	slices.SortFunc(out, metricsqlvec.ByLabels)
	return out, nil
}

// top keeps, at each point, the values of the k largest (or smallest) series.
func (a *aggregation) top(smallest bool) ([]column.Series, error) {
	if err := a.Count(2, 2); err != nil {
		return nil, err
	}
	ks, err := a.Scalar(0)
	if err != nil {
		return nil, err
	}
	found, err := a.grouped(1, 2)
	if err != nil {
		return nil, err
	}
	made := make([][]column.Series, len(found))
	if len(found) < 8 {
		for i, g := range found {
			made[i] = a.topOf(g.Members, ks, smallest, a.Share)
		}
	} else {
		a.Share(len(found), func(from, to int) {
			for i, g := range found[from:to] {
				made[from+i] = a.topOf(g.Members, ks, smallest, columnfunc.Alone)
			}
		})
	}
	return slices.Concat(made...), nil
}

// topOf is what remains of the series of a group, the first at the last point first.
func (a *aggregation) topOf(members []column.Series, ks []float64, smallest bool, share columnfunc.Sharing) []column.Series {
	most := make([]int, len(ks))
	for p, k := range ks {
		most[p] = kept(k, len(members))
	}
	chosen, order := columnfunc.Top(metricsqlvec.ColumnsOf(members), most, smallest, share)
	out := make([]column.Series, len(order))
	place := make([]int32, len(members)) // in out, of those in order
	for i, c := range order {
		at := len(order) - 1 - i
		out[at], place[c] = column.New(members[c].Labels, len(ks)), int32(at)
	}
	for p, at := range chosen {
		for _, c := range at {
			out[place[c]].Values[p] = members[c].Values[p]
		}
	}
	return out
}

// inOrder lists the series that still have values, the last of an order first.
func inOrder(members []column.Series, order []int) []column.Series {
	var out []column.Series
	for _, m := range slices.Backward(order) {
		if !metricsqlvec.Absent(members[m].Values) {
			out = append(out, members[m])
		}
	}
	return out
}

// kept is how many of n a number k keeps.
func kept(k float64, n int) int { return min(max(truncate(k), 0), n) }

// topByScore keeps the k series that are best as a whole.
func (a *aggregation) topByScore(score func([]float64) float64, smallest bool) ([]column.Series, error) {
	if err := a.Count(2, 3); err != nil {
		return nil, err
	}
	rest := ""
	if len(a.Args) == 3 {
		var err error
		if rest, err = a.Text(2); err != nil {
			return nil, err
		}
	}
	return a.bestOf(func(columns [][]float64) []float64 {
		scores := make([]float64, len(columns))
		for i, c := range columns {
			scores[i] = score(c)
		}
		return scores
	}, smallest, rest)
}

func (a *aggregation) outliersk() ([]column.Series, error) {
	if err := a.Count(2, 2); err != nil {
		return nil, err
	}
	return a.bestOf(columnfunc.FromMedian, false, "")
}

// bestOf keeps the k series of each group with the best scores. The sum of the
// others, if it is asked for, has a label: rest is its name, or name=value.
func (a *aggregation) bestOf(score func([][]float64) []float64, smallest bool, rest string) ([]column.Series, error) {
	ks, err := a.Scalar(0)
	if err != nil {
		return nil, err
	}
	found, err := a.grouped(1, 2)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, g := range found {
		order := columnfunc.Rank(score(metricsqlvec.ColumnsOf(g.Members)), smallest)
		remaining := column.Empty(a.N)
		for p := range a.N {
			for _, m := range order[:len(order)-kept(ks[p], len(order))] {
				values := g.Members[m].Values
				if v := values[p]; !math.IsNaN(v) {
					if math.IsNaN(remaining[p]) {
						remaining[p] = 0
					}
					remaining[p] += v
				}
				values[p] = math.NaN()
			}
		}
		if rest != "" && !metricsqlvec.Absent(remaining) {
			name, value, ok := strings.Cut(rest, "=")
			if !ok {
				value = rest
			}
			out = append(out, column.Series{Labels: metricsqlvec.With(g.Labels, name, value), Values: remaining})
		}
		out = append(out, inOrder(g.Members, order)...)
	}
	return out, nil
}

func (a *aggregation) outliersIQR() ([]column.Series, error) {
	if err := a.Count(1, 1); err != nil {
		return nil, err
	}
	found, err := a.grouped(0, 1)
	if err != nil {
		return nil, err
	}
	return outside(found, columnfunc.IQRBounds), nil
}

func (a *aggregation) outliersMAD() ([]column.Series, error) {
	if err := a.Count(2, 2); err != nil {
		return nil, err
	}
	tolerance, err := a.Scalar(0)
	if err != nil {
		return nil, err
	}
	found, err := a.grouped(1, 2)
	if err != nil {
		return nil, err
	}
	return outside(found, func(c [][]float64) (low, high []float64) { return columnfunc.MADBounds(c, tolerance) }), nil
}

func outside(found []*metricsqlvec.Group, bounds func([][]float64) (low, high []float64)) []column.Series {
	var out []column.Series
	for _, g := range found {
		columns := metricsqlvec.ColumnsOf(g.Members)
		low, high := bounds(columns)
		for _, i := range columnfunc.Outliers(columns, low, high) {
			out = append(out, g.Members[i])
		}
	}
	return out
}

// limitk keeps k series of each group, always the same ones: those whose labels
// have the smallest hashes.
func (a *aggregation) limitk() ([]column.Series, error) {
	if err := a.Count(2, 2); err != nil {
		return nil, err
	}
	k, err := a.integer(0)
	if err != nil {
		return nil, err
	}
	found, err := a.grouped(1, 2)
	if err != nil {
		return nil, err
	}
	var out []column.Series
	for _, g := range found {
		hashes := make([]uint64, len(g.Members))
		order := make([]int, len(g.Members))
		for i := range order {
			order[i], hashes[i] = i, hashOf(g.Members[i].Labels)
		}
		slices.SortFunc(order, func(x, y int) int { return cmp.Or(cmp.Compare(hashes[x], hashes[y]), x-y) })
		for _, i := range order[:min(max(k, 0), len(order))] {
			out = append(out, g.Members[i])
		}
	}
	return out, nil
}

package grideval

import (
	"container/heap"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// choose computes topk, bottomk, limitk and limit_ratio: of each group some
// series, chosen anew at every step. The result of an instant query is in the
// order they were chosen.
func (a *aggregation) choose() ([]column.Series, error) {
	if done, err := a.checkParam(); done || err != nil {
		return nil, err
	}
	chosen := make([][]int, a.grid.N)
	if a.Op == parser.TOPK || a.Op == parser.BOTTOMK {
		a.parallel(a.grid.N, func(from, to int) {
			for ; from < to; from += bestAtOnce {
				a.best(chosen, from, min(from+bestAtOnce, to))
			}
		})
	} else {
		for i := range chosen {
			chosen[i] = a.some(i)
		}
	}
	out := make([]column.Series, len(a.in)) // by index of the series; made when first chosen
	var order []int
	for i, at := range chosen {
		for _, m := range at {
			s := &out[m]
			if s.Values == nil {
				*s = column.New(a.in[m].Labels, a.grid.N)
				s.DropName = a.in[m].DropName
				order = append(order, m)
			}
			s.Set(i, a.in[m].Float(i), a.in[m].Histogram(i))
		}
	}
	kept := make([]column.Series, 0, len(order))
	for _, m := range order {
		kept = append(kept, out[m])
	}
	return column.Merge(kept)
}

// checkParam checks the parameter over all steps; done means that nothing is
// chosen at any.
func (a *aggregation) checkParam() (done bool, err error) {
	lowest, highest, nan := a.bounds()
	if a.Op == parser.LIMIT_RATIO {
		switch {
		case highest == 0 && lowest == 0:
			return true, nil
		case nan:
			//lint:ignore ST1005 Prometheus's words
			return false, fmt.Errorf("Ratio value is NaN")
		}
		if highest > 1 {
			a.warn(annotations.NewInvalidRatioWarning(highest, 1, a.ParPos))
		}
		if lowest < -1 {
			a.warn(annotations.NewInvalidRatioWarning(lowest, -1, a.ParPos))
		}
		return false, nil
	}
	switch {
	case highest < 1:
		return true, nil
	case nan:
		//lint:ignore ST1005 Prometheus's words
		return false, fmt.Errorf("Parameter value is NaN")
	case lowest <= math.MinInt64:
		//lint:ignore ST1005 Prometheus's words
		return false, fmt.Errorf("Scalar value %v underflows int64", lowest)
	case highest >= math.MaxInt64:
		//lint:ignore ST1005 Prometheus's words
		return false, fmt.Errorf("Scalar value %v overflows int64", highest)
	}
	return false, nil
}

// pick is a series with its value at a step.
type pick struct {
	index int
	value float64
}

// picks is a heap with the pick that has to go first on top: the smallest, or
// with reverse the largest; NaN goes before anything.
type picks struct {
	list    []pick
	reverse bool
	most    int // of topk and bottomk
}

// worse tells whether the pick on top is worse than a value.
func (p *picks) worse(v float64) bool {
	top := p.list[0].value
	return top < v && !p.reverse || top > v && p.reverse || top != top && v == v
}

func (p *picks) Len() int { return len(p.list) }
func (p *picks) Less(i, j int) bool {
	a, b := p.list[i].value, p.list[j].value
	if a != a {
		return true
	}
	if p.reverse {
		return a > b
	}
	return a < b
}
func (p *picks) Swap(i, j int) { p.list[i], p.list[j] = p.list[j], p.list[i] }
func (p *picks) Push(x any)    { p.list = append(p.list, x.(pick)) }
func (p *picks) Pop() any {
	last := p.list[len(p.list)-1]
	p.list = p.list[:len(p.list)-1]
	return last
}

// some lists the series that limitk and limit_ratio choose at step i, group by group.
func (a *aggregation) some(i int) []int {
	var out []int
	for g := range a.groups {
		if a.Op == parser.LIMITK {
			out = a.first(out, &a.groups[g], i)
		} else {
			out = a.sampled(out, &a.groups[g], i)
		}
	}
	return out
}

// bestAtOnce is how many steps are looked at before the next series, which will have to be waited for.
const bestAtOnce = 64

// best appends the series that topk and bottomk choose at steps [from,to), group by group.
func (a *aggregation) best(chosen [][]int, from, to int) {
	var heaps [bestAtOnce]picks
	for g := range a.groups {
		for j := range heaps {
			heaps[j] = picks{list: heaps[j].list[:0], reverse: a.Op == parser.BOTTOMK}
		}
		for i := from; i < to; i++ {
			heaps[i-from].most = max(0, int(min(int64(a.param[i]), int64(len(a.in)))))
		}
		for _, m := range a.groups[g].members {
			in := &a.in[m]
			for j, v := range in.Values[from:to] {
				h := &heaps[j]
				switch {
				case in.Histogram(from+j) != nil:
					if h.most > 0 {
						a.warn(annotations.NewHistogramIgnoredInAggregationInfo(a.Name, a.Pos))
					}
				case len(h.list) < h.most:
					if !column.IsAbsent(v) {
						h.list = append(h.list, pick{m, v})
						heap.Fix(h, len(h.list)-1) // as heap.Push does, without a piece of memory for each
					}
				case h.most > 0 && h.worse(v) && !column.IsAbsent(v):
					h.list[0] = pick{m, v}
					heap.Fix(h, 0)
				}
			}
		}
		for i := from; i < to; i++ {
			h := &heaps[i-from]
			if len(h.list) > 1 {
				sort.Sort(sort.Reverse(h))
			}
			chosen[i] = slices.Grow(chosen[i], len(h.list))
			for _, p := range h.list {
				chosen[i] = append(chosen[i], p.index)
			}
		}
	}
}

// first chooses the first k series. They come in the order of Prometheus's
// heap, which is by value.
func (a *aggregation) first(out []int, gr *group, i int) []int {
	k := min(int64(a.param[i]), int64(len(a.in)))
	if k < 1 {
		return out
	}
	h := &picks{}
	for _, m := range gr.members {
		in := &a.in[m]
		if !in.Has(i) || int64(len(h.list)) >= k {
			continue
		}
		if len(h.list) == 0 {
			h.list = append(h.list, pick{m, in.Float(i)})
			continue
		}
		heap.Push(h, pick{m, in.Float(i)})
	}
	for _, p := range h.list {
		out = append(out, p.index)
	}
	return out
}

// sampled chooses by a hash of the labels.
func (a *aggregation) sampled(out []int, gr *group, i int) []int {
	ratio := max(-1, min(1, a.param[i]))
	if ratio == 0 {
		return out
	}
	sampler := promql.NewHashRatioSampler()
	h := &picks{}
	for _, m := range gr.members {
		in := &a.in[m]
		if in.Has(i) && sampler.AddRatioSample(ratio, &promql.Sample{Metric: in.Labels, F: in.Float(i)}) {
			heap.Push(h, pick{m, in.Float(i)})
		}
	}
	for _, p := range h.list {
		out = append(out, p.index)
	}
	return out
}

// countValues counts the series of each group that have the same value; the
// value becomes a label.
func (a *aggregation) countValues(label string) ([]column.Series, error) {
	if !model.UTF8Validation.IsValidLabelName(label) {
		return nil, fmt.Errorf("invalid label name %q", label)
	}
	b := labels.NewBuilder(labels.EmptyLabels())
	found := map[uint64]int{}
	var out []column.Series
	var buf []byte
	for i := range a.grid.N {
		for m := range a.in {
			in := &a.in[m]
			if !in.Has(i) {
				continue
			}
			text := ""
			if h := in.Histogram(i); h != nil {
				text = h.String()
			} else {
				text = strconv.FormatFloat(in.Values[i], 'f', -1, 64)
			}
			b.Reset(in.Labels)
			b.Set(label, text)
			l := b.Labels()
			var key uint64
			key, buf = groupKey(a.Aggregate, l, buf)
			at, ok := found[key]
			if !ok {
				at = len(out)
				found[key] = at
				out = append(out, column.New(groupLabels(a.Aggregate, b, l), a.grid.N))
			}
			if column.IsAbsent(out[at].Values[i]) {
				out[at].Values[i] = 0
			}
			out[at].Values[i]++
		}
	}
	return column.Merge(out)
}

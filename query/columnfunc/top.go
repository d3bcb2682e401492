package columnfunc

import (
	"math"
	"slices"
	"sync/atomic"
)

// Sharing calls f for runs of n items that make up all of them, maybe side by side.
type Sharing func(n int, f func(from, to int))

// Alone shares nothing.
func Alone(n int, f func(from, to int)) { f(0, n) }

// Top lists, for each point, the columns with the ks[p] largest values there, or with smallest the smallest; one without a
// value may be left out. Order is of all columns listed, the last one being the first at the last point.
//
// Columns of equal values are in the order they had at the point before, and at first in that of columns. That is: the
// point before decides between them, and so on.
func Top(columns [][]float64, ks []int, smallest bool, share Sharing) (chosen [][]int32, order []int32) {
	r := ranking{columns, smallest}
	chosen = make([][]int32, len(ks))
	var failed atomic.Bool
	share(len(ks), func(from, to int) {
		p := picker{ranking: r, ks: ks, steps: 4 * len(columns) * (to - from)}
		for ; from < to && !failed.Load(); from += pointsAtOnce {
			if !p.pick(chosen, from, min(from+pointsAtOnce, to)) {
				failed.Store(true)
			}
		}
	})
	if failed.Load() {
		return r.sorted(ks)
	}
	listed := make([]bool, len(columns))
	for _, at := range chosen {
		for _, c := range at {
			if !listed[c] {
				listed[c] = true
				order = append(order, c)
			}
		}
	}
	last := len(ks) - 1
	slices.SortFunc(order, func(a, b int32) int { return r.compare(a, b, last, new(int)) })
	return chosen, order
}

// ranking orders columns.
type ranking struct {
	columns  [][]float64
	smallest bool
}

// compare compares two columns at a point, and takes from steps how many it looks at besides.
func (r *ranking) compare(a, b int32, p int, steps *int) int {
	x, y := r.columns[a], r.columns[b]
	for q := p; q >= 0; q-- {
		if d := compare(x[q], y[q], r.smallest); d != 0 {
			*steps -= p - q
			return d
		}
	}
	*steps -= p
	return int(a) - int(b)
}

// sorted is Top by sorting all columns at every point. Where many have the same values for long it is faster than to look
// back for each two of them.
func (r *ranking) sorted(ks []int) (chosen [][]int32, order []int32) {
	chosen = make([][]int32, len(ks))
	order = make([]int32, len(r.columns))
	for i := range order {
		order[i] = int32(i)
	}
	listed := make([]bool, len(order))
	for p, k := range ks {
		slices.SortStableFunc(order, func(a, b int32) int { return compare(r.columns[a][p], r.columns[b][p], r.smallest) })
		for _, c := range order[len(order)-k:] {
			if !math.IsNaN(r.columns[c][p]) {
				chosen[p], listed[c] = append(chosen[p], c), true
			}
		}
	}
	return chosen, slices.DeleteFunc(order, func(c int32) bool { return !listed[c] })
}

// pointsAtOnce is how many points are looked at before the next column, which will have to be waited for.
const pointsAtOnce = 64

// picker picks columns point by point. Of each point it keeps those that are the best so far as a heap with the worst on top.
type picker struct {
	ranking
	ks    []int
	steps int // that may still be made back in time
	p     int
	heap  []int32
}

// pick fills chosen for the points from one to before another; not ok means that too much would have to be looked at.
func (g *picker) pick(chosen [][]int32, from, to int) (ok bool) {
	var worst [pointsAtOnce]float64 // of full heaps; the others take anything
	for j := range worst[:to-from] {
		worst[j] = math.Inf(-1)
		if k := g.ks[from+j]; k > 0 {
			chosen[from+j] = make([]int32, 0, k)
		} else {
			worst[j] = math.NaN()
		}
	}
	for c, values := range g.columns {
		for j, v := range values[from:to] {
			if g.smallest {
				v = -v
			}
			if !(v >= worst[j]) {
				continue
			}
			g.p, g.heap = from+j, chosen[from+j]
			g.offer(int32(c))
			chosen[from+j] = g.heap
			if len(g.heap) == g.ks[from+j] {
				if worst[j] = g.columns[g.heap[0]][g.p]; g.smallest {
					worst[j] = -worst[j]
				}
			}
		}
		if g.steps < 0 {
			return false
		}
	}
	return true
}

// offer takes a column into the heap if it is better than the worst there.
func (g *picker) offer(c int32) {
	if len(g.heap) < g.ks[g.p] {
		g.heap = append(g.heap, c)
		for i := len(g.heap) - 1; i > 0; {
			up := (i - 1) / 2
			if !g.worse(g.heap[i], g.heap[up]) {
				break
			}
			g.heap[i], g.heap[up] = g.heap[up], g.heap[i]
			i = up
		}
		return
	}
	if !g.worse(g.heap[0], c) {
		return
	}
	g.heap[0] = c
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(g.heap) {
			return
		}
		if down+1 < len(g.heap) && g.worse(g.heap[down+1], g.heap[down]) {
			down++
		}
		if !g.worse(g.heap[down], g.heap[i]) {
			return
		}
		g.heap[i], g.heap[down] = g.heap[down], g.heap[i]
		i = down
	}
}

func (g *picker) worse(a, b int32) bool { return g.compare(a, b, g.p, &g.steps) < 0 }

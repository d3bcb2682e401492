package rollup

import "github.com/trefoil-o11y/trefoil/query/column"

// extreme returns the kernel of max_over_time or min_over_time. NaN counts only
// where there is nothing else; of equal values the first is taken.
//
// It keeps a queue of the samples that can still become the extreme of a window:
// a sample leaves it from behind when a better one comes, from the front when
// the window has passed it. So each sample is looked at twice, however long the
// window.
//
//go:noinline
func extreme(largest bool) Kernel {
	return func(dst []float64, ts []int64, vs []float64, w Windows, _ [][]float64) {
		c, absent := cursor{ts: ts}, column.Absent()
		queue, head, next := make([]int32, 0, 64), 0, 0
		for i := range dst {
			end := w.End(i)
			c.seek(end-w.Range, end)
			if c.lo == c.hi {
				dst[i] = absent
				continue
			}
			if next < c.lo {
				queue, head, next = queue[:0], 0, c.lo
			}
			for ; next < c.hi; next++ {
				v := vs[next]
				if v != v {
					continue
				}
				for len(queue) > head {
					last := vs[queue[len(queue)-1]]
					if largest && last >= v || !largest && last <= v {
						break
					}
					queue = queue[:len(queue)-1]
				}
				queue = append(queue, int32(next))
			}
			for head < len(queue) && int(queue[head]) < c.lo {
				head++
			}
			if head == len(queue) {
				queue, head = queue[:0], 0
				dst[i] = vs[c.hi-1]
				continue
			}
			dst[i] = vs[queue[head]]
			if head >= 256 {
				queue, head = queue[:copy(queue, queue[head:])], 0
			}
		}
	}
}

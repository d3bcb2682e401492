package spanset

import "slices"

// join applies an operator to two selections of one trace. Without a prefix a
// structural operator selects the spans of the right side that stand so to one
// of the left; with ! those that stand so to none; with & the spans of both
// sides that stand so to each other.
func (ev *evaluator) join(op string, left, right []int) []int {
	switch op {
	case "&&":
		if len(left) == 0 || len(right) == 0 {
			return nil
		}
		return union(left, right)
	case "||":
		return union(left, right)
	}
	switch op[0] {
	case '!':
		related := ev.trace.related(op[1:], left)
		return keep(right, func(i int) bool { return !related[i] })
	case '&':
		of, back := ev.trace.related(op[1:], left), ev.trace.related(converse(op[1:]), right)
		return union(keep(left, func(i int) bool { return back[i] }), keep(right, func(i int) bool { return of[i] }))
	}
	related := ev.trace.related(op, left)
	return keep(right, func(i int) bool { return related[i] })
}

func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func keep(spans []int, f func(int) bool) (out []int) {
	for _, i := range spans {
		if f(i) {
			out = append(out, i)
		}
	}
	return out
}

func converse(op string) string {
	switch op {
	case ">":
		return "<"
	case ">>":
		return "<<"
	case "<":
		return ">"
	case "<<":
		return ">>"
	}
	return op
}

// related marks the spans that are children (>), descendants (>>), the parent
// (<), ancestors (<<) or siblings (~) of one of the given.
func (t *Trace) related(op string, of []int) []bool {
	given, out := make([]bool, len(t.Spans)), make([]bool, len(t.Spans))
	for _, i := range of {
		given[i] = true
	}
	switch op {
	case ">":
		for i, p := range t.parent {
			out[i] = p >= 0 && given[p]
		}
	case ">>":
		for _, i := range t.order {
			if p := t.parent[i]; p >= 0 {
				out[i] = given[p] || out[p]
			}
		}
	case "<":
		for _, i := range of {
			if p := t.parent[i]; p >= 0 {
				out[p] = true
			}
		}
	case "<<":
		for _, i := range slices.Backward(t.order) {
			if p := t.parent[i]; p >= 0 && (given[i] || out[i]) {
				out[p] = true
			}
		}
	case "~":
		count := map[[8]byte]int{}
		for _, i := range of {
			count[t.Spans[i].Parent]++
		}
		for i := range t.Spans {
			parent := t.Spans[i].Parent
			n := count[parent]
			if given[i] {
				n--
			}
			out[i] = n > 0 && parent != [8]byte{}
		}
	}
	return out
}

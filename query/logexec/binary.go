package logexec

import (
	"fmt"
	"math"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
)

// execution is a query that does not fit the data.
func execution(format string, args ...any) *fault.Error {
	return &fault.Error{Code: fault.Execution, Message: fmt.Sprintf(format, args...)}
}

func isComparison(op string) bool {
	switch op {
	case "==", "!=", ">", ">=", "<", "<=":
		return true
	}
	return false
}

// calculate is op on two numbers; keep is false where a comparison does not hold.
func calculate(op string, a, b float64) (v float64, keep bool) {
	switch op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "/":
		if b == 0 { // no number in LogQL, not an infinite one
			return math.NaN(), true
		}
		return a / b, true
	case "%":
		return math.Mod(a, b), true
	case "^":
		return math.Pow(a, b), true
	case "==":
		return a, a == b
	case "!=":
		return a, a != b
	case ">":
		return a, a > b
	case ">=":
		return a, a >= b
	case "<":
		return a, a < b
	}
	return a, a <= b
}

func binary(e *logql.Binary, left, right *vector, n int) (*vector, error) {
	switch {
	case left.scalar && right.scalar:
		l, r, out := left.series[0], right.series[0], newSeries([]logpipe.Label{}, n)
		for i := range n {
			v, keep := calculate(e.Op, l.Values[i], r.Values[i])
			if isComparison(e.Op) {
				v = float64(b2i(keep))
			}
			out.set(i, v)
		}
		return &vector{series: []*Series{out}, scalar: true}, nil
	case left.scalar || right.scalar:
		return withScalar(e, left, right, n)
	}
	switch e.Op {
	case "and", "or", "unless":
		return setOperation(e, left, right, n), nil
	}
	return match(e, left, right, n)
}

// withScalar applies a number to every sample. A comparison keeps the vector's
// sample, on whichever side it stands.
func withScalar(e *logql.Binary, left, right *vector, n int) (*vector, error) {
	in, number := left, right
	if left.scalar {
		in, number = right, left
	}
	v := &vector{sorted: in.sorted}
	for _, s := range in.series {
		out := newSeries(s.Labels, n)
		for i := range n {
			if !s.Has[i] {
				continue
			}
			a, b := s.Values[i], number.series[0].Values[i]
			if left.scalar {
				a, b = b, a
			}
			r, keep := calculate(e.Op, a, b)
			if isComparison(e.Op) {
				r = s.Values[i]
			}
			if e.Bool {
				r, keep = float64(b2i(keep)), true
			}
			if keep {
				out.set(i, r)
			}
		}
		if !out.empty() {
			v.series = append(v.series, out)
		}
	}
	return v, nil
}

// signature are the labels by which a series is matched.
func signature(labels []logpipe.Label, m *logql.Matching) string {
	if m == nil {
		return key(pick(labels, nil, true))
	}
	return key(pick(labels, m.Labels, !m.On))
}

func setOperation(e *logql.Binary, left, right *vector, n int) *vector {
	other := func(v *vector) map[string][]*Series {
		m := map[string][]*Series{}
		for _, s := range v.series {
			id := signature(s.Labels, e.Matching)
			m[id] = append(m[id], s)
		}
		return m
	}
	has := func(list []*Series, i int) bool {
		return slices.ContainsFunc(list, func(s *Series) bool { return s.Has[i] })
	}
	rights := other(right)
	v := &vector{}
	for _, s := range left.series {
		out := newSeries(s.Labels, n)
		for i := range n {
			if s.Has[i] && (e.Op == "or" || has(rights[signature(s.Labels, e.Matching)], i) == (e.Op == "and")) {
				out.set(i, s.Values[i])
			}
		}
		v.series = append(v.series, out)
	}
	if e.Op == "or" {
		lefts := other(left)
		same := map[string]*Series{}
		for _, s := range v.series {
			same[key(s.Labels)] = s
		}
		for _, s := range right.series {
			out := same[key(s.Labels)]
			if out == nil {
				out = newSeries(s.Labels, n)
				v.series = append(v.series, out)
			}
			for i := range n {
				if s.Has[i] && !has(lefts[signature(s.Labels, e.Matching)], i) {
					out.set(i, s.Values[i])
				}
			}
		}
	}
	v.dropEmpty()
	return v
}

// match joins each sample of one side with the one sample of the other that has
// the same signature.
func match(e *logql.Binary, left, right *vector, n int) (*vector, error) {
	group := ""
	if e.Matching != nil {
		group = e.Matching.Group
	}
	many, one := left, right
	if group == "group_right" {
		many, one = right, left
	}
	ones := map[string][]*Series{}
	for _, s := range one.series {
		id := signature(s.Labels, e.Matching)
		ones[id] = append(ones[id], s)
	}
	out := map[string]*Series{}
	taken := map[string][]bool{} // one to one: signatures already joined, by step
	v := &vector{}
	for _, s := range many.series {
		id := signature(s.Labels, e.Matching)
		for i := range n {
			if !s.Has[i] {
				continue
			}
			partner, err := partnerAt(ones[id], i, group)
			if err != nil {
				return nil, err
			}
			if partner == nil {
				continue
			}
			if group == "" {
				if taken[id] == nil {
					taken[id] = make([]bool, n)
				}
				if taken[id][i] {
					return nil, execution("many series on the left match one on the right; say group_left, or match by more labels")
				}
				taken[id][i] = true
			}
			labels := resultLabels(e, s.Labels, partner.Labels, group)
			a, b := s.Values[i], partner.Values[i]
			if group == "group_right" {
				a, b = b, a
			}
			r, keep := calculate(e.Op, a, b)
			if e.Bool {
				r, keep = float64(b2i(keep)), true
			}
			if !keep {
				continue
			}
			to := out[key(labels)]
			if to == nil {
				to = newSeries(labels, n)
				out[key(labels)] = to
				v.series = append(v.series, to)
			}
			if to.Has[i] {
				return nil, execution("several matches make the labels %s; match by more labels", logpipe.Text(labels))
			}
			to.set(i, r)
		}
	}
	return v, nil
}

func partnerAt(list []*Series, i int, group string) (*Series, error) {
	var found *Series
	for _, s := range list {
		if !s.Has[i] {
			continue
		}
		if found != nil {
			side := "right"
			if group == "group_right" {
				side = "left"
			}
			return nil, execution("two series on the %s match one: %s and %s", side, logpipe.Text(found.Labels), logpipe.Text(s.Labels))
		}
		found = s
	}
	return found, nil
}

func resultLabels(e *logql.Binary, many, one []logpipe.Label, group string) []logpipe.Label {
	m := e.Matching
	if m == nil {
		return many
	}
	if group == "" {
		return pick(many, m.Labels, !m.On)
	}
	out := pick(many, m.Include, true)
	for _, name := range m.Include {
		if v := value(one, name); v != "" {
			out = append(out, logpipe.Label{Name: name, Value: v})
		}
	}
	logpipe.SortLabels(out)
	return out
}

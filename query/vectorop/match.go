package vectorop

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/schema"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// side is the series of one operand with the number of their match group.
type side struct {
	series []column.Series
	group  []int
	of     [][]int // series by group
}

// matched numbers the match groups of both operands.
func (b *binary) matched() (left, right side) {
	names := slices.Clone(b.Matching.MatchingLabels)
	if !b.Matching.On {
		names = append(names, model.MetricNameLabel, model.MetricTypeLabel, model.MetricUnitLabel)
	}
	slices.Sort(names)
	index := map[string]int{}
	var buf []byte
	number := func(all []column.Series) side {
		s := side{series: all, group: make([]int, len(all))}
		for i := range all {
			if b.Matching.On {
				buf = all[i].Labels.BytesWithLabels(buf, names...)
			} else {
				buf = all[i].Labels.BytesWithoutLabels(buf, names...)
			}
			n, ok := index[string(buf)]
			if !ok {
				n = len(index)
				index[string(buf)] = n
			}
			s.group[i] = n
		}
		return s
	}
	left, right = number(b.left), number(b.right)
	for _, s := range []*side{&left, &right} {
		s.of = make([][]int, len(index))
		for i, n := range s.group {
			s.of[n] = append(s.of[n], i)
		}
	}
	return left, right
}

// any tells whether a group has anything at step i.
func (s *side) any(group, i int) bool {
	for _, k := range s.of[group] {
		if s.series[k].Has(i) {
			return true
		}
	}
	return false
}

func (b *binary) vectors() ([]column.Series, error) {
	left, right := b.matched()
	switch b.Op {
	case parser.LAND:
		return column.Merge(column.Compact(left.filter(&right, true)))
	case parser.LUNLESS:
		return column.Merge(column.Compact(left.filter(&right, false)))
	case parser.LOR:
		rest := right.filter(&left, false)
		return column.Merge(column.Compact(append(left.series[:len(left.series):len(left.series)], rest...)))
	}
	return b.join(&left, &right)
}

// filter keeps the cells whose match group has, or has not, something on the
// other side at the same step.
func (s *side) filter(other *side, present bool) []column.Series {
	absent := column.Absent()
	for k := range s.series {
		in, matches := &s.series[k], other.of[s.group[k]]
		if len(matches) == 0 && !present {
			continue
		}
		for i := range in.Values {
			if other.any(s.group[k], i) != present {
				in.Values[i] = absent
				if in.Histograms != nil {
					in.Histograms[i] = nil
				}
			}
		}
	}
	return s.series
}

// join computes an operator between matching series of two vectors.
//
// The "many" side is walked; the other must have at most one series of a match
// group at a step. Which side that is, and so the order of operands, depends on
// the cardinality.
type join struct {
	*binary
	many, one         *side
	swapped           bool // the many side is the right operand
	fillMany, fillOne *float64
	out               []column.Series
	index             map[pair]int
	builder           *labels.Builder
	last              error // the last thing there was to say at the step under way
}

// pair is the series a result is made of, -1 for a filled in one.
type pair struct{ many, one int }

func (b *binary) join(left, right *side) ([]column.Series, error) {
	m := b.Matching
	j := &join{binary: b, many: left, one: right, fillMany: m.FillValues.LHS, fillOne: m.FillValues.RHS,
		index: map[pair]int{}, builder: labels.NewBuilder(labels.EmptyLabels())}
	if m.Card == parser.CardOneToMany {
		j.many, j.one, j.swapped = right, left, true
		j.fillMany, j.fillOne = j.fillOne, j.fillMany
	}
	if m.FillValues.LHS == nil && m.FillValues.RHS == nil && j.simple() {
		return j.columns()
	}
	for i := range b.Grid.N {
		j.last = nil
		if err := j.step(i); err != nil {
			return nil, err
		}
		// Prometheus says one thing a step.
		if err := j.note(j.last); err != nil {
			return nil, err
		}
	}
	return column.Merge(column.Compact(j.out))
}

// simple tells whether no match group can have two series at a step where one
// is allowed, and all are floats: then whole columns are joined.
func (j *join) simple() bool {
	if !(changesMeaning(j.Op) || j.Op.IsComparisonOperator()) {
		return false
	}
	for _, members := range j.one.of {
		if len(members) > 1 {
			return false
		}
	}
	seen := map[uint64]bool{}
	for k := range j.many.series {
		g := j.many.group[k]
		if len(j.one.of[g]) == 0 {
			continue
		}
		if j.many.series[k].Histograms != nil || j.one.series[j.one.of[g][0]].Histograms != nil {
			return false
		}
		if j.Matching.Card == parser.CardOneToOne && len(j.many.of[g]) > 1 {
			return false
		}
		if j.Matching.Card != parser.CardOneToOne {
			hash := j.labels(k, j.one.of[g][0]).Hash()
			if seen[hash] {
				return false
			}
			seen[hash] = true
		}
	}
	return true
}

func (j *join) columns() ([]column.Series, error) {
	var out []column.Series
	absent := column.Absent()
	for k := range j.many.series {
		partners := j.one.of[j.many.group[k]]
		if len(partners) == 0 {
			continue
		}
		s := column.Series{Labels: j.labels(k, partners[0]), DropName: j.Bool, Values: j.many.series[k].Values}
		other := j.one.series[partners[0]].Values
		for i, v := range s.Values {
			w := other[i]
			if column.IsAbsent(v) {
				continue
			}
			if column.IsAbsent(w) {
				s.Values[i] = absent
				continue
			}
			if j.swapped {
				v, w = w, v
			}
			switch {
			case !j.Op.IsComparisonOperator():
				s.Values[i] = arithmetic(j.Op, v, w)
			case j.Bool:
				s.Values[i] = truth(compares(j.Op, v, w))
			case compares(j.Op, v, w):
				s.Values[i] = v
			default:
				s.Values[i] = absent
			}
		}
		out = append(out, s)
	}
	return column.Merge(column.Compact(out))
}

// step joins the cells of one step.
func (j *join) step(i int) error {
	many, one := j.many.present(i), j.one.present(i)
	if (len(many) == 0 && len(one) == 0) || ((len(many) == 0 || len(one) == 0) && j.fillMany == nil && j.fillOne == nil) {
		return nil
	}
	partner := make(map[int]int, len(one))
	for _, k := range one {
		g := j.one.group[k]
		if before, ok := partner[g]; ok {
			return j.duplicate(k, before)
		}
		partner[g] = k
	}
	done := map[int]map[uint64]bool{}
	for _, k := range many {
		g := j.many.group[k]
		p, ok := partner[g]
		if !ok {
			if j.fillOne == nil {
				continue
			}
			p = -1
		}
		if err := j.cell(i, pair{k, p}, g, done); err != nil {
			return err
		}
	}
	if j.fillMany == nil {
		return nil
	}
	for _, k := range one {
		if g := j.one.group[k]; len(done[g]) == 0 {
			if err := j.cell(i, pair{-1, k}, g, done); err != nil {
				return err
			}
		}
	}
	return nil
}

// present lists the series that have something at step i.
func (s *side) present(i int) []int {
	var out []int
	for k := range s.series {
		if s.series[k].Has(i) {
			out = append(out, k)
		}
	}
	return out
}

func (j *join) duplicate(k, before int) error {
	side := "right"
	if j.swapped {
		side = "left"
	}
	l := j.one.series[k].Labels
	return errDuplicate(j.matchLabels(l).String(), side, l.String(), j.one.series[before].Labels.String())
}

// matchLabels is the labels of a match group.
func (j *join) matchLabels(l labels.Labels) labels.Labels {
	names := j.Matching.MatchingLabels
	if !j.Matching.On {
		names = append([]string{model.MetricNameLabel, model.MetricTypeLabel, model.MetricUnitLabel}, names...)
	}
	return l.MatchLabels(j.Matching.On, names...)
}

// cell computes one cell. done holds, by match group, which results it has had
// at this step: each may come once.
func (j *join) cell(i int, p pair, group int, done map[int]map[uint64]bool) error {
	l, lh := j.at(j.many, p.many, i, j.fillMany)
	r, rh := j.at(j.one, p.one, i, j.fillOne)
	if j.swapped {
		l, lh, r, rh = r, rh, l, lh
	}
	c := operate(j.Op, l, r, lh, rh, j.Pos)
	if c.err != nil {
		j.last = c.err
		return nil
	}
	if c.info != nil {
		j.last = c.info
	}
	if j.Bool {
		c.v, c.h = truth(c.keep), nil
	}
	at, ok := j.index[p]
	if !ok {
		at = len(j.out)
		j.index[p] = at
		s := column.New(j.labels(p.many, p.one), j.Grid.N)
		s.DropName = j.Bool
		j.out = append(j.out, s)
	}
	hash := uint64(0)
	if j.Matching.Card != parser.CardOneToOne {
		hash = j.out[at].Labels.Hash()
	}
	if done[group][hash] {
		if j.Matching.Card == parser.CardOneToOne {
			return errManyToOne
		}
		return errNotUnique
	}
	if done[group] == nil {
		done[group] = map[uint64]bool{}
	}
	done[group][hash] = true
	if c.keep || j.Bool {
		j.out[at].Set(i, c.v, c.h)
	}
	return nil
}

// at is the cell of a series, or what fills its place.
func (j *join) at(s *side, k, i int, fill *float64) (float64, *histogram.FloatHistogram) {
	if k < 0 {
		return *fill, nil
	}
	return s.series[k].Float(i), s.series[k].Histogram(i)
}

// labels are those of the result of two series; of a filled in one there are
// the labels of the match group.
func (j *join) labels(many, one int) labels.Labels {
	var m, o labels.Labels
	if one >= 0 {
		o = j.one.series[one].Labels
	}
	if many >= 0 {
		m = j.many.series[many].Labels
	} else {
		m = j.matchLabels(o)
	}
	if one < 0 {
		o = j.matchLabels(m)
	}
	b := j.builder
	b.Reset(m)
	if changesMeaning(j.Op) || (j.Bool && !j.Delayed) {
		schema.Metadata{}.SetToLabels(b)
	}
	if j.Matching.Card == parser.CardOneToOne {
		if j.Matching.On {
			b.Keep(j.Matching.MatchingLabels...)
		} else {
			b.Del(j.Matching.MatchingLabels...)
		}
	}
	for _, name := range j.Matching.Include {
		if v := o.Get(name); v != "" {
			b.Set(name, v)
		} else {
			b.Del(name)
		}
	}
	return b.Labels()
}

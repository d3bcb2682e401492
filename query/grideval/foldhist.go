package grideval

import (
	"errors"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/tally"
)

// foldHistograms folds a group some of whose series have native histograms,
// step by step. sum and avg take floats or histograms, not both; count and
// group take either; the others leave histograms out and say so.
func (a *aggregation) foldHistograms(gr *group, out *column.Series) error {
	step := newStep(a, len(gr.members))
	for i := range a.grid.N {
		floats, histograms := step.load(a, gr, i)
		out.Values[i] = column.Absent()
		if histograms == 0 || a.Op == parser.COUNT || a.Op == parser.GROUP {
			out.Values[i] = step.fold()
			continue
		}
		if a.Op == parser.SUM || a.Op == parser.AVG {
			if err := a.addUp(gr, out, i); err != nil {
				return err
			}
			continue
		}
		a.warn(annotations.NewHistogramIgnoredInAggregationInfo(a.Name, a.ArgPos))
		if floats > 0 {
			out.Values[i] = step.fold()
		}
	}
	return nil
}

// step is one step of a group as a grid of its own.
type step struct {
	aggregation
	group group
	tally tally.Tally
}

func newStep(a *aggregation, members int) *step {
	s := &step{aggregation: aggregation{evaluation: a.evaluation, Aggregate: a.Aggregate, grid: column.Grid{N: 1}}}
	s.in, s.param, s.group.members = make([]column.Series, members), make([]float64, 1), make([]int, members)
	for k := range members {
		s.group.members[k] = k
		s.in[k].Values = make([]float64, 1)
	}
	return s
}

// load takes the floats of step i and counts what there is. To count and group
// a histogram is a value like any other.
func (s *step) load(a *aggregation, gr *group, i int) (floats, histograms int) {
	for k, m := range gr.members {
		in := &a.in[m]
		v := in.Values[i]
		switch {
		case in.Histogram(i) != nil:
			histograms++
			if a.Op == parser.COUNT || a.Op == parser.GROUP {
				v = 1
			}
		case !column.IsAbsent(v):
			floats++
		}
		s.in[k].Values[0] = v
	}
	if a.param != nil {
		s.param[0] = a.param[i]
	}
	return floats, histograms
}

func (s *step) fold() float64 {
	var cell [1]float64
	s.foldFloats(&s.tally, &s.group, cell[:], 0, 1)
	return cell[0]
}

// addUp is sum and avg of a step that has histograms.
func (a *aggregation) addUp(gr *group, out *column.Series, i int) error {
	t := total{op: a.Op, a: a}
	for _, m := range gr.members {
		in := &a.in[m]
		if !in.Has(i) {
			continue
		}
		if err := t.add(in.Histogram(i), in.Labels.Get(model.MetricNameLabel)); err != nil {
			return err
		}
		if t.incompatible {
			break
		}
	}
	switch {
	case t.hasFloat:
		a.warn(annotations.NewMixedFloatsHistogramsAggWarning(a.ArgPos))
	case !t.incompatible:
		out.Set(i, 0, t.result())
		if t.resetSeen && t.noResetSeen {
			a.warn(annotations.NewHistogramCounterResetCollisionWarning(a.ArgPos, annotations.HistogramAgg))
		}
	}
	return nil
}

// total adds up histograms with compensation.
type total struct {
	op                        parser.ItemType
	a                         *aggregation
	sum, comp, mean           *histogram.FloatHistogram
	count                     float64
	started, hasFloat         bool
	incremental, incompatible bool
	resetSeen, noResetSeen    bool
}

// add takes the next sample, nil for a float: a sum that began with a float is
// void, whatever follows.
func (t *total) add(h *histogram.FloatHistogram, name string) error {
	t.count++
	first := !t.started
	t.started = true
	if h == nil {
		t.hasFloat = true
		return nil
	}
	if first {
		t.sum = h.Copy()
		t.note(h)
		return nil
	}
	if t.sum == nil {
		return nil
	}
	t.note(h)
	if t.op == parser.SUM {
		var err error
		var reconciled bool
		t.comp, _, reconciled, err = t.sum.KahanAdd(h, t.comp)
		return t.check(err, reconciled, name)
	}
	return t.average(h, name)
}

func (t *total) average(h *histogram.FloatHistogram, name string) error {
	if !t.incremental {
		v := t.sum.Copy()
		var c *histogram.FloatHistogram
		if t.comp != nil {
			c = t.comp.Copy()
		}
		c, _, reconciled, err := v.KahanAdd(h, c)
		if err != nil {
			return t.check(err, false, name)
		}
		if err := t.check(nil, reconciled, name); err != nil {
			return err
		}
		if !v.HasOverflow() {
			t.sum, t.comp = v, c
			return nil
		}
		t.incremental = true
		t.mean = t.sum.Copy().Div(t.count - 1)
		if t.comp != nil {
			t.comp.Div(t.count - 1)
		}
	}
	q := (t.count - 1) / t.count
	if t.comp != nil {
		t.comp.Mul(q)
	}
	var err error
	var reconciled bool
	t.comp, _, reconciled, err = t.mean.Mul(q).KahanAdd(h.Copy().Div(t.count), t.comp)
	return t.check(err, reconciled, name)
}

func (t *total) note(h *histogram.FloatHistogram) {
	t.resetSeen = t.resetSeen || h.CounterResetHint == histogram.CounterReset
	t.noResetSeen = t.noResetSeen || h.CounterResetHint == histogram.NotCounterReset
}

// check turns what adding said into annotations.
func (t *total) check(err error, reconciled bool, name string) error {
	if err != nil {
		if !errors.Is(err, histogram.ErrHistogramsIncompatibleSchema) {
			return err
		}
		t.a.warn(annotations.NewMixedExponentialCustomHistogramsWarning(name, t.a.ArgPos))
		t.incompatible = true
	}
	if reconciled {
		t.a.warn(annotations.NewMismatchedCustomBucketsHistogramsInfo(t.a.ArgPos, annotations.HistogramAgg))
	}
	return nil
}

func (t *total) result() *histogram.FloatHistogram {
	switch {
	case t.op == parser.SUM:
		if t.comp != nil {
			t.sum, _, _, _ = t.sum.Add(t.comp) // KahanAdd went well, so does this
		}
	case t.incremental:
		t.sum = t.mean
		if t.comp != nil {
			t.sum, _, _, _ = t.mean.Add(t.comp)
		}
	default:
		t.sum.Div(t.count)
		if t.comp != nil {
			t.sum, _, _, _ = t.sum.Add(t.comp.Div(t.count))
		}
	}
	return t.sum.Compact(0)
}

package vectorop

import (
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
)

// Apply computes an operator between two evaluated operands, whose columns it takes over.
func Apply(n *metricplan.Binary, env *metricplan.Env, left, right []column.Series) ([]column.Series, error) {
	b := &binary{Env: env, Binary: n, left: left, right: right}
	switch {
	case n.LeftScalar && n.RightScalar:
		return b.scalars(), nil
	case n.RightScalar:
		return b.withScalar(b.left, right[0].Values, false)
	case n.LeftScalar:
		return b.withScalar(b.right, left[0].Values, true)
	}
	return b.vectors()
}

// binary is one operator under way.
type binary struct {
	*metricplan.Env
	*metricplan.Binary
	left, right []column.Series
}

// changesMeaning tells whether the result of an operator is no longer the
// metric its operand was.
func changesMeaning(op metricplan.Op) bool {
	switch op {
	case parser.ADD, parser.SUB, parser.DIV, parser.MUL, parser.POW, parser.MOD, parser.ATAN2:
		return true
	}
	return false
}

// arithmetic computes an operator that always has a result.
func arithmetic(op metricplan.Op, l, r float64) float64 {
	switch op {
	case parser.ADD:
		return l + r
	case parser.SUB:
		return l - r
	case parser.MUL:
		return l * r
	case parser.DIV:
		return l / r
	case parser.POW:
		return math.Pow(l, r)
	case parser.MOD:
		return math.Mod(l, r)
	default:
		return math.Atan2(l, r)
	}
}

func compares(op metricplan.Op, l, r float64) bool {
	switch op {
	case parser.EQLC:
		return l == r
	case parser.NEQ:
		return l != r
	case parser.GTR:
		return l > r
	case parser.LSS:
		return l < r
	case parser.GTE:
		return l >= r
	default:
		return l <= r
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (b *binary) scalars() []column.Series {
	l, r := b.left[0].Values, b.right[0].Values
	for i := range l {
		if b.Op.IsComparisonOperator() {
			l[i] = truth(compares(b.Op, l[i], r[i]))
		} else {
			l[i] = arithmetic(b.Op, l[i], r[i])
		}
	}
	return b.left[:1]
}

// withScalar applies the operator between each series and a scalar, which is
// the left operand with swapped. A comparison keeps the series' values.
func (b *binary) withScalar(all []column.Series, scalar []float64, swapped bool) ([]column.Series, error) {
	drop := changesMeaning(b.Op) || b.Bool
	unique := !drop || b.Delayed || column.SameName(all)
	b.Share(len(all), func(from, to int) {
		for k := from; k < to; k++ {
			if all[k].Histograms == nil && changesMeaning(b.Op) {
				b.arithmeticColumn(all[k].Values, scalar, swapped)
			} else if all[k].Histograms == nil && b.Op.IsComparisonOperator() {
				b.compareColumn(all[k].Values, scalar, swapped)
			}
		}
	})
	for k := range all {
		s := &all[k]
		if s.Histograms != nil || !(changesMeaning(b.Op) || b.Op.IsComparisonOperator()) {
			if err := b.cells(s, scalar, swapped); err != nil {
				return nil, err
			}
		}
		if drop {
			column.DropName(s, b.Delayed)
		}
	}
	all = column.Compact(all)
	if unique {
		return all, nil
	}
	return column.Merge(all)
}

func (b *binary) arithmeticColumn(vs, scalar []float64, swapped bool) {
	for i, v := range vs {
		switch {
		case column.IsAbsent(v):
		case swapped:
			vs[i] = arithmetic(b.Op, scalar[i], v)
		default:
			vs[i] = arithmetic(b.Op, v, scalar[i])
		}
	}
}

func (b *binary) compareColumn(vs, scalar []float64, swapped bool) {
	absent := column.Absent()
	for i, v := range vs {
		if column.IsAbsent(v) {
			continue
		}
		keep := false
		if swapped {
			keep = compares(b.Op, scalar[i], v)
		} else {
			keep = compares(b.Op, v, scalar[i])
		}
		if b.Bool {
			vs[i] = truth(keep)
		} else if !keep {
			vs[i] = absent
		}
	}
}

// cells is withScalar for a series with histograms.
func (b *binary) cells(s *column.Series, scalar []float64, swapped bool) error {
	for i := range s.Values {
		if !s.Has(i) {
			continue
		}
		l, lh, r, rh := s.Float(i), s.Histogram(i), scalar[i], (*histogram.FloatHistogram)(nil)
		if swapped {
			l, lh, r, rh = r, rh, l, lh
		}
		c := operate(b.Op, l, r, lh, rh, b.Pos)
		if c.err != nil && !errors.Is(c.err, annotations.PromQLWarning) {
			if err := b.note(c.err); err != nil {
				return err
			}
			s.Set(i, column.Absent(), nil)
			continue
		}
		if b.Op.IsComparisonOperator() && swapped {
			c.v, c.h = r, rh
		}
		if b.Bool {
			// Prometheus leaves a histogram where it is.
			c.v = truth(c.keep)
			c.keep = true
		}
		if !c.keep {
			s.Set(i, column.Absent(), nil)
			continue
		}
		s.Set(i, c.v, c.h)
	}
	return nil
}

// note adds what an operator said as an annotation, or returns it as the error
// it is.
func (b *binary) note(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, annotations.PromQLInfo), errors.Is(err, annotations.PromQLWarning):
		b.Warn(err)
		return nil
	case errors.Is(err, histogram.ErrHistogramsIncompatibleSchema):
		b.Warn(annotations.NewIncompatibleBucketLayoutInBinOpWarning(parser.ItemTypeStr[b.Op], b.Pos))
		return nil
	}
	return err
}

// cell is the result of an operator between two cells. keep false filters it
// out; err may come with a result, as a warning.
type cell struct {
	v         float64
	h         *histogram.FloatHistogram
	keep      bool
	info, err error
}

// operate applies an operator to floats and histograms.
func operate(op metricplan.Op, l, r float64, lh, rh *histogram.FloatHistogram, pos posrange.PositionRange) cell {
	switch {
	case lh == nil && rh == nil:
		switch {
		case changesMeaning(op):
			return cell{v: arithmetic(op, l, r), keep: true}
		case op.IsComparisonOperator():
			return cell{v: l, keep: compares(op, l, r)}
		}
		return unfit("float", op, "float", pos)
	case lh == nil:
		if op == parser.MUL {
			return cell{h: rh.Copy().Mul(l).Compact(0), keep: true}
		}
		return unfit("float", op, "histogram", pos)
	case rh == nil:
		switch op {
		case parser.MUL:
			return cell{h: lh.Copy().Mul(r).Compact(0), keep: true}
		case parser.DIV:
			return cell{h: lh.Copy().Div(r).Compact(0), keep: true}
		case parser.TRIM_UPPER, parser.TRIM_LOWER:
			return cell{h: lh.Copy().TrimBuckets(r, op == parser.TRIM_UPPER), keep: true}
		}
		return unfit("histogram", op, "float", pos)
	}
	return histograms(op, lh, rh, pos)
}

func unfit(l string, op metricplan.Op, r string, pos posrange.PositionRange) cell {
	return cell{err: annotations.NewIncompatibleTypesInBinOpInfo(l, parser.ItemTypeStr[op], r, pos)}
}

func histograms(op metricplan.Op, l, r *histogram.FloatHistogram, pos posrange.PositionRange) cell {
	var (
		c                     cell
		collision, reconciled bool
		kind                  = annotations.HistogramAdd
	)
	switch op {
	case parser.EQLC:
		return cell{h: l, keep: l.Equals(r)}
	case parser.NEQ:
		return cell{h: l, keep: !l.Equals(r)}
	case parser.ADD:
		c.h, collision, reconciled, c.err = l.Copy().Add(r)
	case parser.SUB:
		c.h, collision, reconciled, c.err = l.Copy().Sub(r)
		kind = annotations.HistogramSub
	default:
		return unfit("histogram", op, "histogram", pos)
	}
	if c.err != nil {
		return cell{err: c.err}
	}
	if op == parser.SUB {
		c.h.CounterResetHint = histogram.GaugeType
	}
	if collision {
		c.err = annotations.NewHistogramCounterResetCollisionWarning(pos, kind)
	}
	if reconciled {
		c.info = annotations.NewMismatchedCustomBucketsHistogramsInfo(pos, kind)
	}
	c.h, c.keep = c.h.Compact(0), true
	return c
}

var errManyToOne = errors.New("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
var errNotUnique = errors.New("multiple matches for labels: grouping labels must ensure unique matches")

func errDuplicate(match, side, one, other string) error {
	if one > other {
		one, other = other, one
	}
	return fmt.Errorf("found duplicate series for the match group %s on the %s hand-side of the operation: [%s, %s]"+
		";many-to-many matching not allowed: matching labels must be unique on one side", match, side, one, other)
}

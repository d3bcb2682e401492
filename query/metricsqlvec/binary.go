package metricsqlvec

import (
	"math"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/columnfunc"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
)

// Binary is what an operator makes of the series of its two sides, which may be
// rewritten. Errors are *fault.Error.
func Binary(b *metricsql.BinaryOpExpr, left, right []column.Series, env *metricplan.Env) ([]column.Series, error) {
	op := strings.ToLower(b.Op)
	if set, ok := setOperators[op]; ok {
		return set(b, left, right), nil
	}
	if (op == "==" || op == "!=") && (isUnion(b.Left) || isUnion(b.Right)) {
		return oneOf(op, isUnion(b.Left), left, right), nil
	}
	f, ok := columnfunc.Binary(op, b.Bool)
	if !ok {
		return nil, metricsqlparse.BadQuery(b, "operator %q is not known", b.Op)
	}
	if !metricsql.IsBinaryOpCmp(op) {
		left, right = Present(left), Present(right)
	}
	if len(left) == 0 && (b.FillLeft == nil || len(right) == 0) || len(right) == 0 && b.FillRight == nil {
		return nil, nil
	}
	pairs, err := pairUp(b, left, right)
	if err != nil {
		return nil, err
	}
	if err := env.Room(int64(len(pairs) * env.Grid.N)); err != nil {
		return nil, err
	}
	out := make([]column.Series, len(pairs))
	env.Share(len(pairs), func(from, to int) {
		for i, p := range pairs[from:to] {
			values := make([]float64, env.Grid.N)
			for k := range values {
				values[k] = f(filled(p.left, p.right, b.FillLeft, b.FillRight, k))
			}
			out[from+i] = column.Series{Labels: p.labels, Values: values}
		}
	})
	return out, nil
}

// Pointwise tells whether an operator's points can be evaluated apart from each other:
// default fills the gaps of series that have values elsewhere.
func Pointwise(op string) bool { return !strings.EqualFold(op, "default") }

// pair is two series to combine and the labels of the result.
type pair struct {
	labels      labels.Labels
	left, right []float64
}

// filled are the values of two sides at a point; one side's absence is what
// fill_left or fill_right says, that of both stays.
func filled(left, right []float64, fillLeft, fillRight *metricsql.NumberExpr, at int) (x, y float64) {
	x, y = math.NaN(), math.NaN()
	if left != nil {
		x = left[at]
	}
	if right != nil {
		y = right[at]
	}
	switch noX, noY := math.IsNaN(x), math.IsNaN(y); {
	case noX && !noY && fillLeft != nil:
		x = fillLeft.N
	case noY && !noX && fillRight != nil:
		y = fillRight.N
	}
	return x, y
}

// resultName is the labels a result keeps of one side: with the name of the
// metric only if it is a filter, or asked for.
func resultName(b *metricsql.BinaryOpExpr, l labels.Labels) labels.Labels {
	if b.KeepMetricNames || metricsql.IsBinaryOpCmp(b.Op) && !b.Bool {
		return l
	}
	return Without(l, NameLabel)
}

func pairUp(b *metricsql.BinaryOpExpr, left, right []column.Series) ([]pair, error) {
	var out []pair
	if b.GroupModifier.Op == "" && b.JoinModifier.Op == "" {
		switch {
		case IsScalar(left):
			for _, r := range right {
				out = append(out, pair{resultName(b, r.Labels), left[0].Values, r.Values})
			}
			return out, nil
		case IsScalar(right):
			for _, l := range left {
				out = append(out, pair{resultName(b, l.Labels), l.Values, right[0].Values})
			}
			return out, nil
		}
	}
	for _, m := range match(b, left, right) {
		if len(m.left) == 0 && b.FillLeft == nil || len(m.right) == 0 && b.FillRight == nil {
			continue
		}
		var made []pair
		var err error
		switch strings.ToLower(b.JoinModifier.Op) {
		case "group_left":
			made, err = join(b, m.left, m.right, "right", m.labels)
		case "group_right":
			if made, err = join(b, m.right, m.left, "left", m.labels); err == nil {
				for i := range made {
					made[i].left, made[i].right = made[i].right, made[i].left
				}
			}
		default:
			made, err = oneToOne(b, m)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	return out, nil
}

// matched is the series of both sides that have the labels they are matched by
// in common.
type matched struct {
	labels      labels.Labels
	left, right []column.Series
}

// match pairs the groups of both sides, in the order of the left one.
func match(b *metricsql.BinaryOpExpr, left, right []column.Series) []*matched {
	by := matchingLabels(b)
	var out []*matched
	known := map[string]*matched{}
	find := func(g *Group) *matched {
		k := Key(g.Labels)
		if known[k] == nil {
			known[k] = &matched{labels: g.Labels}
			out = append(out, known[k])
		}
		return known[k]
	}
	for _, g := range Groups(left, by) {
		find(g).left = g.Members
	}
	for _, g := range Groups(right, by) {
		find(g).right = g.Members
	}
	return out
}

func matchingLabels(b *metricsql.BinaryOpExpr) func(labels.Labels) labels.Labels {
	names := b.GroupModifier.Args
	if strings.EqualFold(b.GroupModifier.Op, "on") {
		if b.KeepMetricNames {
			names = append(slices.Clone(names), NameLabel)
		}
		return func(l labels.Labels) labels.Labels { return Only(l, names...) }
	}
	if !b.KeepMetricNames {
		names = append(slices.Clone(names), NameLabel)
	}
	return func(l labels.Labels) labels.Labels { return Without(l, names...) }
}

func oneToOne(b *metricsql.BinaryOpExpr, m *matched) ([]pair, error) {
	l, err := single(b, "left", m.left)
	if err != nil {
		return nil, err
	}
	r, err := single(b, "right", m.right)
	if err != nil {
		return nil, err
	}
	var p pair
	switch {
	case l != nil:
		p = pair{labels: narrowed(b, resultName(b, l.Labels)), left: l.Values}
	default:
		p.labels = m.labels
	}
	if r != nil {
		p.right = r.Values
	}
	return []pair{p}, nil
}

// narrowed keeps the labels that a result of one-to-one matching has.
func narrowed(b *metricsql.BinaryOpExpr, l labels.Labels) labels.Labels {
	names := b.GroupModifier.Args
	if !strings.EqualFold(b.GroupModifier.Op, "on") {
		return Without(l, names...)
	}
	if b.KeepMetricNames {
		names = append(slices.Clone(names), NameLabel)
	}
	return Only(l, names...)
}

// single is the only series of a side, nil without. Several become one if their
// values do not overlap.
func single(b *metricsql.BinaryOpExpr, side string, all []column.Series) (*column.Series, error) {
	if len(all) == 0 {
		return nil, nil
	}
	out := all[0]
	for i := len(all) - 1; i > 0; i-- {
		values, ok := Mend(out.Values, all[i].Values)
		if !ok {
			return nil, duplicates(b, side, all[0].Labels, all[i].Labels)
		}
		out.Values = values
	}
	return &out, nil
}

func duplicates(b *metricsql.BinaryOpExpr, side string, x, y labels.Labels) *fault.Error {
	f := metricsqlparse.BadQuery(b, "several series on the %s side match: %s and %s", side, x, y)
	f.Code = fault.Execution
	return f
}

// Mend puts two columns together that overlap in no more than the two points
// for which a series that ended is still seen.
func Mend(into, from []float64) ([]float64, bool) {
	if len(into) <= 2 {
		return nil, false
	}
	overlap := 0
	out := slices.Clone(into)
	for i, v := range from {
		if math.IsNaN(v) {
			continue
		}
		if !math.IsNaN(into[i]) {
			overlap++
		}
		out[i] = v
	}
	return out, overlap <= 2
}

// join pairs many series with one each, whose labels they get as asked.
func join(b *metricsql.BinaryOpExpr, many, one []column.Series, oneSide string, common labels.Labels) ([]pair, error) {
	if len(many) == 0 {
		many = []column.Series{{Labels: common}}
	}
	if len(one) == 0 {
		one = []column.Series{{Labels: common}}
	}
	var out []pair
	for _, m := range many {
		name := resultName(b, m.Labels)
		made := map[string]int{}
		for _, o := range one {
			l := joined(b, name, o.Labels)
			k := Key(l)
			at, twice := made[k]
			if !twice {
				made[k] = len(out)
				out = append(out, pair{l, m.Values, o.Values})
				continue
			}
			values, ok := Mend(out[at].right, o.Values)
			if !ok {
				return nil, duplicates(b, oneSide, one[0].Labels, o.Labels)
			}
			out[at].right = values
		}
	}
	return out, nil
}

// joined adds labels of the one side: those named, or with * all of them.
func joined(b *metricsql.BinaryOpExpr, many, one labels.Labels) labels.Labels {
	prefix := ""
	if b.JoinModifierPrefix != nil {
		prefix = b.JoinModifierPrefix.S
	}
	var skip []string
	if strings.EqualFold(b.GroupModifier.Op, "on") {
		skip = b.GroupModifier.Args
	}
	out := labels.NewBuilder(many)
	names := b.JoinModifier.Args
	if len(names) == 1 && names[0] == "*" {
		one.Range(func(l labels.Label) {
			if l.Name != NameLabel && !slices.Contains(skip, l.Name) {
				out.Set(prefix+l.Name, l.Value)
			}
		})
		return out.Labels()
	}
	for _, name := range names {
		switch v := one.Get(name); {
		case slices.Contains(skip, name):
		case name == NameLabel:
			out.Set(name, v)
		case v == "":
			out.Del(name)
		default:
			out.Set(prefix+name, v)
		}
	}
	return out.Labels()
}

func isUnion(e metricsql.Expr) bool {
	f, ok := e.(*metricsql.FuncExpr)
	return ok && (f.Name == "" || strings.EqualFold(f.Name, "union"))
}

// oneOf keeps the values that are, or are not, among those of a union.
func oneOf(op string, unionIsLeft bool, left, right []column.Series) []column.Series {
	if unionIsLeft {
		left, right = right, left
	}
	if len(left) == 0 || len(right) == 0 && op == "==" {
		return nil
	}
	for _, l := range left {
		for p, v := range l.Values {
			found := slices.ContainsFunc(right, func(r column.Series) bool { return r.Values[p] == v })
			if found != (op == "==") {
				l.Values[p] = math.NaN()
			}
		}
	}
	return left
}

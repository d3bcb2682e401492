package spelling

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Names are the labels that a query spells in another way than Prometheus: by
// Prometheus's spelling, the query's. nil is none.
type Names map[string]string

// Unify finds the spellings of an expression and makes it use one for each label:
// of several the first that is not Prometheus's. A name that a function makes,
// label_replace's first for one, stays as it is, and so does every other name that
// is spelled like it.
func Unify(expr parser.Expr) Names {
	var n Names
	made := map[string]bool{}
	each(expr, func(name *string, makes bool) {
		n.add(*name)
		if makes {
			made[*name] = true
		}
	})
	if n == nil {
		return nil
	}
	each(expr, func(name *string, _ bool) {
		if to, ok := n[LabelName(*name)]; ok && !made[*name] {
			*name = to
		}
	})
	return n
}

// OfMatchers finds the spellings of matchers and of further names.
func OfMatchers(sets [][]*labels.Matcher, names ...string) Names {
	var n Names
	for _, set := range sets {
		for _, m := range set {
			n.add(m.Name)
		}
	}
	for _, name := range names {
		n.add(name)
	}
	return n
}

func (n *Names) add(name string) {
	if model.LegacyValidation.IsValidLabelName(name) {
		return
	}
	own := LabelName(name)
	if own == "" {
		return
	}
	if *n == nil {
		*n = Names{}
	}
	if _, ok := (*n)[own]; !ok {
		(*n)[own] = name
	}
}

// Apply gives labels that are in Prometheus's spelling the query's.
func (n Names) Apply(l labels.Labels) labels.Labels {
	var b *labels.Builder
	for own, name := range n {
		if v := l.Get(own); v != "" && !l.Has(name) {
			if b == nil {
				b = labels.NewBuilder(l)
			}
			b.Del(own).Set(name, v)
		}
	}
	if b == nil {
		return l
	}
	return b.Labels()
}

// Key tells names apart.
func (n Names) Key() string { return strings.Join(slices.Sorted(maps.Values(n)), "\xff") }

// each visits the label names of an expression, which may be changed. makes says
// that it names a label of what comes out.
func each(expr parser.Expr, visit func(name *string, makes bool)) {
	uses := func(names []string) {
		for i := range names {
			visit(&names[i], false)
		}
	}
	literal := func(e parser.Expr, makes bool) {
		if lit, ok := e.(*parser.StringLiteral); ok && lit.Val != "" {
			visit(&lit.Val, makes)
		}
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel {
					visit(&m.Name, false)
				}
			}
		case *parser.AggregateExpr:
			uses(n.Grouping)
			if n.Op == parser.COUNT_VALUES {
				literal(n.Param, true)
			}
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				uses(n.VectorMatching.MatchingLabels)
				uses(n.VectorMatching.Include)
			}
		case *parser.Call:
			reads, makes := labelArgs(n.Func.Name)
			for i, arg := range n.Args {
				if i == makes || reads.from <= i && i < reads.to {
					literal(arg, i == makes)
				}
			}
		}
		return nil
	})
}

// args are the arguments of a function from one on, up to another.
type args struct{ from, to int }

// labelArgs are the arguments of a function that name labels it reads, and the one
// that names a label it makes; -1 is none.
func labelArgs(function string) (reads args, makes int) {
	switch function {
	case "label_replace":
		return args{3, 4}, 1
	case "label_join":
		return args{3, math.MaxInt}, 1
	case "sort_by_label", "sort_by_label_desc":
		return args{1, math.MaxInt}, -1
	case "histogram_quantiles":
		return args{}, 1
	}
	return args{}, -1
}

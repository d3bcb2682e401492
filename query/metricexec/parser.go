package metricexec

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Parser is Prometheus's parser with one addition: label names of expressions
// and selectors are normalised with LabelName, so that `by ("http.method")` and
// `by (http_method)` mean the same label.
type Parser struct{ parser.Parser }

// NewParser returns a parser of PromQL as Prometheus ships it, with the features
// that are on.
func NewParser(f Features) Parser { return Parser{parser.NewParser(f.parser())} }

// ParseExpr parses and normalises an expression. An error is parser.ParseErrors
// and carries positions in the input as written.
func (p Parser) ParseExpr(input string) (parser.Expr, error) {
	expr, err := p.Parser.ParseExpr(input)
	if err != nil {
		return nil, err
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		normalise(node)
		return nil
	})
	return expr, nil
}

// ParseMetricSelector parses and normalises a selector.
func (p Parser) ParseMetricSelector(input string) ([]*labels.Matcher, error) {
	matchers, err := p.Parser.ParseMetricSelector(input)
	if err != nil {
		return nil, err
	}
	normaliseMatchers(matchers)
	return matchers, nil
}

// ParseMetricSelectors parses and normalises several selectors.
func (p Parser) ParseMetricSelectors(inputs []string) ([][]*labels.Matcher, error) {
	sets, err := p.Parser.ParseMetricSelectors(inputs)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		normaliseMatchers(set)
	}
	return sets, nil
}

func normalise(node parser.Node) {
	switch n := node.(type) {
	case *parser.VectorSelector:
		normaliseMatchers(n.LabelMatchers)
	case *parser.AggregateExpr:
		normaliseNames(n.Grouping)
		if n.Op == parser.COUNT_VALUES {
			normaliseLiteral(n.Param)
		}
	case *parser.BinaryExpr:
		if n.VectorMatching != nil {
			normaliseNames(n.VectorMatching.MatchingLabels)
			normaliseNames(n.VectorMatching.Include)
		}
	case *parser.Call:
		switch n.Func.Name {
		case "label_replace":
			normaliseArgs(n.Args, 1, 3)
		case "label_join":
			normaliseArgs(n.Args, 1)
			for i := 3; i < len(n.Args); i++ {
				normaliseLiteral(n.Args[i])
			}
		case "sort_by_label", "sort_by_label_desc":
			for i := 1; i < len(n.Args); i++ {
				normaliseLiteral(n.Args[i])
			}
		}
	}
}

func normaliseMatchers(matchers []*labels.Matcher) {
	for _, m := range matchers {
		m.Name = normalName(m.Name)
	}
}

func normaliseNames(names []string) {
	for i, name := range names {
		names[i] = normalName(name)
	}
}

func normaliseArgs(args parser.Expressions, indexes ...int) {
	for _, i := range indexes {
		if i < len(args) {
			normaliseLiteral(args[i])
		}
	}
}

func normaliseLiteral(e parser.Expr) {
	if lit, ok := e.(*parser.StringLiteral); ok && lit.Val != "" {
		lit.Val = normalName(lit.Val)
	}
}

// normalName leaves __name__ and names that cannot be translated alone; the
// latter then match no label, as an unknown name should.
func normalName(name string) string {
	if name == model.MetricNameLabel {
		return name
	}
	if n := LabelName(name); n != "" {
		return n
	}
	return name
}

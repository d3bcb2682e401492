package logql

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/timetext"
)

// rangeOp is what the grammar knows of an aggregation of records.
type rangeOp struct {
	unwrap   int // 1 needs unwrap, 0 may have it, -1 may not
	grouping bool
	param    bool
}

func rangeOpOf(name string) (rangeOp, bool) {
	switch name {
	case "rate", "absent_over_time":
		return rangeOp{}, true
	case "count_over_time", "bytes_rate", "bytes_over_time":
		return rangeOp{unwrap: -1}, true
	case "rate_counter", "sum_over_time":
		return rangeOp{unwrap: 1}, true
	case "avg_over_time", "max_over_time", "min_over_time", "stdvar_over_time", "stddev_over_time", "first_over_time", "last_over_time":
		return rangeOp{unwrap: 1, grouping: true}, true
	case "quantile_over_time":
		return rangeOp{unwrap: 1, grouping: true, param: true}, true
	}
	return rangeOp{}, false
}

func isAggregation(name string) (param, ok bool) {
	switch name {
	case "sum", "avg", "min", "max", "count", "stddev", "stdvar", "sort", "sort_desc":
		return false, true
	case "topk", "bottomk", "approx_topk":
		return true, true
	}
	return false, false
}

// call reads a function of samples.
func (p *parser) call() Metric {
	t := p.peek()
	if op, ok := rangeOpOf(t.text); ok {
		return p.rangeAggregation(op)
	}
	if param, ok := isAggregation(t.text); ok {
		return p.aggregation(param)
	}
	switch t.text {
	case "vector":
		p.next()
		p.expect("(")
		v := &Vector{p.number()}
		p.expect(")")
		return v
	case "label_replace":
		return p.labelReplace()
	}
	p.fail(t, "unknown function %s", t)
	return nil
}

func (p *parser) number() float64 {
	negative := false
	if p.sign("-") || p.sign("+") {
		negative = p.next().text == "-"
	}
	t := p.peek()
	f, err := parseFloat(t.text)
	if t.kind != tokenLiteral && !strings.EqualFold(t.text, "inf") && !strings.EqualFold(t.text, "nan") {
		p.want("a number")
	}
	if err != nil {
		p.fail(t, "%s is not a number", t)
	}
	p.next()
	if negative {
		return -f
	}
	return f
}

func parseFloat(s string) (float64, error) {
	if strings.Contains(s, "_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

func (p *parser) rangeAggregation(op rangeOp) *Range {
	defer p.deeper()()
	t := p.next()
	r := &Range{Op: t.text, OffsetInText: t.offset}
	p.expect("(")
	if op.param {
		at := p.peek()
		if r.Param = p.number(); !(r.Param >= 0) {
			p.fail(at, "%s wants a quantile from 0 to 1", r.Op)
		}
		p.expect(",")
	}
	p.logRange(r, 0)
	p.expect(")")
	if g := p.peek(); p.word("by") || p.word("without") {
		r.Grouping = p.grouping()
		if !op.grouping {
			p.fail(g, "grouping is not allowed for %s; write sum by (…) (%s(…)) instead", r.Op, r.Op)
		}
	}
	switch {
	case op.unwrap > 0 && r.Unwrap == nil:
		p.fail(t, "%s aggregates numbers: its pipeline needs | unwrap LABEL", r.Op)
	case op.unwrap < 0 && r.Unwrap != nil:
		p.fail(t, "invalid aggregation %s with unwrap", r.Op)
	}
	return r
}

// logRange reads lines and a range, which stands behind the selector or behind
// the pipeline, in parentheses or not.
func (p *parser) logRange(r *Range, depth int) {
	if p.sign("(") {
		defer p.deeper()()
		p.next()
		p.logRange(r, depth+1)
		p.expect(")")
	} else {
		if !p.sign("{") {
			p.want("a selector such as {app=\"shop\"}")
		}
		r.Log = &Log{Matchers: p.matchers()}
	}
	p.rangeTail(r)
	if depth == 0 && r.Window == 0 {
		p.want("a range such as [5m]")
	}
}

// rangeTail reads stages, an unwrap, a range and an offset, in the orders that
// are allowed.
func (p *parser) rangeTail(r *Range) {
	for {
		switch {
		case p.sign("["):
			if r.Window != 0 {
				p.want("one range, not two")
			}
			r.Window = p.window()
			if p.take(tokenName, "offset") {
				negative := p.take(tokenSign, "-")
				if r.Offset = p.span(); negative {
					r.Offset = -r.Offset
				}
			}
		case p.sign("|") && p.tokens[p.pos+1].text == "unwrap":
			if r.Unwrap != nil {
				p.want("one unwrap, not two")
			}
			p.next()
			r.Unwrap = p.unwrap()
		case p.atStage():
			at := p.peek()
			s := p.stage()
			if r.Unwrap == nil {
				r.Log.Stages = append(r.Log.Stages, s)
				continue
			}
			f, ok := s.(*LabelFilter)
			if !ok {
				p.fail(at, "behind unwrap only label filters may stand")
			}
			r.AfterUnwrap = append(r.AfterUnwrap, f)
		default:
			return
		}
	}
}

func (p *parser) window() time.Duration {
	p.expect("[")
	t := p.peek()
	d := p.span()
	if d <= 0 {
		p.fail(t, "a range has to be longer than nothing")
	}
	p.expect("]")
	return d
}

// span reads a duration.
func (p *parser) span() time.Duration {
	t := p.peek()
	if t.kind != tokenLiteral {
		p.want("a duration such as 5m")
	}
	d, err := timetext.Span(t.text)
	if err != nil {
		p.fail(t, "%v", err)
	}
	p.next()
	return d
}

func (p *parser) unwrap() *Unwrap {
	p.next()
	u := &Unwrap{Label: p.name("a label")}
	if !p.sign("(") {
		return u
	}
	t := p.tokens[p.pos-1]
	if !slices.Contains([]string{"bytes", "duration", "duration_seconds"}, u.Label) {
		p.fail(t, "%s is none of the conversions bytes, duration, duration_seconds", t)
	}
	u.Convert = u.Label
	p.next()
	u.Label = p.name("a label")
	p.expect(")")
	return u
}

func (p *parser) grouping() *Grouping {
	return &Grouping{Without: p.next().text == "without", Labels: p.names()}
}

func (p *parser) aggregation(param bool) *Aggregation {
	defer p.deeper()()
	t := p.next()
	a := &Aggregation{Op: t.text}
	if p.word("by") || p.word("without") {
		a.Grouping = p.grouping()
	}
	p.expect("(")
	if param {
		at := p.peek()
		if a.Param = p.number(); a.Param < 1 || a.Param != float64(int(a.Param)) {
			p.fail(at, "%s wants a whole number from 1 on", a.Op)
		}
		p.expect(",")
	}
	at := p.peek()
	inner, ok := p.expression(0).(Metric)
	if !ok {
		p.fail(at, "%s aggregates samples, not lines; count them first, as in count_over_time(…[5m])", a.Op)
	}
	if _, number := inner.(*Number); number {
		p.fail(at, "%s aggregates a vector, not a number", a.Op)
	}
	a.Inner = inner
	p.expect(")")
	if a.Grouping == nil && (p.word("by") || p.word("without")) {
		a.Grouping = p.grouping()
	}
	if a.Grouping != nil && (strings.HasPrefix(a.Op, "sort") || a.Op == "approx_topk") {
		p.fail(t, "grouping is not allowed for %s", a.Op)
	}
	return a
}

func (p *parser) labelReplace() *LabelReplace {
	defer p.deeper()()
	p.next()
	p.expect("(")
	at := p.peek()
	inner, ok := p.expression(0).(Metric)
	if _, number := inner.(*Number); !ok || number {
		p.fail(at, "label_replace takes a vector")
	}
	l := &LabelReplace{Inner: inner}
	for i, field := range []*string{&l.Dst, &l.Replacement, &l.Src, &l.Pattern} {
		p.expect(",")
		*field = p.text([]string{"the label to set", "the replacement", "the label to read", "a regular expression"}[i] + ", quoted")
	}
	t := p.tokens[p.pos-1]
	p.checkRegexp(t, l.Pattern)
	if l.Dst == "" {
		p.fail(t, "label_replace: the label to set has no name")
	}
	p.expect(")")
	return l
}

func (p *parser) checkRegexp(at token, pattern string) *regexp.Regexp {
	re, err := regexp.Compile(pattern)
	if err != nil {
		p.fail(at, "%v", err)
	}
	return re
}

package traceql

import (
	"slices"
	"strings"
)

var metricsFunctions = []string{
	"rate", "count_over_time", "min_over_time", "max_over_time", "avg_over_time", "sum_over_time",
	"quantile_over_time", "histogram_over_time", "compare",
}

// defaultTopN is how many values of an attribute compare returns.
const defaultTopN = 10

// maxTopN bounds it, and topk.
const maxTopN = 10_000

func (p *parser) metrics() *Metrics {
	t := p.next()
	m := &Metrics{Op: t.text}
	p.expect("(")
	switch {
	case m.Op == "rate" || m.Op == "count_over_time":
	case m.Op == "compare":
		m.Compare = p.comparison()
	default:
		f := p.field()
		m.Arg = &f
		for m.Op == "quantile_over_time" && p.accept(",") {
			v := p.next()
			q, ok := v.value.Number()
			if !ok || v.value.Type == TypeDuration || q < 0 || q > 1 {
				p.fail(v.at, "a quantile is a number from 0 to 1")
			}
			m.Quantiles = append(m.Quantiles, q)
		}
		if m.Op == "quantile_over_time" && len(m.Quantiles) == 0 {
			p.fail(p.peek().at, "quantile_over_time needs quantiles, as in quantile_over_time(duration, .5, .99)")
		}
	}
	p.expect(")")
	if p.isCall("by") {
		by := p.next()
		p.expect("(")
		m.By = p.fields()
		p.expect(")")
		if m.Op == "compare" {
			p.fail(by.at, "compare() takes no by(): it compares every attribute")
		}
	}
	return m
}

// comparison reads the arguments of compare: { selection }, topN, start, end.
func (p *parser) comparison() *Comparison {
	c := &Comparison{Selection: p.filter(), TopN: defaultTopN}
	var numbers []int64
	for p.accept(",") {
		v := p.next()
		if v.value.Type != TypeInt || v.value.Int < 0 || len(numbers) == 0 && (v.value.Int < 1 || v.value.Int > maxTopN) {
			p.fail(v.at, "compare() takes a filter, a number of values and two times in Unix nanoseconds, as in compare({ status = error }, 10)")
		}
		numbers = append(numbers, v.value.Int)
	}
	switch len(numbers) {
	case 3:
		c.Start, c.End = numbers[1], numbers[2]
		if c.End < c.Start {
			p.fail(p.peek().at, "compare() ends before it starts")
		}
		fallthrough
	case 1:
		c.TopN = int(numbers[0])
	case 0:
	default:
		p.fail(p.peek().at, "compare() takes both times or none")
	}
	return c
}

// metricsStages reads what follows a metrics function.
func (p *parser) metricsStages() (list []MetricsStage) {
	for p.err == nil {
		switch {
		case p.isOneOf("=", "!=", ">", ">=", "<", "<="):
			op := p.next().text
			minus := p.accept("-")
			v := p.next()
			if minus {
				v.value, _ = Negated(v.value)
			}
			if v.kind != tokenValue || !v.value.Type.Numeric() {
				p.fail(v.at, "series are compared with a number")
			}
			list = append(list, MetricsStage{Op: op, Value: v.value})
		case p.accept("|"):
			if !p.isCall("topk", "bottomk") {
				p.unexpected("topk(n) or bottomk(n)")
				return nil
			}
			op := p.next().text
			p.expect("(")
			v := p.next()
			if v.value.Type != TypeInt || v.value.Int < 1 || v.value.Int > maxTopN {
				p.fail(v.at, "%s takes a number of series, from 1 to %d", op, maxTopN)
			}
			p.expect(")")
			list = append(list, MetricsStage{Op: op, Limit: int(v.value.Int)})
		default:
			return list
		}
	}
	return list
}

// hints that are known; others are a mistake, since one that is misspelt would
// do nothing.
var knownHints = []string{"most_recent", "exemplars", "sample", "range", "span_sample", "trace_sample", "job_size", "new", "dedupe", "debug_data_factor", "debug_timeout", "jobs", "job_interval", "time_overlap_cutoff", "concurrent_blocks", "minInfo", "skip_optimization"}

func isKnownHint(key string) bool { return slices.Contains(knownHints, strings.TrimSpace(key)) }

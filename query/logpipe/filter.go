package logpipe

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
)

// CompileMatcher makes a test of a matcher's operator and value.
func CompileMatcher(op logql.MatchOp, value string) (func(text string) bool, error) {
	switch op {
	case logql.Equal:
		return func(s string) bool { return s == value }, nil
	case logql.NotEqual:
		return func(s string) bool { return s != value }, nil
	}
	re, err := regexp.Compile(attrcol.Anchored(value))
	if err != nil {
		return nil, err
	}
	return func(s string) bool { return re.MatchString(s) == (op == logql.Regexp) }, nil
}

func compileLineFilter(f *logql.LineFilter) (step, error) {
	tests := make([]func(line string) bool, len(f.Texts))
	for i, t := range f.Texts {
		var err error
		if tests[i], err = lineTest(f.Op, t); err != nil {
			return nil, err
		}
	}
	negative := f.Op.Negative()
	return func(p *Pipeline) bool {
		for _, test := range tests {
			if test(p.line) {
				return !negative
			}
		}
		return negative
	}, nil
}

func lineTest(op logql.LineOp, t logql.LineText) (func(line string) bool, error) {
	switch {
	case t.IP:
		a, err := logline.ParseAddresses(t.Text)
		return a.In, err
	case op == logql.Contains || op == logql.NotContains:
		return func(line string) bool { return strings.Contains(line, t.Text) }, nil
	case op == logql.Like || op == logql.NotLike:
		like, err := logline.ParseLike(t.Text)
		if err != nil {
			return nil, err
		}
		return like.Match, nil
	}
	re, err := regexp.Compile("(?s:" + t.Text + ")")
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}

func compileCond(c logql.Cond) (func(*Labels) bool, error) {
	switch c := c.(type) {
	case *logql.And:
		left, err := compileCond(c.Left)
		if err != nil {
			return nil, err
		}
		right, err := compileCond(c.Right)
		return func(l *Labels) bool { a := left(l); b := right(l); return a && b }, err
	case *logql.Or:
		left, err := compileCond(c.Left)
		if err != nil {
			return nil, err
		}
		right, err := compileCond(c.Right)
		return func(l *Labels) bool { return left(l) || right(l) }, err
	case *logql.Compare:
		return compileCompare(c)
	}
	return nil, fmt.Errorf("unknown condition %T", c)
}

func compileCompare(c *logql.Compare) (func(*Labels) bool, error) {
	switch c.Kind {
	case logql.Text:
		test, err := CompileMatcher(logql.MatchOp(c.Op), c.Text)
		return func(l *Labels) bool { v, _ := l.Get(c.Name); return test(v) }, err
	case logql.IP:
		a, err := logline.ParseAddresses(c.Text)
		return func(l *Labels) bool {
			if l.kind != "" {
				return true
			}
			v, ok := l.Get(c.Name)
			return ok && a.In(v) == (c.Op == "=")
		}, err
	}
	convert := converter(c.Kind)
	holds := numberTest(c.Op, c.Number)
	return func(l *Labels) bool {
		if c.Name == ErrorLabel || c.Name == DetailsLabel {
			return false
		}
		text, ok := l.Get(c.Name)
		if !ok {
			return false
		}
		v, err := convert(text)
		if err != nil {
			l.fail(filterError, err.Error())
			return true
		}
		return holds(v)
	}, nil
}

func converter(k logql.ValueKind) func(string) (float64, error) {
	switch k {
	case logql.Duration:
		return func(s string) (float64, error) {
			d, err := time.ParseDuration(s)
			return d.Seconds(), err
		}
	case logql.Bytes:
		return logline.ParseBytes
	}
	return func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }
}

func numberTest(op string, n float64) func(float64) bool {
	switch op {
	case "==":
		return func(v float64) bool { return v == n }
	case "!=":
		return func(v float64) bool { return v != n }
	case ">":
		return func(v float64) bool { return v > n }
	case ">=":
		return func(v float64) bool { return v >= n }
	case "<":
		return func(v float64) bool { return v < n }
	}
	return func(v float64) bool { return v <= n }
}

package metricsqlfunc

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/trefoil-o11y/trefoil/query/column"
)

// sorts order series.
func sorts() map[string]transformFunc {
	return map[string]transformFunc{
		"sort":                       func(c *Call) ([]column.Series, error) { return c.sortByValue(1) },
		"sort_desc":                  func(c *Call) ([]column.Series, error) { return c.sortByValue(-1) },
		"sort_by_label":              func(c *Call) ([]column.Series, error) { return c.sortByLabel(1, strings.Compare) },
		"sort_by_label_desc":         func(c *Call) ([]column.Series, error) { return c.sortByLabel(-1, strings.Compare) },
		"sort_by_label_numeric":      func(c *Call) ([]column.Series, error) { return c.sortByLabel(1, compareNumeric) },
		"sort_by_label_numeric_desc": func(c *Call) ([]column.Series, error) { return c.sortByLabel(-1, compareNumeric) },
	}
}

// Ordered is whether the order of an expression's series is part of its answer.
func Ordered(e metricsql.Expr) bool {
	switch e := e.(type) {
	case *metricsql.FuncExpr:
		name := strings.ToLower(e.Name)
		return name == "limit_offset" || name == "sort" || strings.HasPrefix(name, "sort_")
	case *metricsql.AggrFuncExpr:
		name := strings.ToLower(e.Name)
		return strings.HasPrefix(name, "topk") || strings.HasPrefix(name, "bottomk") || name == "outliersk"
	case *metricsql.BinaryOpExpr:
		return strings.EqualFold(e.Op, "or")
	}
	return false
}

// sortByValue compares the last points at which values differ.
func (c *Call) sortByValue(sign int) ([]column.Series, error) {
	found, err := c.same(1)
	slices.SortStableFunc(found, func(a, b column.Series) int {
		for p := len(a.Values) - 1; p >= 0; p-- {
			x, y := a.Values[p], b.Values[p]
			switch noX, noY := math.IsNaN(x), math.IsNaN(y); {
			case noX && noY || x == y:
				continue
			case noX:
				return -1
			case noY:
				return 1
			}
			return sign * cmp.Compare(x, y)
		}
		return 0
	})
	return found, err
}

func (c *Call) sortByLabel(sign int, compare func(a, b string) int) ([]column.Series, error) {
	if err := c.Count(2, math.MaxInt); err != nil {
		return nil, err
	}
	names, err := c.texts(1)
	if err != nil {
		return nil, err
	}
	found, err := c.series(0)
	slices.SortStableFunc(found, func(a, b column.Series) int {
		for _, name := range names {
			if d := compare(a.Labels.Get(name), b.Labels.Get(name)); d != 0 {
				return sign * d
			}
		}
		return 0
	})
	return found, err
}

// compareNumeric compares the numbers in texts as numbers, and what is between
// them as text. A number comes before a text.
func compareNumeric(a, b string) int {
	for a != "" && b != "" {
		x, restA := number(a)
		y, restB := number(b)
		switch {
		case x != "" && y == "":
			return -1
		case x == "" && y != "":
			return 1
		case x != "":
			u, _ := strconv.ParseFloat(x, 64)
			v, _ := strconv.ParseFloat(y, 64)
			if d := cmp.Compare(u, v); d != 0 {
				return d
			}
		}
		x, a = word(restA)
		y, b = word(restB)
		if d := strings.Compare(x, y); d != 0 {
			return d
		}
	}
	return cmp.Compare(len(a), len(b))
}

// number splits off the number that a text starts with.
func number(s string) (n, rest string) {
	i, digits, dot := 0, false, false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		i++
	}
	for ; i < len(s); i++ {
		if s[i] == '.' && !dot {
			dot = true
			continue
		}
		if !isDigit(s[i]) {
			break
		}
		digits = true
	}
	if !digits {
		return "", s
	}
	return s[:i], s[i:]
}

// word splits off what comes before the next digit.
func word(s string) (w, rest string) {
	i := 0
	for i < len(s) && !isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

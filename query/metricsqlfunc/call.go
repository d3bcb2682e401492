package metricsqlfunc

import (
	"math"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/columnfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
)

// Call is a call of a function on a grid, with evaluated arguments.
type Call struct {
	*metricsql.FuncExpr
	column.Grid
	Now time.Time
	// Given are the series of each argument, which may be rewritten; a text has none.
	Given [][]column.Series
	// Account is told how many columns a function is going to make, and refuses too
	// many of them.
	Account func(columns int) error
	// Share has work on many items done side by side.
	Share columnfunc.Sharing
}

// Count checks how many arguments there are.
func (c *Call) Count(least, most int) error {
	switch n := len(c.Args); {
	case n < least:
		return metricsqlparse.BadQuery(c, "has %d arguments, needs %d", n, least)
	case n > most:
		return metricsqlparse.BadQuery(c, "has %d arguments, takes %d", n, most)
	}
	return nil
}

// series are those of an argument.
func (c *Call) series(i int) ([]column.Series, error) {
	if i >= len(c.Args) {
		return nil, metricsqlparse.BadQuery(c, "lacks argument %d", i+1)
	}
	return c.Given[i], nil
}

// Scalar is an argument that is one series: its values.
func (c *Call) Scalar(i int) ([]float64, error) {
	found, err := c.series(i)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, metricsqlparse.BadQuery(c.Args[i], "argument %d of %s must be a number", i+1, c.Name)
	}
	return found[0].Values, nil
}

// Number is the first value of a scalar.
func (c *Call) Number(i int) (float64, error) {
	values, err := c.Scalar(i)
	if err != nil {
		return 0, err
	}
	return values[0], nil
}

// integer is a number without its fraction; NaN is 0.
func (c *Call) integer(i int) (int, error) {
	v, err := c.Number(i)
	return truncate(v), err
}

func truncate(v float64) int {
	switch {
	case math.IsNaN(v):
		return 0
	case v >= math.MaxInt32:
		return math.MaxInt32
	case v <= math.MinInt32:
		return math.MinInt32
	}
	return int(v)
}

// Text is an argument in quotes.
func (c *Call) Text(i int) (string, error) {
	if i < len(c.Args) {
		if t, ok := c.Args[i].(*metricsql.StringExpr); ok {
			return t.S, nil
		}
	}
	return "", metricsqlparse.BadQuery(c, "argument %d must be a quoted text", i+1)
}

// texts are all arguments from one on, in quotes.
func (c *Call) texts(from int) ([]string, error) {
	var out []string
	for i := from; i < len(c.Args); i++ {
		t, err := c.Text(i)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// pairs are texts that come in twos.
func (c *Call) pairs(from int) ([][2]string, error) {
	all, err := c.texts(from)
	if err != nil {
		return nil, err
	}
	if len(all)%2 != 0 {
		return nil, metricsqlparse.BadQuery(c, "texts must come in pairs, there are %d", len(all))
	}
	var out [][2]string
	for i := 0; i < len(all); i += 2 {
		out = append(out, [2]string{all[i], all[i+1]})
	}
	return out, nil
}

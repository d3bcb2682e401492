package metricsqlexec

import (
	"math"

	"github.com/VictoriaMetrics/metricsql"
)

// call is a call of a function with arguments still to be evaluated.
type call struct {
	scope
	*metricsql.FuncExpr
}

// count checks how many arguments there are.
func (c *call) count(least, most int) error {
	switch n := len(c.Args); {
	case n < least:
		return badQuery(c, "has %d arguments, needs %d", n, least)
	case n > most:
		return badQuery(c, "has %d arguments, takes %d", n, most)
	}
	return nil
}

// series evaluates an argument.
func (c *call) series(i int) ([]series, error) {
	if i >= len(c.Args) {
		return nil, badQuery(c, "lacks argument %d", i+1)
	}
	return c.eval(c.Args[i])
}

// scalar is an argument that is one series: its values.
func (c *call) scalar(i int) ([]float64, error) {
	found, err := c.series(i)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, badQuery(c.Args[i], "argument %d of %s must be a number", i+1, c.Name)
	}
	return found[0].values, nil
}

// number is the first value of a scalar.
func (c *call) number(i int) (float64, error) {
	values, err := c.scalar(i)
	if err != nil {
		return 0, err
	}
	return values[0], nil
}

// integer is a number without its fraction; NaN is 0.
func (c *call) integer(i int) (int, error) {
	v, err := c.number(i)
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

// text is an argument in quotes.
func (c *call) text(i int) (string, error) {
	if i < len(c.Args) {
		if t, ok := c.Args[i].(*metricsql.StringExpr); ok {
			return t.S, nil
		}
	}
	return "", badQuery(c, "argument %d must be a quoted text", i+1)
}

// texts are all arguments from one on, in quotes.
func (c *call) texts(from int) ([]string, error) {
	var out []string
	for i := from; i < len(c.Args); i++ {
		t, err := c.text(i)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// pairs are texts that come in twos.
func (c *call) pairs(from int) ([][2]string, error) {
	all, err := c.texts(from)
	if err != nil {
		return nil, err
	}
	if len(all)%2 != 0 {
		return nil, badQuery(c, "texts must come in pairs, there are %d", len(all))
	}
	var out [][2]string
	for i := 0; i < len(all); i += 2 {
		out = append(out, [2]string{all[i], all[i+1]})
	}
	return out, nil
}

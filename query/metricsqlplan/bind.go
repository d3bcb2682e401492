package metricsqlplan

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/metricsqlfunc"
	"github.com/trefoil-o11y/trefoil/query/metricsqlparse"
	"github.com/trefoil-o11y/trefoil/query/metricsqlvec"
	"github.com/trefoil-o11y/trefoil/query/rollup"
	"github.com/trefoil-o11y/trefoil/query/rollupfunc"
)

// bind gives a rollup its kernel; c has the arguments that are not the series.
func (b *builder) bind(n *metricplan.Rollup, c *metricsqlfunc.Call) (err error) {
	if k, ok := rollupfunc.Simple(n.Name); ok {
		n.Kernel = k
		return c.Count(0, 0)
	}
	if k, args, ok := rollupfunc.Parametric(n.Name); ok {
		n.Kernel = k
		if err := c.Count(args, args); err != nil {
			return err
		}
		return b.args(n, c, 0)
	}
	switch n.Name {
	case "quantiles_over_time", "count_values_over_time", "histogram_over_time":
		return b.bindSpread(n, c)
	case "aggr_over_time":
		return bindAggregates(n, c)
	case "rollup_candlestick":
		parts, err := partsOf(c, []string{"open", "close", "low", "high"}, rollupfunc.Candle, true)
		n.Expand = parts.expand
		return err
	case "rollup", "rollup_rate", "rollup_deriv", "rollup_increase", "rollup_delta", "rollup_scrape_interval":
		parts, err := partsOf(c, []string{"min", "max", "avg"}, func(tag string) (rollup.Kernel, bool) { return rollupfunc.Simple(tag + "_over_time") }, false)
		n.Expand = parts.expand
		switch n.Name {
		case "rollup_rate", "rollup_deriv":
			prepare(n, rollupfunc.Slopes)
		case "rollup_increase", "rollup_delta":
			prepare(n, rollupfunc.Changes)
		case "rollup_scrape_interval":
			prepare(n, rollupfunc.Intervals)
		}
		return err
	}
	return metricsqlparse.BadQuery(c, "function %q is not known", n.Name)
}

// args are the scalar arguments from one on.
func (b *builder) args(n *metricplan.Rollup, c *metricsqlfunc.Call, from int) error {
	for i := from; i < len(c.Args); i++ {
		arg, err := b.scalar(c.Args[i], fmt.Sprintf("argument %d of %s", i+1, n.Name))
		if err != nil {
			return err
		}
		n.Args = append(n.Args, arg)
	}
	return nil
}

// prepare has samples rewritten before the kernel of a rollup sees them.
func prepare(n *metricplan.Rollup, p rollupfunc.Prepare) {
	if n.Kernel != nil {
		n.Kernel = rollupfunc.Prepared(p, n.Kernel)
		return
	}
	of := n.Expand
	n.Expand = func(l labels.Labels, ts []int64, vs []float64, w rollup.Windows, args [][]float64) []column.Series {
		p(ts, vs)
		return of(l, ts, vs, w, args)
	}
}

// widen lets windows grow until they hold samples.
func widen(n *metricplan.Rollup) {
	if n.Kernel != nil {
		n.Kernel = rollupfunc.Widened(n.Kernel)
		return
	}
	of := n.Expand
	n.Expand = func(l labels.Labels, ts []int64, vs []float64, w rollup.Windows, args [][]float64) []column.Series {
		w.Range = rollupfunc.Width(ts, w)
		return of(l, ts, vs, w, args)
	}
}

// part is one of the series a rollup makes of each; tag is the value of its
// label rollup, if it has one.
type part struct {
	tag    string
	kernel rollup.Kernel
}

type parts []part

func (all parts) expand(l labels.Labels, ts []int64, vs []float64, w rollup.Windows, args [][]float64) []column.Series {
	out := make([]column.Series, len(all))
	for i, p := range all {
		out[i] = column.Series{Labels: l, Values: make([]float64, w.N)}
		if p.tag != "" {
			out[i].Labels = metricsqlvec.With(l, "rollup", p.tag)
		}
		p.kernel(out[i].Values, ts, vs, w, args)
	}
	return out
}

// partsOf is all of some parts, or the one that is named. One that is named has no
// label but as a candle.
func partsOf(c *metricsqlfunc.Call, tags []string, find func(string) (rollup.Kernel, bool), always bool) (parts, error) {
	if err := c.Count(0, 1); err != nil {
		return nil, err
	}
	if len(c.Args) == 1 {
		tag, err := c.Text(0)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(tags, tag) {
			return nil, metricsqlparse.BadQuery(c, "%q is not one of %s", tag, strings.Join(tags, ", "))
		}
		k, _ := find(tag)
		if !always {
			tag = ""
		}
		return parts{{tag, k}}, nil
	}
	var out parts
	for _, tag := range tags {
		k, _ := find(tag)
		out = append(out, part{tag, k})
	}
	return out, nil
}

func bindAggregates(n *metricplan.Rollup, c *metricsqlfunc.Call) error {
	if err := c.Count(1, 1); err != nil {
		return err
	}
	list := []metricsql.Expr{c.Args[0]}
	if f, ok := c.Args[0].(*metricsql.FuncExpr); ok && f.Name == "" {
		list = f.Args
	}
	var all parts
	counter := false
	for _, e := range list {
		name, ok := e.(*metricsql.StringExpr)
		if !ok {
			return metricsqlparse.BadQuery(e, "is not a quoted name of a rollup function")
		}
		k, ok := rollupfunc.Simple(name.S)
		if name.S == "iqr_over_time" { // what aggr_over_time calls outlier_iqr_over_time
			k, ok = rollupfunc.Simple("outlier_iqr_over_time")
		}
		if !ok {
			return metricsqlparse.BadQuery(e, "is not a rollup function that needs no more arguments")
		}
		all = append(all, part{name.S, k})
		counter = counter || rollupfunc.Is(name.S, rollupfunc.Counter)
	}
	if len(all) == 0 {
		return metricsqlparse.BadQuery(c, "needs the name of a rollup function")
	}
	n.Expand = all.expand
	if counter {
		prepare(n, rollupfunc.Resets)
	}
	return nil
}

func (b *builder) bindSpread(n *metricplan.Rollup, c *metricsqlfunc.Call) error {
	if n.Name == "histogram_over_time" {
		n.Expand = spread("vmrange", func([][]float64) rollupfunc.Spread { return rollupfunc.Histogram() })
		return c.Count(0, 0)
	}
	if err := c.Count(1, math.MaxInt); err != nil {
		return err
	}
	label, err := c.Text(0)
	if err != nil {
		return err
	}
	if n.Name == "count_values_over_time" {
		n.Expand = spread(label, func([][]float64) rollupfunc.Spread { return rollupfunc.CountValues() })
		return c.Count(1, 1)
	}
	n.Expand = spread(label, func(args [][]float64) rollupfunc.Spread {
		phis := make([]float64, len(args))
		for i := range args {
			phis[i] = args[i][0]
		}
		return rollupfunc.QuantilesOf(phis)
	})
	if len(c.Args) == 1 {
		return metricsqlparse.BadQuery(c, "needs at least one quantile")
	}
	return b.args(n, c, 1)
}

// spread makes a series for each value that a label gets.
func spread(label string, by func(args [][]float64) rollupfunc.Spread) metricplan.ExpandFunc {
	return func(l labels.Labels, ts []int64, vs []float64, w rollup.Windows, args [][]float64) []column.Series {
		f := by(args)
		made := map[string][]float64{}
		rollupfunc.Each(ts, vs, w, func(one *rollupfunc.Window) {
			f(one, func(value string, v float64) {
				values := made[value]
				if values == nil {
					values = column.Empty(w.N)
					made[value] = values
				}
				values[one.Point] = v
			})
		})
		var out []column.Series
		for _, value := range slices.Sorted(maps.Keys(made)) {
			out = append(out, column.Series{Labels: metricsqlvec.With(l, label, value), Values: made[value]})
		}
		return out
	}
}

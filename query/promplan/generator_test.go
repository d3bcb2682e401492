package promplan

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random PromQL that parses.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) selector() string {
	return g.one("c_total", "g", "h_bucket", "n", `{job="j1"}`, `c_total{instance=~"i0|i2"}`, `g{job!="j0"}`, `h_bucket{le="1"}`, `nothing`)
}

func (g generator) duration() string {
	return g.one("1s", "30s", "1m", "90s", "5m", "17m", "1h")
}

func (g generator) modifiers() string {
	out := ""
	if g.IntN(5) == 0 {
		out += " @ " + g.one("0", "600", "1800.5", "start()", "end()")
	}
	if g.IntN(4) == 0 {
		out += " offset " + g.one("", "-") + g.duration()
	}
	return out
}

func (g generator) matrix(depth int) string {
	if depth > 0 && g.IntN(4) == 0 {
		return fmt.Sprintf("(%s)[%s:%s]%s", g.vector(depth-1), g.one("5m", "11m"), g.one("", "30s", "47s", "2m"), g.modifiers())
	}
	return g.selector() + "[" + g.duration() + "]" + g.modifiers()
}

func (g generator) scalar(depth int) string {
	switch g.IntN(6) {
	case 0:
		return "time()"
	case 1:
		if depth > 0 {
			return "scalar(" + g.vector(depth-1) + ")"
		}
	case 2:
		if depth > 0 {
			return "(" + g.scalar(depth-1) + g.one("+", "-", "*", "/", "%", "^", "> bool", "atan2") + g.scalar(depth-1) + ")"
		}
	}
	return g.one("0", "1", "2.5", "-3", "NaN", "+Inf", "0.9", "1e3")
}

func (g generator) grouping() string {
	return g.one("", "by (job)", "by (instance, job)", "without (instance)", "by (le)", "without (le, job)", "by (__name__)")
}

// vector is an expression of an instant vector.
func (g generator) vector(depth int) string {
	if depth == 0 {
		return g.selector() + g.modifiers()
	}
	switch g.IntN(12) {
	case 0, 1, 2:
		f := g.one("rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets", "sum_over_time", "avg_over_time",
			"min_over_time", "max_over_time", "count_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time", "first_over_time",
			"present_over_time", "absent_over_time", "mad_over_time", "ts_of_max_over_time", "ts_of_min_over_time", "ts_of_last_over_time", "ts_of_first_over_time")
		return f + "(" + g.matrix(depth) + ")"
	case 3:
		switch g.IntN(3) {
		case 0:
			return "quantile_over_time(" + g.scalar(depth-1) + ", " + g.matrix(depth) + ")"
		case 1:
			return "predict_linear(" + g.matrix(depth) + ", " + g.scalar(depth-1) + ")"
		}
		return "double_exponential_smoothing(" + g.matrix(depth) + ", 0.3, 0.7)"
	case 4, 5:
		op := g.one("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
		return op + " " + g.grouping() + " (" + g.vector(depth-1) + ")"
	case 6:
		switch g.IntN(3) {
		case 0:
			return "quantile " + g.grouping() + " (" + g.scalar(depth-1) + ", " + g.vector(depth-1) + ")"
		case 1:
			return `count_values ` + g.grouping() + ` ("v", ` + g.vector(depth-1) + ")"
		}
		// Of equal values the first is taken, so that the order must be known.
		arg := g.one(g.selector()+g.modifiers(), "rate("+g.selector()+"["+g.duration()+"])")
		return g.one("topk", "bottomk", "limitk") + " " + g.grouping() + " (" + g.one("1", "2", "5") + ", " + arg + ")"
	case 7:
		f := g.one("abs", "ceil", "floor", "exp", "sqrt", "ln", "sgn", "sin", "deg", "hour", "timestamp", "day_of_month", "sort", "sort_desc",
			"absent", "histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "-", "round")
		return f + "(" + g.vector(depth-1) + ")"
	case 8:
		switch g.IntN(4) {
		case 0:
			return "clamp(" + g.vector(depth-1) + ", " + g.scalar(depth-1) + ", " + g.scalar(depth-1) + ")"
		case 1:
			return `label_replace(` + g.vector(depth-1) + `, "` + g.one("x", "job") + `", "$1", "job", "(j1|.*)")`
		case 2:
			return "histogram_fraction(0, 1, " + g.vector(depth-1) + ")"
		}
		return "histogram_quantile(" + g.scalar(depth-1) + ", " + g.one(g.vector(depth-1), "h_bucket", "rate(h_bucket[5m])", "rate(n[5m])") + ")"
	case 9:
		op := g.one("+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool", "atan2")
		if g.IntN(2) == 0 {
			return "(" + g.vector(depth-1) + " " + op + " " + g.scalar(depth-1) + ")"
		}
		return "(" + g.scalar(depth-1) + " " + op + " " + g.vector(depth-1) + ")"
	case 10:
		op := g.one("+", "-", "*", "/", "==", "!=", ">", "<", "> bool")
		match := g.one("", "on (job, instance)", "ignoring (le)", "on (job, instance) group_left", "ignoring (le) group_right", "on (job) group_left (instance)")
		left := g.vector(depth - 1)
		right := g.one(g.vector(depth-1), left)
		return "(" + left + " " + op + " " + match + " " + right + ")"
	}
	match := g.one("", "on (job)", "ignoring (instance)", "on (job, instance)", "on ()")
	return "(" + strings.Join([]string{g.vector(depth - 1), g.one("and", "or", "unless"), match, g.vector(depth - 1)}, " ") + ")"
}

package rulefile

import (
	"slices"

	"github.com/trefoil-o11y/trefoil/query/language"
)

// levels orders the rules of a group for evaluation, see Group.Levels.
func levels(rules []Rule, exprs []*language.Expr) [][]int {
	var out [][]int
	at := make([]int, len(rules))
	for i := range rules {
		for j := range i {
			if at[j] >= at[i] && reads(exprs[i], &rules[j]) {
				at[i] = at[j] + 1
			}
		}
		for len(out) <= at[i] {
			out = append(out, nil)
		}
		out[at[i]] = append(out[at[i]], i)
	}
	return out
}

// reads says whether an expression may read what a rule yields.
func reads(expr *language.Expr, writer *Rule) bool {
	if expr == nil {
		return true // it is wrong, and nothing will be evaluated
	}
	yields := []string{writer.Record}
	if writer.Alert != "" {
		yields = []string{"ALERTS", "ALERTS_FOR_STATE"}
	}
	return slices.ContainsFunc(yields, expr.Reads)
}

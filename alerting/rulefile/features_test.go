package rulefile

import (
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// What of PromQL is off is a mistake in a rule, what is on is not.
func TestFeaturesOfPromQL(t *testing.T) {
	for expr, f := range map[string]promexpr.Features{
		`mad_over_time(m[5m]) > 1`: {ExperimentalFunctions: true},
		`a + fill(0) b`:            {FillModifiers: true},
	} {
		text := "groups: [{name: g, rules: [{record: r, expr: '" + expr + "'}]}]"
		if _, err := Parse("rules.yml", []byte(text), Options{Languages: AllLanguages(f)}); err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		if _, err := Parse("rules.yml", []byte(text), Options{}); err == nil || !strings.Contains(err.Error(), "expr: ") {
			t.Errorf("%s is taken though it is off: %v", expr, err)
		}
	}
}

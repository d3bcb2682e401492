package rule

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// Answer is what a rule has heard in one evaluation.
type Answer struct {
	// Active is Expr's result, Staying that of While, expanded.
	Active, Staying []Active
	// Empty says that there is no data to judge by. It is only looked at where
	// the rule's policy cares.
	Empty bool
	// Err says that there is no answer.
	Err error
}

// Ask asks all that an evaluation for a time has to know, as of another time
// (`query_offset`), through the expander's Query. firing says whether anything
// fires; While is asked only then. The errors are those of templates, see
// Expand.
func (a *Alert) Ask(ctx context.Context, x Expander, at, asOf time.Time, firing bool) (Answer, []error) {
	var result, staying promql.Vector
	var answer Answer
	if result, answer.Err = x.Query(ctx, a.Expr, asOf); answer.Err != nil {
		return answer, nil
	}
	if a.While != "" && firing {
		if staying, answer.Err = x.Query(ctx, a.While, asOf); answer.Err != nil {
			return answer, nil
		}
	}
	if answer.Empty, answer.Err = a.empty(ctx, x, result, asOf); answer.Err != nil {
		return answer, nil
	}
	var problems, more []error
	answer.Active, problems = a.Expand(ctx, x, at, result)
	answer.Staying, more = a.Expand(ctx, x, at, staying)
	answer.Err = ctx.Err() // Templates may have been cut off.
	return answer, append(problems, more...)
}

// empty says whether an empty result is one without data. Rules whose policy
// does not care are not asked twice.
func (a *Alert) empty(ctx context.Context, x Expander, result promql.Vector, asOf time.Time) (bool, error) {
	if len(result) > 0 || a.noData() == (rulefile.Policy{Then: rulefile.Ok}) {
		return false, nil
	}
	if a.Data == "" || a.Data == a.Expr {
		return true, nil
	}
	found, err := x.Query(ctx, a.Data, asOf)
	return len(found) == 0, err
}

func (a *Alert) noData() rulefile.Policy { return withDefault(a.NoData, rulefile.Ok) }

func (a *Alert) onError() rulefile.Policy { return withDefault(a.OnError, rulefile.Keep) }

func withDefault(p rulefile.Policy, then rulefile.Then) rulefile.Policy {
	if p.Then == "" {
		p.Then = then
	}
	return p
}

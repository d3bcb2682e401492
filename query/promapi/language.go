package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Language is a query language that this API is spoken in. Its errors are
// *fault.Error, or the errors of a parser that fault.Of knows.
type Language interface {
	// Instant evaluates at one time, Range at start, start+step, … up to end.
	Instant(ctx context.Context, t tenant.ID, expr string, at time.Time) (*metricexec.Result, error)
	Range(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error)
	// Selectors reads the arguments match[]: a series is meant if it matches
	// all of any set.
	Selectors(match []string) ([][]*labels.Matcher, error)
	// Format lays an expression out for people.
	Format(expr string) (string, error)
	// Tree is an expression's syntax as JSON.
	Tree(expr string) (json.RawMessage, error)
}

// promQL is PromQL as an engine has it. Format and Tree use the plain parser:
// what the user wrote, names and all.
type promQL struct{ *metricexec.Engine }

func (l promQL) Selectors(match []string) ([][]*labels.Matcher, error) {
	return l.Parser().ParseMetricSelectors(match)
}

func (l promQL) Format(expr string) (string, error) {
	parsed, err := l.Parser().Parser.ParseExpr(expr)
	if err != nil {
		return "", err
	}
	return parsed.Pretty(0), nil
}

func (l promQL) Tree(expr string) (json.RawMessage, error) {
	parsed, err := l.Parser().Parser.ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	return encodeTree(parsed)
}

// errNoSelector is what match[] of nothing but empty matchers is told.
var errNoSelector = errors.New("match[] must contain at least one non-empty matcher")

// selectors reads match[] in the API's language and refuses a set that an
// absent label alone could match, since it would select everything.
func (a *api) selectors(match []string) ([][]*labels.Matcher, error) {
	sets, err := a.Language.Selectors(match)
	if err != nil {
		return nil, fault.Param("match[]", err)
	}
	for _, set := range sets {
		if !selective(set) {
			return nil, &fault.Error{Code: fault.BadQuery, Message: errNoSelector.Error()}
		}
	}
	return sets, nil
}

func selective(matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if m != nil && !m.Matches("") {
			return true
		}
	}
	return false
}

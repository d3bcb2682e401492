package language

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// Names of the languages, as the type of a rule group and the language of a
// query have them.
const (
	PromQL    = "promql"
	MetricsQL = "metricsql"
	LogQL     = "logql"
	TraceQL   = "traceql"
)

// Kind is what an expression's value is at one time.
type Kind string

// Kinds. Rules can be made of the first two.
const (
	Vector Kind = "vector"
	Scalar Kind = "scalar"
	Matrix Kind = "range vector"
	String Kind = "string"
)

// Expr is an expression that has been read.
type Expr struct {
	// Text is the expression as its language prints it.
	Text string
	Kind Kind
	// Data is the expression without its outermost comparisons: what a
	// condition compares. Where it compares nothing, it is Text.
	Data string
	// Window is how far back an evaluation at one time looks where nothing in
	// the expression says so, in languages in which a range looks back as far as
	// its step; 0 in others.
	Window time.Duration
	// reads are the matchers on the names of metrics, one list a selector; an
	// empty one reads any.
	reads [][]*labels.Matcher
}

// Reads says whether the expression may read series of a metric.
func (e *Expr) Reads(metric string) bool {
	return slices.ContainsFunc(e.reads, func(matchers []*labels.Matcher) bool {
		return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(metric) })
	})
}

// Parse reads an expression. The error is a *fault.Error, with the mistake's
// place unless the language does not know it.
type Parse func(text string) (*Expr, error)

// Query is an expression to evaluate at a time.
type Query struct {
	Language, Text string
	At             time.Time
}

// All are the languages there are, with the features of PromQL that are on.
func All(f promexpr.Features) map[string]Parse {
	all := map[string]Parse{PromQL: promql(f), MetricsQL: metricsQL, LogQL: logQL, TraceQL: traceQL}
	for name, parse := range all {
		all[name] = bounded(parse)
	}
	return all
}

// QueryPath is where the HTTP API answers an expression, with the expression:
// at a time, or now where that is zero. It is empty for a language that is none
// of All's.
func QueryPath(language, expr string, at time.Time) string {
	q := url.Values{"query": {expr}}
	seconds := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	if !at.IsZero() {
		q.Set("time", seconds(at))
	}
	switch language {
	case PromQL:
		return "/prometheus/api/v1/query?" + q.Encode()
	case MetricsQL:
		return "/metricsql/api/v1/query?" + q.Encode()
	case LogQL:
		return "/loki/api/v1/query?" + q.Encode()
	case TraceQL:
		q = url.Values{"q": {expr}}
		if parsed, err := traceQL(expr); err == nil && !at.IsZero() {
			q.Set("start", seconds(at.Add(-parsed.Window)))
			q.Set("end", seconds(at))
		}
		return "/tempo/api/metrics/query?" + q.Encode()
	}
	return ""
}

// Names are those of All, sorted.
func Names() []string { return slices.Sorted(maps.Keys(All(promexpr.Features{}))) }

// maxText bounds an expression before a parser sees it.
const maxText = 1 << 20

func bounded(parse Parse) Parse {
	return func(text string) (*Expr, error) {
		switch {
		case len(text) > maxText:
			return nil, &fault.Error{Code: fault.Limit, Limit: "max_query_length", Message: "the expression is longer than 1 MiB"}
		case strings.TrimSpace(text) == "":
			return nil, wrong(text, 0, "parse error: no expression found in input")
		case !utf8.ValidString(text):
			return nil, wrong(text, 0, "parse error: the expression is not UTF-8")
		}
		e, err := parse(text)
		if err != nil {
			return nil, fault.Of(err)
		}
		return e, nil
	}
}

func wrong(text string, offset int, message string) *fault.Error {
	return &fault.Error{Code: fault.BadQuery, Message: message, Position: fault.PositionOf(text, offset)}
}

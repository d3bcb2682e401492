package metricexec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Features are parts of PromQL that are off unless asked for, as in Prometheus.
type Features struct {
	ExperimentalFunctions bool
	FillModifiers         bool
	UnquotedUTF8Names     bool
	DelayedNameRemoval    bool
	// StartTimestamps makes rate, irate, increase and resets take a counter for
	// reset where a sample says that its interval began anew.
	StartTimestamps bool
}

// FeatureNames are what Prometheus's flag --enable-feature calls them. The last two
// are always on.
func FeatureNames() []string {
	return []string{"promql-experimental-functions", "promql-binop-fill-modifiers", "promql-unquoted-utf8-names", "promql-delayed-name-removal",
		"use-start-timestamps", "promql-duration-expr", "promql-extended-range-selectors"}
}

// ParseFeatures reads names of features, each of which may be several with commas
// between them.
func ParseFeatures(names []string) (Features, error) {
	var f Features
	for _, list := range names {
		for name := range strings.SplitSeq(list, ",") {
			switch name = strings.TrimSpace(name); name {
			case "promql-experimental-functions":
				f.ExperimentalFunctions = true
			case "promql-binop-fill-modifiers":
				f.FillModifiers = true
			case "promql-unquoted-utf8-names":
				f.UnquotedUTF8Names = true
			case "promql-delayed-name-removal":
				f.DelayedNameRemoval = true
			case "use-start-timestamps":
				f.StartTimestamps = true
			case "promql-duration-expr", "promql-extended-range-selectors", "":
			default:
				return f, fmt.Errorf("%q is not one of %s", name, strings.Join(FeatureNames(), ", "))
			}
		}
	}
	return f, nil
}

func (f Features) parser() parser.Options {
	return parser.Options{
		EnableExperimentalFunctions: f.ExperimentalFunctions, EnableBinopFillModifiers: f.FillModifiers, EnableUnquotedUTF8Names: f.UnquotedUTF8Names,
	}
}

type lookbackKey struct{}

// WithLookback makes evaluations under a context look back that far for the last
// sample of a series; what is not positive changes nothing. Their answers are
// not kept.
func WithLookback(ctx context.Context, d time.Duration) context.Context {
	if d <= 0 {
		return ctx
	}
	return context.WithValue(ctx, lookbackKey{}, d)
}

// lookbackOf is what WithLookback has put into a context, 0 for nothing.
func lookbackOf(ctx context.Context) time.Duration {
	d, _ := ctx.Value(lookbackKey{}).(time.Duration)
	return d
}

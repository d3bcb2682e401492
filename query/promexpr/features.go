package promexpr

import (
	"fmt"
	"slices"
	"strings"

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

// feature is what Prometheus's flag --enable-feature calls one, and its switch; those
// without are always on.
type feature struct {
	name string
	on   func(*Features)
}

func features() []feature {
	return []feature{
		{"promql-experimental-functions", func(f *Features) { f.ExperimentalFunctions = true }},
		{"promql-binop-fill-modifiers", func(f *Features) { f.FillModifiers = true }},
		{"promql-unquoted-utf8-names", func(f *Features) { f.UnquotedUTF8Names = true }},
		{"promql-delayed-name-removal", func(f *Features) { f.DelayedNameRemoval = true }},
		{"use-start-timestamps", func(f *Features) { f.StartTimestamps = true }},
		{"promql-duration-expr", nil},
		{"promql-extended-range-selectors", nil},
	}
}

// FeatureNames are what Prometheus's flag --enable-feature calls them. The last two
// are always on.
func FeatureNames() []string {
	var names []string
	for _, known := range features() {
		names = append(names, known.name)
	}
	return names
}

// AllFeatures are all there are.
func AllFeatures() Features {
	var f Features
	for _, known := range features() {
		if known.on != nil {
			known.on(&f)
		}
	}
	return f
}

// ParseFeatures reads names of features, each of which may be several with commas
// between them.
func ParseFeatures(names []string) (Features, error) {
	var f Features
	all := features()
	for _, list := range names {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			i := slices.IndexFunc(all, func(known feature) bool { return known.name == name })
			if i < 0 {
				return f, fmt.Errorf("%q is not one of %s", name, strings.Join(FeatureNames(), ", "))
			}
			if on := all[i].on; on != nil {
				on(&f)
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

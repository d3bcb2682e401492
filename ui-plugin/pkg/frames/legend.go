package frames

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

const metricName = "__name__"

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]+?)\s*\}\}`)

// Legends names every series of one answer. A format such as
// "{{service_name}} p99" has each {{label}} replaced by the label's value, or by
// nothing when the series lacks it. Without a format the names hold only what
// tells the series apart.
func Legends(format string, series []trefoilclient.Series) []string {
	out := make([]string, len(series))
	if format != "" {
		for i, s := range series {
			out[i] = placeholder.ReplaceAllStringFunc(format, func(m string) string {
				return s.Labels[placeholder.FindStringSubmatch(m)[1]]
			})
		}
		return out
	}
	keys := distinguishing(series)
	for i, s := range series {
		switch {
		case len(series) == 1:
			out[i] = selector(s.Labels, sortedKeys(s.Labels))
		case len(keys) == 1 && s.Labels[keys[0]] != "":
			out[i] = s.Labels[keys[0]]
		default:
			out[i] = selector(s.Labels, keys)
		}
	}
	return out
}

// distinguishing lists the labels that have not one and the same value everywhere.
func distinguishing(series []trefoilclient.Series) []string {
	differs := map[string]bool{}
	for _, s := range series {
		for k, v := range s.Labels {
			differs[k] = differs[k] || series[0].Labels[k] != v
		}
		for k := range series[0].Labels {
			if _, ok := s.Labels[k]; !ok {
				differs[k] = true
			}
		}
	}
	var keys []string
	for k, yes := range differs {
		if yes {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// selector writes labels as the query languages do: name{key="value"}.
func selector(labels map[string]string, keys []string) string {
	var pairs []string
	for _, k := range keys {
		if v, ok := labels[k]; ok && k != metricName {
			pairs = append(pairs, k+"="+strconv.Quote(v))
		}
	}
	name := labels[metricName]
	if name != "" && len(pairs) == 0 {
		return name
	}
	return name + "{" + strings.Join(pairs, ", ") + "}"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package metricexec

import (
	"context"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/trefoil-o11y/trefoil/query/column"
	"github.com/trefoil-o11y/trefoil/query/grideval"
	"github.com/trefoil-o11y/trefoil/query/metricplan"
	"github.com/trefoil-o11y/trefoil/query/seriespoints"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
)

// classic is the storage of one query as a language without native histograms sees
// it: those with custom buckets are classic ones, others are not there; NaNs other
// than stale markers are no samples. Its selectors may have several sets of matchers.
type classic struct{ *queryable }

func newClassic(q *queryable) *classic {
	q.series.View = seriesview.Classic
	return &classic{q}
}

// setsApart leaves room for the places of the series of one set of matchers.
const setsApart = 1 << 44

// Select is grideval.Source's. Series come in the order of the sets and then of
// labels, each once.
func (c *classic) Select(ctx context.Context, r grideval.Read, each func(int, *column.Raw) error) (annotations.Annotations, error) {
	sets := append([][]*labels.Matcher{r.Selector.Matchers}, r.Selector.Or...)
	Normalise(sets)
	if len(sets) > 1 {
		r.InTurn = nil
	}
	var known firstSets
	all := annotations.Annotations{}
	for set, matchers := range sets {
		r.Selector = &metricplan.Selector{Matchers: matchers, Func: r.Selector.Func}
		annos, err := c.queryable.Select(ctx, r, func(at int, raw *column.Raw) error {
			if len(sets) > 1 && !known.isFirst(set, raw.Labels) {
				return nil
			}
			if raw.Entries == nil {
				raw.Times, raw.Values = seriespoints.Floats(raw)
				raw.Histograms, raw.Starts = nil, nil
			}
			return each(set*setsApart+at, raw)
		})
		if err != nil {
			return nil, err
		}
		all.Merge(annos)
	}
	return all, nil
}

// firstSets knows in which set of matchers a series was seen first.
type firstSets struct {
	mu    sync.Mutex
	known map[string]int
}

func (f *firstSets) isFirst(set int, l labels.Labels) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]int{}
	}
	key := string(l.Bytes(nil))
	first, seen := f.known[key]
	if !seen {
		f.known[key] = set
	}
	return !seen || first == set
}

// Normalise gives the labels of matchers Prometheus's spelling.
func Normalise(sets [][]*labels.Matcher) {
	for _, set := range sets {
		for _, m := range set {
			if name := spelling.LabelName(m.Name); name != "" && m.Name != model.MetricNameLabel {
				m.Name = name
			}
		}
	}
}

package metricexec

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/seriesfind"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Exemplars reads the exemplars of every series that the selectors of an
// expression find in [from,to]; at most limit of them. Those of an explicit
// histogram belong to the _bucket series their value falls in. Errors are
// *fault.Error.
func (e *Engine) Exemplars(ctx context.Context, t tenant.ID, expr string, from, to time.Time, limit int) ([]exemplar.QueryResult, error) {
	parsed, spelled, err := e.parser.Spelled(expr)
	if err != nil {
		return nil, fault.Of(err)
	}
	q := e.querier(t, from, to)
	byLabels := map[uint64]*exemplar.QueryResult{}
	for _, matchers := range parser.ExtractSelectors(parsed) {
		if err := e.exemplars(ctx, q, seriesview.NewSelector(matchers, spelled), limit, byLabels); err != nil {
			return nil, fault.Of(err)
		}
	}
	out := make([]exemplar.QueryResult, 0, len(byLabels))
	for _, r := range byLabels {
		slices.SortFunc(r.Exemplars, exemplar.Compare)
		r.Exemplars = slices.CompactFunc(r.Exemplars, exemplar.Exemplar.Equals)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b exemplar.QueryResult) int { return labels.Compare(a.SeriesLabels, b.SeriesLabels) })
	return out, nil
}

func (e *Engine) exemplars(ctx context.Context, q *querier, s seriesview.Selector, limit int, into map[uint64]*exemplar.QueryResult) error {
	found, err := q.find(ctx, q.from, q.to, s)
	if err != nil {
		return err
	}
	byFingerprint := make(map[uint64]seriesview.Series, len(found))
	fps := make([]uint64, 0, len(found))
	for _, v := range found {
		if v.Part != seriesview.Sum && v.Part != seriesview.Count {
			byFingerprint[v.Stored.Fingerprint] = v
			fps = append(fps, v.Stored.Fingerprint)
		}
	}
	if len(fps) == 0 {
		return nil
	}
	bounds, err := q.series.Bounds(ctx, q.from, q.to, found)
	if err != nil {
		return err
	}
	all, err := e.config.Source.Exemplars(ctx, q.series.Tenant, samplestore.Range{Fingerprints: fps, From: seriesfind.Clamp(q.from), To: seriesfind.Clamp(q.to), Limit: limit})
	if err != nil {
		return err
	}
	for _, x := range all.Rows {
		v, ok := byFingerprint[x.Fingerprint]
		if !ok {
			continue
		}
		lbls := v.Labels
		if v.Part == seriesview.Buckets {
			le := bucketOf(bounds[x.Fingerprint], x.Value)
			if !s.MatchesLE(le) {
				continue
			}
			lbls = seriesview.WithLE(lbls, le)
		}
		r := into[lbls.Hash()]
		if r == nil {
			r = &exemplar.QueryResult{SeriesLabels: lbls}
			into[lbls.Hash()] = r
		}
		r.Exemplars = append(r.Exemplars, exemplar.Exemplar{Labels: exemplarLabels(&x.Exemplar), Value: x.Value, Ts: x.Time / 1e6, HasTs: true})
	}
	return nil
}

func exemplarLabels(x *metricstore.Exemplar) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, kv := range x.Attributes {
		b.Set(spelling.LabelName(kv.Key), kv.Value.Text())
	}
	if x.TraceID != [16]byte{} {
		b.Set("trace_id", hex.EncodeToString(x.TraceID[:]))
	}
	if x.SpanID != [8]byte{} {
		b.Set("span_id", hex.EncodeToString(x.SpanID[:]))
	}
	return b.Labels()
}

// bucketOf is the le of the smallest bucket that counts a value.
func bucketOf(bounds []string, v float64) string {
	best, at := seriesview.Inf, -1.0
	for _, le := range bounds {
		bound, err := strconv.ParseFloat(le, 64)
		if err == nil && v <= bound && (best == seriesview.Inf || cmp.Less(bound, at)) {
			best, at = le, bound
		}
	}
	return best
}

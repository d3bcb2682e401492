package metricexec

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// knownSeries is how many series' labels are kept, twice over; one takes some
// 200 bytes.
const knownSeries = 150_000

// known keeps the labels of series, which cost more to read and build than the
// samples of an hour. What a fingerprint stands for never changes.
type known = recent[seriesID, labels.Labels]

type seriesID struct {
	tenant      tenant.ID
	fingerprint uint64
	typ         metricstore.Type
	prometheus  bool
}

func newKnown() *known {
	return newRecent[seriesID](knownSeries, func(labels.Labels) int { return 1 })
}

// atOnce is how many series are read in one statement.
const atOnce = 10_000

// label gives the rows of an index their labels: those that are known, and the
// rest from storage. A series whose resource is not stored yet is looked up
// again next time.
func (q *querier) label(ctx context.Context, from, to time.Time, rows []metricstore.SeriesRow) (map[uint64]labels.Labels, error) {
	out := make(map[uint64]labels.Labels, len(rows))
	ids := map[uint64]seriesID{}
	var missing []uint64
	for i := range rows {
		id := seriesID{q.tenant, rows[i].Fingerprint, rows[i].Type, rows[i].Prometheus}
		if l, ok := q.known.get(id); ok {
			out[id.fingerprint] = l
		} else {
			missing = append(missing, id.fingerprint)
			ids[id.fingerprint] = id
		}
	}
	l := labeler{promote: q.promote}
	for fps := range slices.Chunk(missing, atOnce) {
		full, err := q.source.Series(ctx, q.tenant, from, to, metricstore.Selector{Fingerprints: fps, Limit: len(fps)})
		if err != nil {
			return nil, err
		}
		for i := range full {
			fp, made := full[i].Fingerprint, l.labels(&full[i], whole)
			out[fp] = made
			if full[i].Resource.Service != "" || full[i].Resource.ID == 0 { // a stored one has a service, known or not
				q.known.add(ids[fp], made)
			}
		}
	}
	return out, nil
}

// named is labels under the name of a part.
func named(b *labels.Builder, l labels.Labels, s *metricstore.SeriesRow, p part) labels.Labels {
	name := names(s, p)[0]
	if l.Get(model.MetricNameLabel) == name {
		return l
	}
	b.Reset(l)
	return b.Set(model.MetricNameLabel, name).Labels()
}

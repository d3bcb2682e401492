package query

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/trefoil-o11y/trefoil/query/promapi"
	"github.com/trefoil-o11y/trefoil/query/seriesview"
	"github.com/trefoil-o11y/trefoil/query/spelling"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// lately is what Prometheus, which asks its targets, calls now: the last day.
func (s *Service) lately() (from, to time.Time) {
	now := s.config.Now()
	return now.Add(-24 * time.Hour), now.Add(time.Hour)
}

// targetMetadata reads the metadata of metrics by what sent them. The labels
// of a target are job and instance, as on its series.
func (s *Service) targetMetadata(ctx context.Context, t tenant.ID, metric string, limit int) ([]promapi.TargetMetadata, error) {
	from, to := s.lately()
	found, err := s.config.Metrics.TargetMetadata(ctx, t, from, to, metric, limit)
	if err != nil {
		return nil, err
	}
	out := make([]promapi.TargetMetadata, len(found))
	for i, m := range found {
		target := labels.NewBuilder(labels.EmptyLabels())
		if m.Resource != nil {
			target.Set("job", seriesview.Job(m.Resource)).Set("instance", m.Resource.Instance)
		}
		out[i] = promapi.TargetMetadata{Target: target.Labels(), Metric: m.PromName, Type: typeName(m.Metadata), Help: m.Description, Unit: m.Unit}
	}
	return out, nil
}

// countSeries counts series under the names PromQL has for labels.
func (s *Service) countSeries(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (metricstore.Cardinality, error) {
	c, err := s.config.Metrics.Cardinality(ctx, t, from, to, limit)
	for _, list := range [][]metricstore.NameCount{c.ValuesByLabel, c.BytesByLabel, c.ByLabelPair} {
		for i := range list {
			list[i].Name = spelling.PairName(list[i].Name)
		}
	}
	return c, err
}

// cardinality counts the series of the last day.
func (s *Service) cardinality(ctx context.Context, t tenant.ID, limit int) (promapi.Cardinality, error) {
	from, to := s.lately()
	c, err := s.countSeries(ctx, t, from, to, limit)
	if err != nil {
		return promapi.Cardinality{}, err
	}
	out := promapi.Cardinality{
		Series: c.Series, LabelPairs: c.LabelPairs, ByMetric: countsOf(c.ByMetric), ValuesByLabel: countsOf(c.ValuesByLabel),
		BytesByLabel: countsOf(c.BytesByLabel), ByLabelPair: countsOf(c.ByLabelPair),
	}
	out.MinTime, out.MaxTime, out.Chunks, err = s.config.Metrics.SampleSpan(ctx, t, from, to)
	return out, err
}

func countsOf(counts []metricstore.NameCount) []promapi.Count {
	out := make([]promapi.Count, len(counts))
	for i, n := range counts {
		out[i] = promapi.Count{Name: n.Name, Value: n.Count}
	}
	return out
}

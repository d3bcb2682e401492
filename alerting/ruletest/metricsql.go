package ruletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/metricsqlexec"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// newMetricsQL makes the server's engine, over the series in memory.
func newMetricsQL(m *memory) *metricsqlexec.Engine {
	return metricsqlexec.New(metricsqlexec.Config{Metrics: metricexec.New(metricexec.Config{
		Source: stored{m}, Limits: metricexec.Limits{MaxSamples: maxSamples}, Promote: []string{},
	})})
}

// queryMetricsQL evaluates an expression over the series in memory.
func (w *world) queryMetricsQL(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	result, err := w.metricsql.Instant(ctx, tenant.Default, expr, at)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	switch v := result.Value.(type) {
	case promql.Vector:
		return slices.Clone(v), nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	}
	return nil, fmt.Errorf("rule result is a %s, not a vector or scalar", result.Value.Type())
}

// stored shows the series in memory as a store does. It implements
// metricexec.Source.
type stored struct{ *memory }

// Version is that of memory that may change at any time.
func (stored) Version(context.Context, time.Time, time.Time) samplestore.Version {
	return samplestore.Version{}
}

// Series lists more than the selector wants, as a source may.
func (m stored) Series(_ context.Context, _ tenant.ID, _, _ time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	var rows []metricstore.SeriesRow
	for fingerprint, s := range m.series {
		name := s.labels.Get(model.MetricNameLabel)
		if sel.Names != nil && !slices.Contains(sel.Names, name) || len(sel.Fingerprints) > 0 && !slices.Contains(sel.Fingerprints, fingerprint) {
			continue
		}
		own := s.labels.Map()
		delete(own, model.MetricNameLabel)
		rows = append(rows, metricstore.SeriesRow{
			Fingerprint: fingerprint, Name: name, PromName: name, Type: metricstore.Gauge, Labels: own, Resource: &resourcestore.Row{},
		})
	}
	if sel.Limit > 0 && len(rows) > sel.Limit {
		return nil, &conn.Error{Class: conn.Limit, Op: "series", Limit: "max_series", Message: fmt.Sprintf("more than %d series", sel.Limit)}
	}
	return rows, nil
}

// LabelSets lists the labels of series.
func (m stored) LabelSets(ctx context.Context, t tenant.ID, from, to time.Time, names []string, fps []uint64) ([]metricstore.LabelSet, error) {
	rows, err := m.Series(ctx, t, from, to, metricstore.Selector{Names: names, Fingerprints: fps})
	return metricstore.LabelSetsOf(rows), err
}

// LabelKeys are those of all series.
func (m stored) LabelKeys(ctx context.Context, t tenant.ID, from, to time.Time) ([]metricstore.LabelKey, error) {
	rows, err := m.Series(ctx, t, from, to, metricstore.Selector{})
	return metricstore.LabelKeysOf(rows), err
}

// Shapes lists a row for every series.
func (m stored) Shapes(ctx context.Context, t tenant.ID, from, to time.Time, keys []string, resources bool, _ int) ([]metricstore.SeriesRow, error) {
	rows, err := m.Series(ctx, t, from, to, metricstore.Selector{})
	return metricstore.ShapesOf(rows, keys, resources), err
}

// Index lists the same, without labels.
func (m stored) Index(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	rows, err := m.Series(ctx, t, from, to, sel)
	for i := range rows {
		rows[i].Labels, rows[i].Resource = nil, nil
	}
	return rows, err
}

// Samples reads what is there at the present time of the test.
func (m stored) Samples(_ context.Context, _ tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	for _, fingerprint := range slices.Sorted(slices.Values(r.Fingerprints)) {
		s := m.series[fingerprint]
		if s == nil {
			continue
		}
		found := samplestore.Samples{Fingerprint: fingerprint}
		for _, one := range s.samples {
			if one.t < r.From || one.t > min(r.To, m.until) {
				continue
			}
			if one.h != nil {
				return conn.Stats{}, errors.New("native histograms cannot be tested in MetricsQL, which has none")
			}
			found.Times, found.Start, found.Values = append(found.Times, one.t), append(found.Start, 0), append(found.Values, one.f)
		}
		if len(found.Times) == 0 {
			continue
		}
		if err := each(found); err != nil {
			return conn.Stats{}, err
		}
	}
	return conn.Stats{}, nil
}

// Stream reads the same.
func (m stored) Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	return m.Samples(ctx, t, r, each)
}

// Histograms finds none: those of test files are series.
func (stored) Histograms(context.Context, tenant.ID, samplestore.Range, func(samplestore.Histograms) error) (conn.Stats, error) {
	return conn.Stats{}, nil
}

// Bounds finds none.
func (stored) Bounds(context.Context, tenant.ID, samplestore.Range) (map[uint64][][]float64, error) {
	return nil, nil
}

// Exemplars finds none.
func (stored) Exemplars(context.Context, tenant.ID, samplestore.Range) (metricstore.Exemplars, error) {
	return metricstore.Exemplars{}, nil
}

// Metadata finds none.
func (stored) Metadata(context.Context, tenant.ID, time.Time, time.Time, string, int) ([]metricstore.Metadata, error) {
	return nil, nil
}

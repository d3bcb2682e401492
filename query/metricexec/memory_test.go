package metricexec

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// memory is a Source of series held in memory, all of one tenant.
type memory struct {
	stored     []metricstore.SeriesRow
	samples    map[uint64]samplestore.Samples
	histograms map[uint64][]histcol.Point
	exemplars  []metricstore.ExemplarRow
}

func newMemory() *memory {
	return &memory{samples: map[uint64]samplestore.Samples{}, histograms: map[uint64][]histcol.Point{}}
}

// add stores a series and returns its fingerprint.
func (m *memory) add(s metricstore.SeriesRow) uint64 {
	s.Fingerprint = uint64(len(m.stored) + 1)
	if s.Resource == nil {
		s.Resource = resource("", "", "")
	}
	m.stored = append(m.stored, s)
	return s.Fingerprint
}

func resource(service, namespace, instance string, more ...string) *resourcestore.Row {
	r := &resourcestore.Row{Service: service, Namespace: namespace, Instance: instance}
	more = append([]string{"service.name", service, "service.namespace", namespace, "service.instance.id", instance}, more...)
	for i := 0; i < len(more); i += 2 {
		if more[i+1] != "" {
			r.Attributes = append(r.Attributes, attribute.KeyValue{Key: more[i], Value: attribute.StringValue(more[i+1])})
		}
	}
	return r
}

func (m *memory) sample(fp uint64, t, start int64, v float64) {
	s := m.samples[fp]
	s.Times, s.Start, s.Values = append(s.Times, t), append(s.Start, start), append(s.Values, v)
	m.samples[fp] = s
}

func (m *memory) histogram(fp uint64, p histcol.Point) {
	m.histograms[fp] = append(m.histograms[fp], p)
}

// Series applies names only, the least a source may do.
func (m *memory) Series(_ context.Context, _ tenant.ID, _, _ time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	var out []metricstore.SeriesRow
	for _, s := range m.stored {
		if len(sel.Fingerprints) > 0 && !slices.Contains(sel.Fingerprints, s.Fingerprint) {
			continue
		}
		if sel.Names == nil || slices.Contains(sel.Names, s.Name) || slices.Contains(sel.Names, s.PromName) {
			out = append(out, s)
		}
	}
	if len(out) > sel.Limit {
		return nil, fault.TooManySeries(sel.Limit, nil)
	}
	return out, nil
}

func (m *memory) LabelSets(ctx context.Context, t tenant.ID, from, to time.Time, names []string, fps []uint64) ([]metricstore.LabelSet, error) {
	all, err := m.Series(ctx, t, from, to, metricstore.Selector{Names: names, Fingerprints: fps, Limit: math.MaxInt})
	return metricstore.LabelSetsOf(all), err
}

func (m *memory) Version(context.Context, time.Time, time.Time) samplestore.Version {
	return samplestore.Version{}
}

func (m *memory) Index(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	all, err := m.Series(ctx, t, from, to, sel)
	for i := range all {
		all[i].Labels, all[i].Resource = nil, nil
	}
	return all, err
}

func (m *memory) LabelKeys(context.Context, tenant.ID, time.Time, time.Time) ([]metricstore.LabelKey, error) {
	return metricstore.LabelKeysOf(m.stored), nil
}

func (m *memory) Shapes(_ context.Context, _ tenant.ID, _, _ time.Time, keys []string, resources bool, _ int) ([]metricstore.SeriesRow, error) {
	return metricstore.ShapesOf(m.stored, keys, resources), nil
}

func (m *memory) Samples(_ context.Context, _ tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	for _, fp := range r.Fingerprints {
		all := m.samples[fp]
		lo, _ := slices.BinarySearch(all.Times, r.From)
		hi, _ := slices.BinarySearch(all.Times, r.To+1)
		if lo == hi {
			continue
		}
		if err := each(samplestore.Samples{Fingerprint: fp, Times: all.Times[lo:hi], Start: all.Start[lo:hi], Values: all.Values[lo:hi]}); err != nil {
			return conn.Stats{}, err
		}
	}
	return conn.Stats{}, nil
}

func (m *memory) Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	return m.Samples(ctx, t, r, func(s samplestore.Samples) error {
		s.Times, s.Values = slices.Clone(s.Times), slices.Clone(s.Values) // each may write to them
		return each(s)
	})
}

func (m *memory) Histograms(_ context.Context, _ tenant.ID, r samplestore.Range, each func(samplestore.Histograms) error) (conn.Stats, error) {
	for _, fp := range r.Fingerprints {
		h := samplestore.Histograms{Fingerprint: fp}
		for _, p := range m.histograms[fp] {
			if p.Time >= r.From && p.Time <= r.To {
				h.Points = append(h.Points, p)
			}
		}
		if len(h.Points) == 0 {
			continue
		}
		if err := each(h); err != nil {
			return conn.Stats{}, err
		}
	}
	return conn.Stats{}, nil
}

func (m *memory) Exemplars(_ context.Context, _ tenant.ID, r samplestore.Range) (metricstore.Exemplars, error) {
	var out metricstore.Exemplars
	for _, x := range m.exemplars {
		if at := x.Time / 1e6; slices.Contains(r.Fingerprints, x.Fingerprint) && at >= r.From && at <= r.To {
			out.Rows = append(out.Rows, x)
		}
	}
	return out, nil
}

func (m *memory) Metadata(_ context.Context, _ tenant.ID, _, _ time.Time, name string, limit int) ([]metricstore.Metadata, error) {
	var out []metricstore.Metadata
	for _, s := range m.stored {
		if (name == "" || name == s.Name || name == s.PromName) && len(out) < limit {
			out = append(out, metricstore.Metadata{Name: s.Name, PromName: s.PromName, Type: s.Type})
		}
	}
	return out, nil
}

func (m *memory) Bounds(ctx context.Context, t tenant.ID, r samplestore.Range) (map[uint64][][]float64, error) {
	out := map[uint64][][]float64{}
	_, err := m.Histograms(ctx, t, r, func(h samplestore.Histograms) error {
		for _, p := range h.Points {
			out[h.Fingerprint] = append(out[h.Fingerprint], p.Bounds)
		}
		return nil
	})
	return out, err
}

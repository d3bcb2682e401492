package metricexec

import (
	"context"
	"slices"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// memory is a Source of series held in memory, all of one tenant.
type memory struct {
	stored     []Stored
	samples    map[uint64]Samples
	histograms map[uint64][]HistogramRow
	exemplars  []Exemplar
}

func newMemory() *memory {
	return &memory{samples: map[uint64]Samples{}, histograms: map[uint64][]HistogramRow{}}
}

// add stores a series and returns its fingerprint.
func (m *memory) add(s Stored) uint64 {
	s.Fingerprint = uint64(len(m.stored) + 1)
	m.stored = append(m.stored, s)
	return s.Fingerprint
}

func (m *memory) sample(fp uint64, t, start int64, v float64) {
	s := m.samples[fp]
	s.Fingerprint = fp
	s.Times, s.Start, s.Values = append(s.Times, t), append(s.Start, start), append(s.Values, v)
	m.samples[fp] = s
}

func (m *memory) histogram(fp uint64, r HistogramRow) {
	r.Fingerprint = fp
	m.histograms[fp] = append(m.histograms[fp], r)
}

// Series applies names only, the least a source may do.
func (m *memory) Series(_ context.Context, _ tenant.ID, sel Selection) ([]Stored, bool, error) {
	var out []Stored
	for _, s := range m.stored {
		if sel.Names == nil || slices.Contains(sel.Names, s.Name) || slices.Contains(sel.Names, s.PromName) {
			out = append(out, s)
		}
	}
	if len(out) > sel.Limit {
		return out[:sel.Limit], true, nil
	}
	return out, false, nil
}

func (m *memory) Samples(_ context.Context, _ tenant.ID, fps []uint64, from, to int64, each func(Samples) error) error {
	for _, fp := range fps {
		all := m.samples[fp]
		lo, _ := slices.BinarySearch(all.Times, from)
		hi, _ := slices.BinarySearch(all.Times, to+1)
		err := each(Samples{fp, all.Times[lo:hi], all.Start[lo:hi], all.Values[lo:hi]})
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Histograms(_ context.Context, _ tenant.ID, fps []uint64, from, to int64, each func(HistogramRow) error) error {
	for _, fp := range fps {
		for _, r := range m.histograms[fp] {
			if r.Time < from || r.Time > to {
				continue
			}
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memory) Bounds(ctx context.Context, t tenant.ID, fps []uint64, from, to int64) (map[uint64][][]float64, error) {
	out := map[uint64][][]float64{}
	err := m.Histograms(ctx, t, fps, from, to, func(r HistogramRow) error {
		out[r.Fingerprint] = append(out[r.Fingerprint], r.Bounds)
		return nil
	})
	return out, err
}

func (m *memory) Exemplars(_ context.Context, _ tenant.ID, fps []uint64, from, to int64, limit int) ([]Exemplar, error) {
	var out []Exemplar
	for _, x := range m.exemplars {
		if slices.Contains(fps, x.Fingerprint) && x.Time >= from && x.Time <= to && len(out) < limit {
			out = append(out, x)
		}
	}
	return out, nil
}

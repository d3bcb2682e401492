package metricsqlexec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/samplestore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// began is when the test's data begins, in Unix ms.
const began = 1_700_000_000_000

// memory is a source of series that were put into it.
type memory struct {
	rows    []metricstore.SeriesRow
	samples []samplestore.Samples
}

// put stores one series; labels come as name and value in turn.
func (m *memory) put(name string, labels map[string]string, times []int64, values []float64) {
	fp := uint64(len(m.rows) + 1)
	m.rows = append(m.rows, metricstore.SeriesRow{Fingerprint: fp, Name: name, PromName: name, Type: metricstore.Gauge, Labels: labels, Resource: &resourcestore.Row{}})
	m.samples = append(m.samples, samplestore.Samples{Fingerprint: fp, Times: times, Start: make([]int64, len(times)), Values: values})
}

func (m *memory) Series(_ context.Context, _ tenant.ID, _, _ time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	var out []metricstore.SeriesRow
	for _, r := range m.rows {
		if len(sel.Fingerprints) > 0 && !slices.Contains(sel.Fingerprints, r.Fingerprint) {
			continue
		}
		if sel.Names == nil || slices.Contains(sel.Names, r.Name) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (m *memory) LabelSets(ctx context.Context, t tenant.ID, from, to time.Time, names []string, fps []uint64) ([]metricstore.LabelSet, error) {
	all, err := m.Series(ctx, t, from, to, metricstore.Selector{Names: names, Fingerprints: fps})
	return metricstore.LabelSetsOf(all), err
}

func (m *memory) Version(context.Context, time.Time, time.Time) samplestore.Version {
	return samplestore.Version{}
}

func (m *memory) LabelKeys(ctx context.Context, t tenant.ID, from, to time.Time) ([]metricstore.LabelKey, error) {
	all, err := m.Series(ctx, t, from, to, metricstore.Selector{})
	return metricstore.LabelKeysOf(all), err
}

func (m *memory) Shapes(ctx context.Context, t tenant.ID, from, to time.Time, keys []string, resources bool, _ int) ([]metricstore.SeriesRow, error) {
	all, err := m.Series(ctx, t, from, to, metricstore.Selector{})
	return metricstore.ShapesOf(all, keys, resources), err
}

func (m *memory) Index(ctx context.Context, t tenant.ID, from, to time.Time, sel metricstore.Selector) ([]metricstore.SeriesRow, error) {
	all, err := m.Series(ctx, t, from, to, sel)
	for i := range all {
		all[i].Labels, all[i].Resource = nil, nil
	}
	return all, err
}

func (m *memory) Stream(ctx context.Context, t tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	return m.Samples(ctx, t, r, each)
}

func (m *memory) Samples(_ context.Context, _ tenant.ID, r samplestore.Range, each func(samplestore.Samples) error) (conn.Stats, error) {
	for _, fp := range r.Fingerprints {
		s := m.samples[fp-1]
		lo, _ := slices.BinarySearch(s.Times, r.From)
		hi, _ := slices.BinarySearch(s.Times, r.To+1)
		if lo < hi {
			s.Times, s.Start, s.Values = slices.Clone(s.Times[lo:hi]), slices.Clone(s.Start[lo:hi]), slices.Clone(s.Values[lo:hi])
			if err := each(s); err != nil {
				return conn.Stats{}, err
			}
		}
	}
	return conn.Stats{}, nil
}

func (m *memory) Histograms(context.Context, tenant.ID, samplestore.Range, func(samplestore.Histograms) error) (conn.Stats, error) {
	return conn.Stats{}, nil
}

func (m *memory) Bounds(context.Context, tenant.ID, samplestore.Range) (map[uint64][][]float64, error) {
	return nil, nil
}

func (m *memory) Exemplars(context.Context, tenant.ID, samplestore.Range) (metricstore.Exemplars, error) {
	return metricstore.Exemplars{}, nil
}

func (m *memory) Metadata(context.Context, tenant.ID, time.Time, time.Time, string, int) ([]metricstore.Metadata, error) {
	return nil, nil
}

// dataset is an hour of series of all kinds, the same in every run.
func dataset() *memory {
	m := &memory{}
	rng := rand.New(rand.NewPCG(4, 2))
	scrapes := func(every int64, each func(t int64)) (times []int64) {
		for t := int64(began); t < began+3_600_000; t += every {
			if rng.IntN(15) > 0 { // a missed scrape
				at := t + rng.Int64N(400)
				times = append(times, at)
				each(at)
			}
		}
		return times
	}
	add := func(name string, labels map[string]string, every int64, next func(t int64) float64) {
		var values []float64
		times := scrapes(every, func(t int64) { values = append(values, next(t)) })
		m.put(name, labels, times, values)
	}
	counter := func(step, restart int) func(int64) float64 {
		var v float64
		return func(int64) float64 {
			if v += float64(rng.IntN(step)); restart > 0 && rng.IntN(restart) == 0 {
				v = 0
			}
			return v
		}
	}
	for i, instance := range []string{"a", "b", "c"} {
		for _, code := range []string{"200", "500"} {
			add("requests_total", map[string]string{"instance": instance, "code": code}, 15_000, counter(50, 60))
		}
		for _, room := range []string{"x", "y"} {
			add("temp", map[string]string{"instance": instance, "room": room, "shout": "FOO"}, 15_000, func(int64) float64 { return float64(1 + rng.IntN(5)) })
		}
		phase := float64(i)
		add("memory_bytes", map[string]string{"instance": instance, "zone": []string{"z1", "z1", "z2"}[i]}, 15_000, func(t int64) float64 {
			return math.Round(3e6 + 2e6*math.Sin(float64(t-began)/9e5+phase) + 4e5*rng.Float64())
		})
		counts := make([]func(int64) float64, 0)
		var below float64
		for range 4 {
			counts = append(counts, counter(20, 0))
		}
		totals := make([]map[int64]float64, 4)
		for k, le := range []string{"0.1", "0.5", "1", "+Inf"} {
			totals[k] = map[int64]float64{}
			var times []int64
			var values []float64
			for t := int64(began); t < began+3_600_000; t += 30_000 {
				below = 0
				if k > 0 {
					below = totals[k-1][t]
				}
				totals[k][t] = below + counts[k](t)
				times, values = append(times, t), append(values, totals[k][t])
			}
			m.put("latency_bucket", map[string]string{"instance": instance, "le": le}, times, values)
		}
	}
	for _, vmrange := range []string{"1.000e+00...1.136e+00", "1.136e+00...1.292e+00", "2.154e+00...2.448e+00", "2.448e+00...2.783e+00", "5.995e+00...6.813e+00"} {
		add("sizes_bucket", map[string]string{"vmrange": vmrange}, 30_000, counter(9, 0))
	}
	for _, id := range []string{"1", "2", "10", "2a", "v3"} {
		add("numbered", map[string]string{"id": id}, 60_000, func(int64) float64 { return float64(rng.IntN(10)) })
	}
	add("sparse", map[string]string{"instance": "a", "room": "x"}, 400_000, func(int64) float64 { return float64(rng.IntN(10)) })
	add("sparse", map[string]string{"instance": "b", "room": "q"}, 600_000, func(int64) float64 { return float64(rng.IntN(10)) })
	add("sparse_total", map[string]string{"instance": "a"}, 200_000, counter(50, 0))
	m.put("single", map[string]string{"instance": "a"}, []int64{began + 1_500_000}, []float64{42})
	partial, late := 0.0, 1e6
	add("partial_total", map[string]string{"instance": "a"}, 15_000, func(int64) float64 {
		if partial += float64(rng.IntN(30)); rng.IntN(20) == 0 {
			partial -= math.Floor(partial / 20)
		}
		return partial
	})
	var times []int64
	var values []float64
	for t := int64(began + 1_300_000); t < began+3_000_000; t += 20_000 {
		late += float64(rng.IntN(9))
		times, values = append(times, t), append(values, late)
	}
	m.put("late_total", map[string]string{"instance": "a"}, times, values)
	m.put("late_total", map[string]string{"instance": "b"}, times[20:], slices.Clone(values[:len(values)-20]))
	for i := range m.samples[len(m.samples)-1].Values {
		m.samples[len(m.samples)-1].Values[i] -= 1e6
	}
	return m
}

func engineOn(source metricexec.Source) *Engine {
	return New(Config{
		Metrics: metricexec.New(metricexec.Config{Source: source, Promote: []string{}, Limits: metricexec.Limits{Timeout: time.Minute}}),
		Now:     func() time.Time { return time.UnixMilli(began + 3_600_000) },
	})
}

func (m *memory) String() string { return fmt.Sprintf("%d series", len(m.rows)) }

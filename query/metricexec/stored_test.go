package metricexec

import (
	"slices"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// retention keeps samples of 2023 from being expired.
const retention = 20_000 // days

// stored puts what memory holds into a database and returns the store on it.
func stored(t testing.TB, m *memory) *metricstore.Store {
	t.Helper()
	db := storagetest.DB(t)
	known := resourcestore.NewKnown(1000)
	resources := resourcestore.NewBatch(tenant.Default, retention, known)
	metrics := metricstore.NewBatch(tenant.Default, retention, known)
	for i := range m.stored {
		put(m, &m.stored[i], resources, metrics)
	}
	var blocks []block.Block
	for _, add := range []func([]block.Block) ([]block.Block, error){resources.Blocks, metrics.Blocks} {
		var err error
		if blocks, err = add(blocks); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range blocks {
		if err := db.Insert(t.Context(), b.Table, "shop", []block.Block{b}); err != nil {
			t.Fatal(err)
		}
	}
	return metricstore.New(db, resourcestore.New(db))
}

func put(m *memory, row *metricstore.SeriesRow, resources *resourcestore.Batch, metrics *metricstore.Batch) {
	attributes := slices.Clone(row.Resource.Attributes)
	s := &metricstore.Series{Name: row.Name, Unit: row.Unit, Type: row.Type, Temporality: row.Temporality, Monotonic: row.Monotonic}
	if row.Prometheus {
		s.PromName = row.PromName
	}
	for key, v := range row.Labels {
		s.Attributes = append(s.Attributes, attribute.KeyValue{Key: key, Value: attribute.StringValue(v)})
	}
	first := int64(0)
	samples, histograms := m.samples[row.Fingerprint], m.histograms[row.Fingerprint]
	if len(samples.Times) > 0 {
		first = samples.Times[0]
	} else if len(histograms) > 0 {
		first = histograms[0].Time
	}
	s.ResourceID, _ = resources.Resource(day(first), &resourcestore.Resource{Attributes: attributes})
	fp := metrics.Series(s, first)
	for i, ts := range samples.Times {
		metrics.SeriesDay(s, fp, ts)
		metrics.Sample(fp, ts, samples.Start[i], samples.Values[i])
	}
	for _, h := range histograms {
		if h.Kind == 0 {
			h.Kind = histcol.KindExplicit
		}
		metrics.SeriesDay(s, fp, h.Time)
		metrics.Histogram(fp, &h)
	}
}

func day(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

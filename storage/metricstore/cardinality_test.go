package metricstore_test

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

func TestCardinality(t *testing.T) {
	f := newFixture(t)
	at, day := noon.UnixMilli(), 24*time.Hour
	f.insert(t, "default", func(res *resourcestore.Batch, b *metricstore.Batch) {
		cart, _ := res.Resource(noon, resource(str("service.name", "cart"), str("service.namespace", "shop"), str("service.instance.id", "i-1")))
		for i := range 5 {
			s := &metricstore.Series{Name: "requests", Type: metricstore.Sum, Monotonic: true, Attributes: []attribute.KeyValue{str("user", fmt.Sprint("u", i)), str("code", "200")}, ResourceID: cart}
			fp := b.Series(s, at)
			b.Sample(fp, at, 0, 1)
			if i < 2 {
				b.SeriesDay(s, fp, at+day.Milliseconds())
			}
		}
		b.Series(&metricstore.Series{Name: "memory", Type: metricstore.Gauge, Unit: "By", ResourceID: cart}, at+day.Milliseconds())
	})
	f.insert(t, "other", func(_ *resourcestore.Batch, b *metricstore.Batch) {
		b.Series(&metricstore.Series{Name: "secret", Type: metricstore.Gauge, Attributes: []attribute.KeyValue{str("user", "x")}}, at)
	})
	got, err := f.Cardinality(t.Context(), "default", noon, noon.Add(day), 3)
	if err != nil {
		t.Fatal(err)
	}
	first := noon.Truncate(day)
	want := metricstore.Cardinality{
		Series: 6, LabelPairs: 9,
		Days:          []metricstore.DayCount{{first, 5, 5}, {first.Add(day), 3, 1}},
		ByMetric:      []metricstore.NameCount{{"requests_total", 5}, {"memory_bytes", 1}},
		ValuesByLabel: []metricstore.NameCount{{"user", 5}, {"code", 1}, {"instance", 1}},
		BytesByLabel:  []metricstore.NameCount{{"user", 10}, {"job", 9}, {"service.name", 4}},
		ByLabelPair:   []metricstore.NameCount{{"instance=i-1", 6}, {"job=shop/cart", 6}, {"service.name=cart", 6}},
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	from, to, rows, err := f.SampleSpan(t.Context(), "default", noon, noon)
	if hour := noon.Truncate(time.Hour).UnixMilli(); err != nil || from != hour || to != hour || rows != 5 {
		t.Errorf("span %d to %d in %d rows, %v", from, to, rows, err)
	}
}

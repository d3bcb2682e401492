package metricstore_test

import (
	"strconv"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// BenchmarkBatch is one point of one of 2,000 series that are already known,
// one in five a histogram, through Series, Sample or Histogram and its share of
// Blocks: a scrape a batch.
func BenchmarkBatch(b *testing.B) {
	const series = 2_000
	list := make([]metricstore.Series, series)
	for i := range list {
		list[i] = metricstore.Series{
			Name: "http.server.request.count", Unit: "{request}", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Monotonic: true,
			Attributes: []attribute.KeyValue{
				{Key: "http.request.method", Value: attribute.StringValue("GET")},
				{Key: "http.response.status_code", Value: attribute.IntValue(200)},
				{Key: "http.route", Value: attribute.StringValue("/api/item/" + strconv.Itoa(i))},
			},
			ResourceID: 42, ScopeID: 43,
		}
	}
	h := histcol.Point{Kind: histcol.KindExplicit, Flags: histcol.HasSum, Count: 100, Sum: 12.5,
		Bounds: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, Counts: []uint64{1, 2, 3, 4, 50, 20, 10, 5, 3, 1, 1, 0}}
	known := resourcestore.NewKnown(10 * series)
	batch := metricstore.NewBatch("default", 30, known)
	var blocks []block.Block
	now, bytes, n := int64(1_700_000_000_000), 0, 0
	b.ReportAllocs()
	for b.Loop() {
		fp := batch.Series(&list[n%series], now)
		if n%5 == 4 {
			h.Time = now
			batch.Histogram(fp, &h)
		} else {
			batch.Sample(fp, now, now-60_000, float64(n))
		}
		if n++; n%series == 0 {
			now += 10_000
			var err error
			if blocks, err = batch.Blocks(blocks[:0]); err != nil {
				b.Fatal(err)
			}
			for i := range blocks {
				bytes += len(blocks[i].Native)
			}
			batch.MarkStored()
			batch.Reset()
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "body-B/op")
}

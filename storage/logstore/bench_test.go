package logstore_test

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// BenchmarkBatch is one record through Append and its share of Blocks.
func BenchmarkBatch(b *testing.B) {
	r := logstore.Record{
		Time: 1_700_000_000_000_000_000, ObservedTime: 1_700_000_000_000_000_500, SeverityNumber: 9, SeverityText: "INFO",
		TraceID: [16]byte{1, 2, 3}, SpanID: [8]byte{4, 5}, Flags: 1,
		Body: attribute.StringValue("order 48151 placed by user u012345 in 23 ms, 3 items, total 99.50 EUR"),
		Attributes: []attribute.KeyValue{
			{Key: "http.request.method", Value: attribute.StringValue("POST")},
			{Key: "http.response.status_code", Value: attribute.IntValue(201)},
			{Key: "url.path", Value: attribute.StringValue("/api/orders")},
			{Key: "user.id", Value: attribute.StringValue("u012345")},
			{Key: "order.total", Value: attribute.DoubleValue(99.5)},
			{Key: "cache.hit", Value: attribute.BoolValue(true)},
		},
		Service: "checkout", ResourceID: 42, ScopeID: 43,
	}
	const size = 5_000
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	var blocks []block.Block
	bytes := 0
	b.ReportAllocs()
	for b.Loop() {
		r.Time += 1000
		r.TraceID[0]++
		batch.Append(&r)
		if batch.Rows() == size {
			var err error
			if blocks, err = batch.Blocks(blocks[:0]); err != nil {
				b.Fatal(err)
			}
			bytes += len(blocks[0].Native)
			batch.Reset()
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "body-B/op")
}

package tracestore_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// BenchmarkBatch is one span, one in four with an event, through Append and
// its share of Blocks; a trace has eight spans.
func BenchmarkBatch(b *testing.B) {
	b.Run("", func(b *testing.B) { benchmarkBatch(b, nil) })
	b.Run("vocabulary", func(b *testing.B) { benchmarkBatch(b, tracestore.NewVocabulary()) })
}

func benchmarkBatch(b *testing.B, v *tracestore.Vocabulary) {
	event := []tracestore.Event{{Time: 1_700_000_000_000_000_100, Name: "exception", Attributes: []attribute.KeyValue{
		{Key: "exception.type", Value: attribute.StringValue("TimeoutError")},
		{Key: "exception.message", Value: attribute.StringValue("payment did not answer in 2 s")},
	}}}
	r := tracestore.Record{
		Name: "POST /api/orders", Kind: 2, Start: 1_700_000_000_000_000_000, End: 1_700_000_000_023_000_000, Flags: 1,
		Attributes: []attribute.KeyValue{
			{Key: "http.request.method", Value: attribute.StringValue("POST")},
			{Key: "http.response.status_code", Value: attribute.IntValue(201)},
			{Key: "url.path", Value: attribute.StringValue("/api/orders")},
			{Key: "user.id", Value: attribute.StringValue("u012345")},
			{Key: "server.address", Value: attribute.StringValue("checkout.shop.svc")},
			{Key: "server.port", Value: attribute.IntValue(8443)},
			{Key: "network.protocol.version", Value: attribute.StringValue("1.1")},
		},
		Service: "checkout", ResourceID: 42, ScopeID: 43,
	}
	const size = 5_000
	batch := tracestore.NewBatch("default", 30)
	batch.Vocabulary = v
	users := make([]string, 5000)
	for i := range users {
		users[i] = fmt.Sprintf("u%06d", i)
	}
	var blocks []block.Block
	bytes, n := 0, uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.BigEndian.PutUint64(r.TraceID[8:], n/8)
		binary.BigEndian.PutUint64(r.SpanID[:], n)
		r.Start += 1000
		r.End += 1000
		r.Attributes[3].Value.Str = users[n*7%uint64(len(users))]
		r.Events = nil
		if n%4 == 0 {
			r.Events = event
		}
		batch.Append(&r)
		if batch.Rows() == size {
			var err error
			if blocks, err = batch.Blocks(blocks[:0]); err != nil {
				b.Fatal(err)
			}
			for i := range blocks {
				bytes += len(blocks[i].Native)
			}
			learned := batch.Learned()
			batch.Reset()
			learned()
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "body-B/op")
}

package schema_test

import (
	"math"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/histcol"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Every table takes the blocks its store builds, column by column and type by
// type: the DDL and the builders are two spellings of one thing. What the
// values look like when read back is tested in the stores.
func TestTablesTakeTheStoresBlocks(t *testing.T) {
	db := storagetest.DB(t)
	now := time.Now().UTC()
	attrs := []attribute.KeyValue{{Key: "service.name", Value: attribute.StringValue("shop")}, {Key: "n", Value: attribute.IntValue(5)}, {Key: "raw", Value: attribute.BytesValue("\x00")}}
	known := resourcestore.NewKnown(100)

	res := resourcestore.NewBatch("default", 30, known)
	id, service := res.Resource(now, &resourcestore.Resource{Attributes: attrs})
	scope := res.Scope(now, &resourcestore.Scope{Name: "lib", Version: "1"})
	if again, _ := res.Resource(now, &resourcestore.Resource{Attributes: attrs}); again != id || res.Rows() != 2 {
		t.Errorf("the same resource again: id %d then %d, %d rows", id, again, res.Rows())
	}

	logs := logstore.NewBatch("default", 30, logstore.NewSequence())
	spans := tracestore.NewBatch("default", 30)
	spans.Vocabulary = tracestore.NewVocabulary()
	metrics := metricstore.NewBatch("default", 30, known)
	for i := range 3 {
		trace := [16]byte{byte(i)}
		logs.Append(&logstore.Record{Time: now.UnixNano(), Body: attribute.StringValue("hello"), Attributes: attrs, TraceID: trace, Service: service, ResourceID: id, ScopeID: scope})
		spans.Append(&tracestore.Record{TraceID: trace, Name: "op", Start: now.UnixNano(), End: now.UnixNano() + 5, Attributes: attrs, Service: service, ResourceID: id, ScopeID: scope,
			Events: make([]tracestore.Event, i), Links: make([]tracestore.Link, i)})
		fp := metrics.Series(&metricstore.Series{Name: "m", Type: metricstore.Sum, Temporality: metricstore.Cumulative, Attributes: attrs, ResourceID: id}, now.UnixMilli())
		metrics.Sample(fp, now.UnixMilli()+int64(i), 0, float64(i))
		metrics.Sample(fp, now.UnixMilli()+3600_000, 0, math.NaN())
		metrics.Histogram(fp, &histcol.Point{Time: now.UnixMilli(), Kind: histcol.KindExplicit, Bounds: []float64{1, 2}, Counts: []uint64{1, 2, 3}})
		metrics.Exemplar(fp, "m", &metricstore.Exemplar{Time: now.UnixNano(), TraceID: trace, Attributes: attrs})
	}
	var blocks []block.Block
	for _, add := range []func([]block.Block) ([]block.Block, error){res.Blocks, logs.Blocks, spans.Blocks, metrics.Blocks} {
		var err error
		if blocks, err = add(blocks); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]uint64{"resources": 1, "scopes": 1, "logs": 3, "spans": 3, "trace_index": 3, "span_values": 5, "series": 1, "samples": 2, "histograms": 3, "exemplars": 3}
	for _, b := range blocks {
		if err := db.Insert(t.Context(), b.Table, "once", []block.Block{b}); err != nil {
			t.Fatal(err)
		}
		var n uint64
		if _, err := db.Select(t.Context(), conn.Query{SQL: "SELECT count() FROM " + b.Table}, func(r driver.Rows) error { return r.Scan(&n) }); err != nil {
			t.Fatal(err)
		}
		if n != want[b.Table] {
			t.Errorf("%s has %d rows, want %d", b.Table, n, want[b.Table])
		}
		delete(want, b.Table)
	}
	if len(want) > 0 {
		t.Errorf("no block for %v", want)
	}

	res.MarkStored()
	later := resourcestore.NewBatch("default", 30, known)
	later.Resource(now, &resourcestore.Resource{Attributes: attrs})
	if later.Rows() != 0 {
		t.Error("a stored resource is sent again")
	}
	later.Resource(now.AddDate(0, 0, 1), &resourcestore.Resource{Attributes: attrs})
	if later.Rows() != 1 {
		t.Error("a stored resource is not sent for the next day")
	}
}

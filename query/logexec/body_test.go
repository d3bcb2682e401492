package logexec_test

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// A body that is no text is a line of plain JSON, whatever it is stored as, also
// where the server counts.
func TestBodiesThatAreNoText(t *testing.T) {
	w := newWorld(t)
	res := resourcestore.NewBatch("t", 30, resourcestore.NewKnown(10))
	id, service := res.Resource(epoch, &resourcestore.Resource{})
	logs := logstore.NewBatch("t", 30, w.seq)
	for i, body := range []attribute.Value{
		attribute.StringValue(`{"k":"stringValue"}`),
		attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}`),
		attribute.IntValue(42), attribute.BoolValue(true),
	} {
		logs.Append(&logstore.Record{Time: epoch.UnixNano() + int64(i) + 1, Body: body, Service: service, ResourceID: id})
	}
	storagetest.Insert(t, w.db, "r", res)
	storagetest.Insert(t, w.db, "l", logs)
	for q, want := range map[string]float64{
		`{} |= "stringValue"`: 1, `{} != "stringValue"`: 3, `{} |= "{\"k\":\"v\"}"`: 1, `{} |~ "^42$"`: 1, `{} |> "tr<_>"`: 1, `{} !> "tr<_>"`: 3, `{} | json | k="v"`: 1, `{}`: 4,
		`{} |= "k" or "42"`: 3, `{} !~ "k" != "42"`: 1,
	} {
		l, err := logql.ParseLog(q)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := w.engine.Lines(t.Context(), "t", l, logexec.Window{From: epoch, To: epoch.Add(1e9), Limit: 100})
		if err != nil || len(lines.Lines) != int(want) {
			t.Errorf("%s: %d lines, %v; want %v", q, len(lines.Lines), err, want)
		}
		m, err := logql.ParseMetric("sum(count_over_time(" + q + "[1m]))")
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.engine.Instant(t.Context(), "t", m, epoch.Add(1e9))
		if err != nil || len(s.Series) != 1 || s.Series[0].Values[0] != want {
			t.Errorf("count of %s: %+v, %v; want %v", q, s, err, want)
		}
	}
}

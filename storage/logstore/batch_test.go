package logstore_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// stored reads the table in the order the records were numbered.
func stored(t *testing.T, db *conn.DB) []logstore.Record {
	t.Helper()
	var list []logstore.Record
	storagetest.Rows(t, db, `SELECT toUnixTimestamp64Nano(time), toUnixTimestamp64Nano(observed_time), severity_number, severity_text, trace_id, span_id, flags, event_name,
		body, body_kind, dropped_attributes_count, service_name, resource_id, scope_id, `+storagetest.AttributesSQL+` FROM logs ORDER BY id`, func(rows driver.Rows) error {
		var r logstore.Record
		var a storagetest.Attributes
		var trace, span, body string
		var kind uint8
		if err := rows.Scan(&r.Time, &r.ObservedTime, &r.SeverityNumber, &r.SeverityText, &trace, &span, &r.Flags, &r.EventName,
			&body, &kind, &r.Dropped, &r.Service, &r.ResourceID, &r.ScopeID, &a.JSON, &a.Keys, &a.Values); err != nil {
			return err
		}
		copy(r.TraceID[:], trace)
		copy(r.SpanID[:], span)
		var err error
		if r.Body, err = bodyOf(attribute.Kind(kind), body); err != nil {
			return err
		}
		r.Attributes, err = a.KeyValues()
		list = append(list, r)
		return err
	})
	return list
}

func bodyOf(k attribute.Kind, text string) (attribute.Value, error) {
	switch k {
	case attribute.String:
		return attribute.StringValue(text), nil
	case attribute.Empty:
		if text != "" {
			return attribute.Value{}, fmt.Errorf("an empty body has the text %q", text)
		}
		return attribute.Value{}, nil
	case attribute.Slice, attribute.Map:
		return attribute.JSONValue(k, text), nil
	}
	v, err := attribute.ParseValue(text)
	if err == nil && v.Kind != k {
		err = fmt.Errorf("a body of kind %d has the text %q", k, text)
	}
	return v, err
}

func records() []logstore.Record {
	now := time.Now().UnixNano()
	odd := storagetest.OddAttributes()
	list := []logstore.Record{
		{},
		{Time: now, ObservedTime: now + 1, SeverityNumber: 24, SeverityText: "FATAL4", TraceID: [16]byte{1, 15: 0xff}, SpanID: [8]byte{2, 7: 0xfe}, Flags: math.MaxUint32,
			EventName: "device.app.lifecycle", Body: attribute.StringValue("hello"), Attributes: odd, Dropped: 3, Service: "shop", ResourceID: math.MaxUint64, ScopeID: 1},
		{Time: now, SeverityText: "\xff not UTF-8", Body: attribute.StringValue("\x00\xff\n"), Service: strings.Repeat("long", 300)},
		{Time: now, Attributes: []attribute.KeyValue{{Key: "a", Value: attribute.StringValue("1")}}}, // another type than in the record before
		{Time: now},
	}
	for _, kv := range odd { // every attribute is a body, too
		list = append(list, logstore.Record{Time: now, Body: kv.Value})
	}
	return list
}

func TestRecordsAreKeptAsTheyAre(t *testing.T) {
	db := storagetest.DB(t)
	// Records of 1970 would be past their retention.
	if err := db.Exec(t.Context(), "ALTER TABLE logs REMOVE TTL"); err != nil {
		t.Fatal(err)
	}
	want := records()
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	for i := range want {
		batch.Append(&want[i])
	}
	if batch.Rows() != len(want) {
		t.Errorf("Rows() = %d, want %d", batch.Rows(), len(want))
	}
	storagetest.Insert(t, db, "once", batch)
	if d := cmp.Diff(want, stored(t, db), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("as inserted (-want +got):\n%.4000s", d)
	}
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE logs FINAL"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, stored(t, db), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("after a merge (-want +got):\n%.4000s", d)
	}
	if n := storagetest.Count(t, db, "SELECT count() FROM logs WHERE tenant != 'default' OR retention_days != 30"); n != 0 {
		t.Errorf("%d rows of another tenant or retention", n)
	}
}

func TestTimeIsWhenItWasSeenWhereTheSenderHasNone(t *testing.T) {
	db := storagetest.DB(t)
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	seen := time.Now().UnixNano()
	batch.Append(&logstore.Record{ObservedTime: seen})
	storagetest.Insert(t, db, "once", batch)
	if got := stored(t, db); len(got) != 1 || got[0].Time != seen {
		t.Errorf("stored %+v, want one record at %d", got, seen)
	}
}

// A gigantic variety of keys must cost neither a value nor the process.
func TestTenThousandKeys(t *testing.T) {
	db := storagetest.DB(t)
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	var want []logstore.Record
	for i := range 1000 {
		r := logstore.Record{Time: time.Now().UnixNano()}
		for j := range 10 {
			r.Attributes = append(r.Attributes, attribute.KeyValue{Key: fmt.Sprintf("key.%04d.%d", i, j), Value: attribute.IntValue(int64(i))})
		}
		want = append(want, r)
		batch.Append(&r)
	}
	storagetest.Insert(t, db, "once", batch)
	got := stored(t, db)
	for i := range got {
		got[i].ObservedTime, want[i].Time = 0, got[i].Time
		attribute.Sort(got[i].Attributes)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%.2000s", d)
	}
}

// What an acknowledgement lost on the way leads to: the same blocks again.
func TestRepeatedInsertAddsNothing(t *testing.T) {
	db := storagetest.DB(t)
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	for range 3 {
		batch.Append(&logstore.Record{Time: time.Now().UnixNano(), Attributes: storagetest.OddAttributes()})
	}
	blocks := storagetest.Insert(t, db, "segment-7", batch)
	for range 2 {
		if err := db.Insert(t.Context(), logstore.Table, "segment-7", blocks); err != nil {
			t.Fatal(err)
		}
	}
	if n := storagetest.Count(t, db, "SELECT count() FROM logs"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestEmptyBatchHasNoBlocks(t *testing.T) {
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	check := func(when string) {
		t.Helper()
		before := []block.Block{{Table: "other"}}
		if blocks, err := batch.Blocks(before); err != nil || len(blocks) != 1 {
			t.Errorf("%s: %d more blocks, %v", when, len(blocks)-1, err)
		}
	}
	check("new")
	batch.Append(&logstore.Record{})
	batch.Reset()
	check("after Reset")
}

func TestResetForgets(t *testing.T) {
	db := storagetest.DB(t)
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	for i := range 100 {
		batch.Append(&logstore.Record{Time: 1, Body: attribute.IntValue(1), Service: fmt.Sprint(i), Attributes: storagetest.OddAttributes()})
	}
	batch.Reset()
	want := []logstore.Record{{Time: time.Now().UnixNano(), Service: "shop", Attributes: []attribute.KeyValue{{Key: "a", Value: attribute.DoubleValue(1)}}}}
	batch.Append(&want[0])
	storagetest.Insert(t, db, "once", batch)
	if d := cmp.Diff(want, stored(t, db)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Records point into a request's buffer, which is used for the next request
// while the batch waits.
func TestBatchKeepsNothingOfTheBuffer(t *testing.T) {
	db := storagetest.DB(t)
	var buffer storagetest.Buffer
	want := logstore.Record{Time: time.Now().UnixNano(), SeverityText: "INFO", EventName: "e", Service: "shop", Body: attribute.StringValue("text"),
		Attributes: []attribute.KeyValue{{Key: "k", Value: attribute.StringValue("v")}, {Key: "raw", Value: attribute.BytesValue("b")}}}
	r := want
	for _, s := range []*string{&r.SeverityText, &r.EventName, &r.Service, &r.Body.Str} {
		*s = buffer.String(*s)
	}
	r.Attributes = buffer.Attributes(want.Attributes)
	batch := logstore.NewBatch("default", 30, logstore.NewSequence())
	batch.Append(&r)
	batch.Append(&r)
	buffer.Overwrite()
	storagetest.Insert(t, db, "once", batch)
	if d := cmp.Diff([]logstore.Record{want, want}, stored(t, db)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestNumbersAreUniqueAndGrow(t *testing.T) {
	db := storagetest.DB(t)
	seq := logstore.NewSequence()
	for i := range 2 {
		batch := logstore.NewBatch("default", 30, seq)
		for range 100 {
			batch.Append(&logstore.Record{Time: time.Now().UnixNano()})
		}
		storagetest.Insert(t, db, fmt.Sprint("batch ", i), batch)
	}
	var ids []uint64
	storagetest.Rows(t, db, "SELECT id FROM logs ORDER BY time, id", func(r driver.Rows) error {
		var id uint64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if len(ids) != 200 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 200 {
		t.Errorf("the ids by time are not 200 growing numbers: %v", ids)
	}
}

package tracestore_test

import (
	"math"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// stored reads the spans by span ID.
func stored(t *testing.T, db *conn.DB) []tracestore.Record {
	t.Helper()
	var list []tracestore.Record
	storagetest.Rows(t, db, `SELECT trace_id, span_id, parent_span_id, trace_state, flags, name, kind, toUnixTimestamp64Nano(start_time), duration, status_code, status_message,
		dropped_attributes_count, dropped_events_count, dropped_links_count, service_name, resource_id, scope_id,
		arrayMap(t -> toUnixTimestamp64Nano(t), event_time), event_name, event_attributes, event_dropped,
		link_trace_id, link_span_id, link_trace_state, link_flags, link_attributes, link_dropped, `+storagetest.AttributesSQL+` FROM spans ORDER BY span_id`, func(rows driver.Rows) error {
		var r tracestore.Record
		var a storagetest.Attributes
		var trace, span, parent string
		var duration uint64
		var e struct {
			time        []int64
			name, attrs []string
			dropped     []uint32
		}
		var l struct {
			trace, span, state, attrs []string
			flags, dropped            []uint32
		}
		if err := rows.Scan(&trace, &span, &parent, &r.TraceState, &r.Flags, &r.Name, &r.Kind, &r.Start, &duration, &r.StatusCode, &r.StatusMessage,
			&r.DroppedAttributes, &r.DroppedEvents, &r.DroppedLinks, &r.Service, &r.ResourceID, &r.ScopeID,
			&e.time, &e.name, &e.attrs, &e.dropped, &l.trace, &l.span, &l.state, &l.flags, &l.attrs, &l.dropped, &a.JSON, &a.Keys, &a.Values); err != nil {
			return err
		}
		copy(r.TraceID[:], trace)
		copy(r.SpanID[:], span)
		copy(r.Parent[:], parent)
		r.End = r.Start + int64(duration)
		for i := range e.time {
			kvs, err := attribute.ParseJSON(e.attrs[i])
			if err != nil {
				return err
			}
			r.Events = append(r.Events, tracestore.Event{Time: e.time[i], Name: e.name[i], Attributes: kvs, Dropped: e.dropped[i]})
		}
		for i := range l.trace {
			kvs, err := attribute.ParseJSON(l.attrs[i])
			if err != nil {
				return err
			}
			link := tracestore.Link{TraceState: l.state[i], Flags: l.flags[i], Attributes: kvs, Dropped: l.dropped[i]}
			copy(link.TraceID[:], l.trace[i])
			copy(link.SpanID[:], l.span[i])
			r.Links = append(r.Links, link)
		}
		var err error
		r.Attributes, err = a.KeyValues()
		list = append(list, r)
		return err
	})
	return list
}

func spans() []tracestore.Record {
	now := time.Now().UnixNano()
	odd := storagetest.OddAttributes()
	return []tracestore.Record{
		{SpanID: [8]byte{1}, Start: now, End: now},
		{SpanID: [8]byte{2}, TraceID: [16]byte{9, 15: 9}, Parent: [8]byte{1}, TraceState: "a=1,b=2", Flags: 0x301, Name: "GET /", Kind: 5, Start: now, End: now + 1<<40,
			StatusCode: 2, StatusMessage: "it \x00 broke", Attributes: odd, DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
			Service: "shop", ResourceID: math.MaxUint64, ScopeID: 2,
			Events: []tracestore.Event{{Time: now + 5, Name: "exception", Attributes: odd, Dropped: 4}, {}, {Time: 1, Name: "exception"}},
			Links:  []tracestore.Link{{TraceID: [16]byte{7}, SpanID: [8]byte{8}, TraceState: "c=3", Flags: 1, Attributes: odd, Dropped: 5}, {}}},
		{SpanID: [8]byte{3}, Start: now, End: now, Links: []tracestore.Link{{Flags: 1}}},
		{SpanID: [8]byte{4}, Start: now, End: now, Attributes: []attribute.KeyValue{{Key: "a", Value: attribute.DoubleValue(1)}}},
	}
}

func TestSpansAreKeptAsTheyAre(t *testing.T) {
	db := storagetest.DB(t)
	want := spans()
	batch := tracestore.NewBatch("default", 30)
	for i := range want {
		batch.Append(&want[i])
	}
	storagetest.Insert(t, db, "once", batch)
	if d := cmp.Diff(want, stored(t, db), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("as inserted (-want +got):\n%.4000s", d)
	}
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE spans FINAL"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, stored(t, db), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("after a merge (-want +got):\n%.4000s", d)
	}
}

// A batch without a single event or link has arrays without elements.
func TestSpansWithoutEvents(t *testing.T) {
	db := storagetest.DB(t)
	batch := tracestore.NewBatch("default", 30)
	batch.Append(&tracestore.Record{Start: time.Now().UnixNano()})
	storagetest.Insert(t, db, "once", batch)
	if got := stored(t, db); len(got) != 1 || got[0].Events != nil || got[0].Links != nil {
		t.Errorf("stored %+v", got)
	}
}

func TestSpanThatEndsBeforeItStartsHasNoDuration(t *testing.T) {
	db := storagetest.DB(t)
	now := time.Now().UnixNano()
	batch := tracestore.NewBatch("default", 30)
	batch.Append(&tracestore.Record{Start: now, End: now - 5})
	batch.Append(&tracestore.Record{Start: now})
	storagetest.Insert(t, db, "once", batch)
	for _, r := range stored(t, db) {
		if r.Start != now || r.End != now {
			t.Errorf("stored from %d to %d, want %d to itself", r.Start, r.End, now)
		}
	}
}

type traceRange struct {
	Trace      byte
	Day        string
	Start, End int64
}

func index(t *testing.T, db *conn.DB) (list []traceRange) {
	t.Helper()
	storagetest.Rows(t, db, `SELECT trace_id, toString(day), toUnixTimestamp64Nano(start_time), toUnixTimestamp64Nano(end_time) FROM trace_index FINAL ORDER BY trace_id, day`, func(r driver.Rows) error {
		var row traceRange
		var id string
		err := r.Scan(&id, &row.Day, &row.Start, &row.End)
		row.Trace = id[0]
		list = append(list, row)
		return err
	})
	return list
}

// The index is a row a trace and batch, and widens over batches.
func TestIndexCoversEveryTrace(t *testing.T) {
	db := storagetest.DB(t)
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	at := noon.UnixNano()
	day := noon.Format(time.DateOnly)
	one, two := [16]byte{1}, [16]byte{2}
	batch := tracestore.NewBatch("default", 30)
	for i, r := range []tracestore.Record{{TraceID: one, Start: at, End: at + 10}, {TraceID: two, Start: at + 5, End: at + 6},
		{TraceID: one, Start: at - 3, End: at - 1}, {TraceID: one, Start: at + 1, End: at + 20}} {
		batch.Append(&r)
		if i == 2 { // blocks may be asked for in between and do no harm
			if _, err := batch.Blocks(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	blocks := storagetest.Insert(t, db, "first", batch)
	if blocks[0].Table != tracestore.TableIndex || blocks[0].Rows != 2 || blocks[1].Rows != 4 {
		t.Errorf("blocks of %d rows of %s and %d of %s", blocks[0].Rows, blocks[0].Table, blocks[1].Rows, blocks[1].Table)
	}
	if d := cmp.Diff([]traceRange{{1, day, at - 3, at + 20}, {2, day, at + 5, at + 6}}, index(t, db)); d != "" {
		t.Errorf("after one batch (-want +got):\n%s", d)
	}
	batch.Reset()
	batch.Append(&tracestore.Record{TraceID: two, Start: at - 100, End: at - 90})
	storagetest.Insert(t, db, "second", batch)
	if d := cmp.Diff([]traceRange{{1, day, at - 3, at + 20}, {2, day, at - 100, at + 6}}, index(t, db)); d != "" {
		t.Errorf("after two (-want +got):\n%s", d)
	}
}

func TestRepeatedInsertAddsNothing(t *testing.T) {
	db := storagetest.DB(t)
	batch := tracestore.NewBatch("default", 30)
	for _, r := range spans() {
		batch.Append(&r)
	}
	for range 3 {
		storagetest.Insert(t, db, "segment-7", batch)
	}
	for table, want := range map[string]uint64{tracestore.TableSpans: 4, tracestore.TableIndex: 2} {
		if n := storagetest.Count(t, db, "SELECT count() FROM "+table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
}

func TestEmptyBatchHasNoBlocks(t *testing.T) {
	batch := tracestore.NewBatch("default", 30)
	for _, when := range []string{"new", "after Reset"} {
		if blocks, err := batch.Blocks([]block.Block{{}}); err != nil || len(blocks) != 1 {
			t.Errorf("%s: %d more blocks, %v", when, len(blocks)-1, err)
		}
		batch.Append(&spans()[1])
		batch.Reset()
	}
}

func TestBatchKeepsNothingOfTheBuffer(t *testing.T) {
	db := storagetest.DB(t)
	var buffer storagetest.Buffer
	kvs := []attribute.KeyValue{{Key: "k", Value: attribute.StringValue("v")}, {Key: "raw", Value: attribute.BytesValue("b")}}
	now := time.Now().UnixNano()
	want := tracestore.Record{Start: now, End: now, Name: "op", Service: "shop", TraceState: "a=1", StatusMessage: "why", Attributes: kvs,
		Events: []tracestore.Event{{Name: "e", Attributes: kvs}}, Links: []tracestore.Link{{TraceState: "b=2", Attributes: kvs}}}
	r := want
	for _, s := range []*string{&r.Name, &r.Service, &r.TraceState, &r.StatusMessage} {
		*s = buffer.String(*s)
	}
	r.Attributes = buffer.Attributes(kvs)
	r.Events = []tracestore.Event{{Name: buffer.String("e"), Attributes: buffer.Attributes(kvs)}}
	r.Links = []tracestore.Link{{TraceState: buffer.String("b=2"), Attributes: buffer.Attributes(kvs)}}
	batch := tracestore.NewBatch("default", 30)
	batch.Append(&r)
	buffer.Overwrite()
	storagetest.Insert(t, db, "once", batch)
	if d := cmp.Diff([]tracestore.Record{want}, stored(t, db)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

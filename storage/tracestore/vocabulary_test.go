package tracestore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

func spanWith(at time.Time, service string, kvs ...attribute.KeyValue) *tracestore.Record {
	return &tracestore.Record{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Name: "op", Start: at.UnixNano(), End: at.UnixNano(), Service: service, Attributes: kvs}
}

// rowsOf is how many rows of values a batch has.
func rowsOf(t *testing.T, b *tracestore.Batch) int {
	t.Helper()
	blocks, err := b.Blocks(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, blk := range blocks {
		if blk.Table == tracestore.TableValues {
			return blk.Rows
		}
	}
	return 0
}

// TestVocabularyIsBounded: a value comes once an hour and service once it is
// stored, and of a key with many values only so many.
func TestVocabularyIsBounded(t *testing.T) {
	v := tracestore.NewVocabulary()
	batch := func(id tenant.ID) *tracestore.Batch {
		b := tracestore.NewBatch(id, 30)
		b.Vocabulary = v
		return b
	}
	at := time.Unix(1_700_000_000, 0)
	route := attribute.KeyValue{Key: "http.route", Value: attribute.StringValue("/cart")}
	for _, step := range []struct {
		what    string
		tenant  tenant.ID
		service string
		at      time.Time
		stored  bool
		want    int
	}{
		{"first", "a", "front", at, false, 2}, // its name as well
		{"not stored, again", "a", "front", at, true, 2},
		{"stored, again", "a", "front", at, true, 0},
		{"another service", "a", "pay", at, true, 2},
		{"another hour", "a", "front", at.Add(time.Hour), true, 2},
		{"another tenant", "b", "front", at, true, 2},
	} {
		b := batch(step.tenant)
		b.Append(spanWith(step.at, step.service, route))
		b.Append(spanWith(step.at, step.service, route))
		if got := rowsOf(t, b); got != step.want {
			t.Errorf("%s: %d rows, want %d", step.what, got, step.want)
		}
		learned := b.Learned()
		b.Reset()
		if step.stored {
			learned()
		}
	}
	rows := 0
	for i := range 50 {
		b := batch("a")
		for k := range 100 {
			b.Append(spanWith(at, "front", attribute.KeyValue{Key: "user.id", Value: attribute.StringValue(fmt.Sprint("u", i, "-", k))}))
		}
		rows += rowsOf(t, b)
		b.Learned()()
	}
	if rows != tracestore.MaxValues {
		t.Errorf("5,000 values of a key are %d rows, want %d", rows, tracestore.MaxValues)
	}
	b := batch("a")
	b.Append(spanWith(at, "front", attribute.KeyValue{Key: "sql", Value: attribute.StringValue(strings.Repeat("x", 200))}, attribute.KeyValue{Key: "raw", Value: attribute.BytesValue("x")}))
	if got := rowsOf(t, b); got != 2 { // their keys
		t.Errorf("values that are not listed: %d rows", got)
	}
}

func TestListed(t *testing.T) {
	db := storagetest.DB(t)
	s := tracestore.New(db, resourcestore.New(db))
	at := time.Unix(1_700_000_000, 0).UTC()
	for i, id := range []tenant.ID{"a", "b"} {
		b := tracestore.NewBatch(id, 20_000)
		b.Vocabulary = tracestore.NewVocabulary()
		r := spanWith(at, "front", attribute.KeyValue{Key: "n", Value: attribute.IntValue(int64(i))}, attribute.KeyValue{Key: "n", Value: attribute.StringValue(string(id))},
			attribute.KeyValue{Key: "long", Value: attribute.StringValue(strings.Repeat("x", 200))})
		r.Events = []tracestore.Event{{Time: at.UnixNano(), Name: "retry", Attributes: []attribute.KeyValue{{Key: "try", Value: attribute.DoubleValue(1.5)}}}}
		b.Append(r)
		b.Append(spanWith(at.Add(2*time.Hour), "pay", attribute.KeyValue{Key: "n", Value: attribute.BoolValue(true)}))
		blocks, err := b.Blocks(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, blk := range blocks {
			for range 2 { // told twice is there once
				if err := db.Insert(t.Context(), blk.Table, "", []block.Block{blk}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	list := func(l tracestore.Listed) (out []string) {
		t.Helper()
		if l.To == 0 {
			l.To = at.Add(3 * time.Hour).UnixNano()
		}
		if l.From, l.Limit = at.UnixNano(), max(l.Limit, 1); l.Limit == 1 {
			l.Limit = 10
		}
		values, _, err := s.ListedValues(t.Context(), "a", l)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			out = append(out, v.Type+" "+v.Text)
		}
		return out
	}
	n := tracestore.Field{Kind: tracestore.SpanAttribute, Key: "n"}
	for _, c := range []struct {
		ask  tracestore.Listed
		want []string
	}{
		{tracestore.Listed{Field: n}, []string{"Int64 0", "String a", "Bool true"}},
		{tracestore.Listed{Field: n, Limit: 2}, []string{"Int64 0", "String a"}},
		{tracestore.Listed{Field: n, Services: []string{"pay"}}, []string{"Bool true"}},
		{tracestore.Listed{Field: n, To: at.Add(time.Minute).UnixNano()}, []string{"Int64 0", "String a"}},
		{tracestore.Listed{Field: tracestore.Field{Kind: tracestore.EventAttribute, Key: "try"}}, []string{"Float64 1.5"}},
		{tracestore.Listed{Field: tracestore.Field{Kind: tracestore.EventName}}, []string{"String retry"}},
		{tracestore.Listed{Field: tracestore.Field{Kind: tracestore.SpanName}}, []string{"String op"}},
		{tracestore.Listed{Field: tracestore.Field{Kind: tracestore.SpanAttribute, Key: "long"}}, nil},
	} {
		if got := list(c.ask); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.ask, got, c.want)
		}
	}
	for scope, want := range map[string][]string{"span": {"long", "n"}, "event": {"try"}, "link": nil} {
		names, err := s.ListedKeys(t.Context(), "a", scope, at, at, 0)
		if err != nil || !slices.Equal(names.Values, want) {
			t.Errorf("keys of %s: %q, %v", scope, names.Values, err)
		}
	}
}

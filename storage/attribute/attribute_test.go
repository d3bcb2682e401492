package attribute

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func kinds() []KeyValue {
	return []KeyValue{
		{Key: "bool", Value: BoolValue(true)},
		{Key: "bytes", Value: BytesValue("\x00\xff")},
		{Key: "double", Value: DoubleValue(0.1)},
		{Key: "empty", Value: Value{}},
		{Key: "inf", Value: DoubleValue(math.Inf(-1))},
		{Key: "int", Value: IntValue(math.MinInt64)},
		{Key: "map", Value: JSONValue(Map, `{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}}`)},
		{Key: "negative zero", Value: DoubleValue(math.Copysign(0, -1))},
		{Key: "slice", Value: JSONValue(Slice, `{"arrayValue":{"values":[{"stringValue":"x"},{"doubleValue":1.5}]}}`)},
		{Key: "string", Value: StringValue("a\"b\\c\n\u2028\x01")},
	}
}

func TestJSONKeepsEveryKind(t *testing.T) {
	want := kinds()
	text := string(AppendJSON(nil, want))
	got, err := ParseJSON(text)
	if err != nil {
		t.Fatalf("ParseJSON(%s): %v", text, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("after a round trip through %s (-want +got):\n%s", text, d)
	}
}

func TestTextAndAny(t *testing.T) {
	for _, c := range []struct {
		v    Value
		text string
		any  any
	}{
		{StringValue("x"), "x", "x"},
		{BoolValue(false), "false", false},
		{IntValue(-5), "-5", int64(-5)},
		{DoubleValue(2), "2", 2.0},
		{DoubleValue(math.NaN()), "NaN", "NaN"},
		{BytesValue("\x00\x01"), "AAE=", "AAE="},
		{JSONValue(Slice, `{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"b"}]}}`), `[1,"b"]`, []any{int64(1), "b"}},
		{JSONValue(Map, `{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}`), `{"k":true}`, map[string]any{"k": true}},
		{JSONValue(Map, `{"kvlistValue":{"values":[{"key":"<k>","value":{"stringValue":"a&b"}}]}}`), `{"<k>":"a&b"}`, map[string]any{"<k>": "a&b"}},
		{Value{}, "", nil},
	} {
		if got := c.v.Text(); got != c.text {
			t.Errorf("Text of %+v = %q, want %q", c.v, got, c.text)
		}
		if d := cmp.Diff(c.any, c.v.Any()); d != "" {
			t.Errorf("Any of %+v (-want +got):\n%s", c.v, d)
		}
	}
}

func TestHashTellsApart(t *testing.T) {
	lists := [][]KeyValue{
		nil,
		{{Key: "a", Value: StringValue("5")}},
		{{Key: "a", Value: IntValue(5)}},
		{{Key: "a", Value: DoubleValue(5)}},
		{{Key: "a", Value: BytesValue("5")}},
		{{Key: "a", Value: Value{}}},
		{{Key: "a", Value: StringValue("")}},
		{{Key: "ab", Value: StringValue("c")}},
		{{Key: "a", Value: StringValue("bc")}},
		{{Key: "a", Value: StringValue("5")}, {Key: "b", Value: StringValue("6")}},
	}
	seen := map[uint64]int{}
	for i, l := range lists {
		if j, dup := seen[Hash(l)]; dup {
			t.Errorf("lists %d and %d share a fingerprint", i, j)
		}
		seen[Hash(l)] = i
	}
	a := []KeyValue{{Key: "b", Value: IntValue(1)}, {Key: "a", Value: IntValue(2)}}
	b := []KeyValue{{Key: "a", Value: IntValue(2)}, {Key: "b", Value: IntValue(1)}}
	Sort(a)
	if Hash(a) != Hash(b) {
		t.Error("the order sent changes the fingerprint")
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add(string(AppendJSON(nil, kinds())))
	f.Add(`[{"key":"a","value":{"intValue":5}}]`)
	f.Add(`[{"key":"a","value":{"bytesValue":"!"}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		kvs, err := ParseJSON(text)
		if err != nil {
			return
		}
		again, err := ParseJSON(string(AppendJSON(nil, kvs)))
		if err != nil {
			t.Fatalf("what ParseJSON read from %q does not read back: %v", text, err)
		}
		if len(again) != len(kvs) {
			t.Fatalf("%d attributes became %d", len(kvs), len(again))
		}
		for i := range kvs {
			if kvs[i].Key != again[i].Key || kvs[i].Value.Text() != again[i].Value.Text() {
				t.Fatalf("attribute %d: %+v became %+v", i, kvs[i], again[i])
			}
		}
	})
}

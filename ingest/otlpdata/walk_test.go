package otlpdata

import (
	"math"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

func TestAttributeValues(t *testing.T) {
	m := pcommon.NewMap()
	s := m.PutEmptySlice("z")
	s.AppendEmpty().SetInt(math.MinInt64)
	s.AppendEmpty().SetDouble(math.NaN())
	s.AppendEmpty()
	inner := s.AppendEmpty().SetEmptyMap()
	inner.PutStr("y", "q\"\x00")
	inner.PutEmptyBytes("b").FromRaw([]byte{255})
	m.PutBool("a", true)
	var sorter attribute.Sorter
	kvs := sorter.Sort(appendAttributes(nil, m))
	if len(kvs) != 2 || kvs[0].Key != "a" || !kvs[0].Value.Bool() {
		t.Fatalf("%+v", kvs)
	}
	const text = `{"arrayValue":{"values":[{"intValue":"-9223372036854775808"},{"doubleValue":"NaN"},{},` +
		`{"kvlistValue":{"values":[{"key":"b","value":{"bytesValue":"/w=="}},{"key":"y","value":{"stringValue":"q\"\u0000"}}]}}]}}`
	if got := kvs[1].Value.Str; got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
}

func TestRepeatedKeysKeepTheLast(t *testing.T) {
	logs := &plog.JSONUnmarshaler{}
	ld, err := logs.UnmarshalLogs([]byte(`{"resourceLogs":[{"resource":{"attributes":[
		{"key":"b","value":{"intValue":"1"}},{"key":"a","value":{}},{"key":"b","value":{"intValue":"2"}}]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var sorter attribute.Sorter
	kvs := sorter.Sort(appendAttributes(nil, ld.ResourceLogs().At(0).Resource().Attributes()))
	if len(kvs) != 2 || kvs[1].Key != "b" || kvs[1].Value.Int() != 2 {
		t.Errorf("%+v", kvs)
	}
}

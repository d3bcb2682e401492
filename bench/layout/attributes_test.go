package layout

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/trefoil-o11y/trefoil/bench/workload"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
)

// BenchmarkAttributes compares ways to keep attributes, in a table that has a time
// and nothing else: those of log records, sent in the form the table has.
func BenchmarkAttributes(b *testing.B) {
	const (
		json     = "attributes JSON(max_dynamic_paths=256) CODEC(ZSTD(1)), attributes_other Map(LowCardinality(String), String) CODEC(ZSTD(1))"
		pairs    = "attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))"
		promoted = "method LowCardinality(String), route LowCardinality(String), status UInt16 CODEC(ZSTD(1)), user String CODEC(ZSTD(1)), "
		tokens   = ", attribute_tokens Array(FixedString(4)) CODEC(ZSTD(1))"
		bloom    = ", INDEX attribute_tokens attribute_tokens TYPE bloom_filter(0.02) GRANULARITY 1"
		// A map of fewer than 32 keys has one bucket unless told otherwise.
		buckets = ", map_serialization_version = 'with_buckets', map_buckets_min_avg_size = 0, map_buckets_strategy = 'constant', max_buckets_in_map = 8"
	)
	const user, status = "u012345", 500
	mapped := func(key, value string) chsql.Expr {
		return chsql.Eq(chsql.Func("arrayElement", chsql.Col("attributes"), chsql.String(key)), chsql.String(value))
	}
	ofPath := []question{
		count("user.id", "attributes_table", unindexed(b, "user.id", user)), count("status-500", "attributes_table", unindexed(b, "http.response.status_code", strconv.Itoa(status))),
	}
	ofIndex := []question{
		count("user.id", "attributes_table", own(b, "user.id", user)), count("status-500", "attributes_table", own(b, "http.response.status_code", strconv.Itoa(status))),
	}
	ofMap := []question{
		count("user.id", "attributes_table", mapped("user.id", user)), count("status-500", "attributes_table", mapped("http.response.status_code", strconv.Itoa(status))),
	}
	ofColumn := []question{
		count("user.id", "attributes_table", chsql.Eq(chsql.Col("user"), chsql.String(user))), count("status-500", "attributes_table", chsql.Eq(chsql.Col("status"), chsql.Uint(status))),
	}
	// Where all values of a key are known to be of one type, or are declared to be.
	path := func(e chsql.Expr) []question {
		return []question{count("user.id", "attributes_table", unindexed(b, "user.id", user)), count("status-500", "attributes_table", chsql.Eq(e, chsql.Int(status)))}
	}
	ofKnownType := path(chsql.PathAs("attributes", "http.response.status_code", "Int64"))
	ofDeclared := path(chsql.Path("attributes", "http.response.status_code"))
	declared := func(typ string) string {
		return strings.Replace(json, "max_dynamic_paths=256", "max_dynamic_paths=256, `http.response.status_code` "+typ, 1)
	}
	for _, v := range []struct {
		name, columns, settings string
		make                    func() attributeColumns
		questions               []question
	}{
		{"warm-up", json, "", newTyped, ofPath},
		{"json", json, "", newTyped, ofPath},
		{"json-of-known-types", json, "", newTyped, ofKnownType},
		{"json-with-a-declared-path", declared("Int64"), "", newTyped, ofDeclared},
		{"json-with-a-nullable-path", declared("Nullable(Int64)"), "", newTyped, ofDeclared},
		{"json+tokens", json + tokens, "", newIndexed, ofPath},
		{"json+tokens+bloom", json + tokens + bloom, "", newIndexed, ofIndex},
		{"map", pairs, "", newPairs, ofMap},
		{"map-in-buckets", pairs, buckets + ", map_serialization_version_for_zero_level_parts = 'with_buckets'", newPairs, ofMap},
		{"map-in-buckets-at-merge", pairs, buckets, newPairs, ofMap},
		{"promoted+json", promoted + json, "", newPromoted, ofColumn},
	} {
		create := "CREATE TABLE attributes_table (time DateTime64(9, 'UTC') CODEC(T64, LZ4), " + v.columns + ") ENGINE = MergeTree ORDER BY time SETTINGS non_replicated_deduplication_window = 10000" + v.settings
		b.Run(v.name, func(b *testing.B) {
			inserts := encodeAttributes(b, v.make())
			for b.Loop() {
				measureOne(b, "attributes_table", variant{v.name, []string{create}}, inserts, v.questions)
			}
		})
	}
}

// attributeColumns is one way to send attributes.
type attributeColumns interface {
	add(kvs []attribute.KeyValue)
	input() proto.Input
	reset()
}

// typed is attributes as our tables have them.
type typed struct {
	block.Attributes
	indexed bool
}

func newTyped() attributeColumns { return &typed{} }
func newIndexed() attributeColumns {
	t := &typed{indexed: true}
	t.IndexedColumns() // from now on tokens are made
	return t
}

func (t *typed) add(kvs []attribute.KeyValue) { t.Append(kvs) }
func (t *typed) reset()                       { t.Reset() }
func (t *typed) input() proto.Input {
	if t.indexed {
		return t.IndexedColumns()
	}
	return t.Columns()
}

// pairs is a map of texts.
type pairs struct {
	keys   block.Dict
	values block.Strings
	ends   proto.ColUInt64
}

func newPairs() attributeColumns { return &pairs{} }

func (p *pairs) add(kvs []attribute.KeyValue) {
	for i := range kvs {
		p.keys.Append(kvs[i].Key)
		p.values.Append(kvs[i].Value.Text())
	}
	p.ends.Append(uint64(p.keys.Rows()))
}
func (p *pairs) reset()             { p.keys.Reset(); p.values.Reset(); p.ends.Reset() }
func (p *pairs) input() proto.Input { return proto.Input{{Name: "attributes", Data: p}} }

// pairs is a column of a block, too.
func (p *pairs) Type() proto.ColumnType      { return "Map(LowCardinality(String), String)" }
func (p *pairs) Rows() int                   { return len(p.ends) }
func (p *pairs) EncodeState(b *proto.Buffer) { p.keys.EncodeState(b) }
func (p *pairs) WriteColumn(w *proto.Writer) { w.ChainBuffer(p.EncodeColumn) }
func (p *pairs) EncodeColumn(buf *proto.Buffer) {
	p.ends.EncodeColumn(buf)
	p.keys.EncodeColumn(buf)
	p.values.EncodeColumn(buf)
}

// promoted has four attributes in columns of their own.
type promoted struct {
	typed
	method, route block.Dict
	status        proto.ColUInt16
	user          block.Strings
}

func newPromoted() attributeColumns { return &promoted{} }

func (p *promoted) add(kvs []attribute.KeyValue) {
	var rest []attribute.KeyValue
	for i := range kvs {
		switch v := &kvs[i].Value; kvs[i].Key {
		case "http.request.method":
			p.method.Append(v.Str)
		case "http.route":
			p.route.Append(v.Str)
		case "http.response.status_code":
			p.status.Append(uint16(v.Int()))
		case "user.id":
			p.user.Append(v.Str)
		default:
			rest = append(rest, kvs[i])
		}
	}
	p.typed.add(rest)
}
func (p *promoted) reset() {
	p.typed.reset()
	p.method.Reset()
	p.route.Reset()
	p.status.Reset()
	p.user.Reset()
}
func (p *promoted) input() proto.Input {
	return append(proto.Input{{Name: "method", Data: &p.method}, {Name: "route", Data: &p.route}, {Name: "status", Data: &p.status}, {Name: "user", Data: &p.user}}, p.typed.input()...)
}

// encodeAttributes makes the inserts of the attributes of log records.
func encodeAttributes(b *testing.B, c attributeColumns) (list []insert) {
	b.Helper()
	var enc block.Encoder
	var body []byte
	var times proto.ColInt64
	rowsIn := 0
	flush := func() {
		if rowsIn > 0 {
			list = append(list, insert{rowsIn, body})
		}
		body, rowsIn = nil, 0
	}
	end := func() {
		input := append(proto.Input{{Name: "time", Data: block.Typed(&times, block.Nanoseconds)}}, c.input()...)
		one, err := enc.Encode("attributes_table", len(times), input)
		if err != nil {
			b.Fatal(err)
		}
		body = append(body, one.Native...)
		rowsIn += len(times)
		times.Reset()
		c.reset()
		if rowsIn >= *insertRows {
			flush()
		}
	}
	const piece = 250_000
	at := time.Now().Add(-2 * time.Hour).Truncate(time.Hour)
	var kvs []attribute.KeyValue
	for left, seed := *rows, uint64(1); left > 0; left, seed = left-piece, seed+1 {
		requests, err := workload.Generate(workload.Config{Signal: workload.Logs, Records: min(left, piece), PerRequest: *perRequest, Seed: seed, Start: at})
		if err != nil {
			b.Fatal(err)
		}
		at = at.Add(spacing(workload.Logs) * piece)
		for _, r := range requests {
			request := plogotlp.NewExportRequest()
			if err := request.UnmarshalProto(r.Body); err != nil {
				b.Fatal(err)
			}
			for _, rl := range request.Logs().ResourceLogs().All() {
				for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
					kvs = kvs[:0]
					for key, value := range record.Attributes().All() {
						kvs = append(kvs, attribute.KeyValue{Key: key, Value: plain(b, value)})
					}
					times.Append(int64(record.Timestamp()))
					c.add(kvs)
				}
			}
			end()
		}
	}
	flush()
	return list
}

// plain is a value of the kinds that log records of the workload have.
func plain(b *testing.B, v pcommon.Value) attribute.Value {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return attribute.StringValue(v.Str())
	case pcommon.ValueTypeInt:
		return attribute.IntValue(v.Int())
	case pcommon.ValueTypeDouble:
		return attribute.DoubleValue(v.Double())
	case pcommon.ValueTypeBool:
		return attribute.BoolValue(v.Bool())
	}
	b.Fatalf("a value of type %s", v.Type())
	return attribute.Value{}
}

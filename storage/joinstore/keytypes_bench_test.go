package joinstore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

var rows = flag.Int("rows", 300_000, "spans and log records that BenchmarkKeys stores")

// BenchmarkKeys is what statements that name keys of attributes cost the engine where it
// is known of which types their values are, and where it is not, in CPU milliseconds as
// its log of queries has them.
func BenchmarkKeys(b *testing.B) {
	db := storagetest.DB(b)
	resources := resourcestore.New(db)
	traces, logs := tracestore.New(db, resources), logstore.New(db, resources)
	start := time.Now().Add(-time.Hour).Truncate(time.Minute)
	store(b, db, start)
	from, to := start.UnixNano(), start.Add(30*time.Minute).UnixNano()
	own := func(key string) tracestore.Field { return tracestore.Field{Kind: tracestore.SpanAttribute, Key: key} }
	slow := tracestore.Compare{Field: own("http.response.status_code"), Op: attrcol.GreaterOrEqual, Value: attribute.IntValue(500)}
	of := tracestore.Compare{Field: own("user.tier"), Op: attrcol.Equal, Value: attribute.StringValue("gold")}
	late := logstore.Filter{Where: []logstore.Cond{logstore.Line{Text: "late"}, logstore.Body{}}}
	joins := New(Config{DB: db, Traces: traces, Logs: logs})
	counted := func() error {
		p := tracestore.Population{From: from, To: to, Sample: 100_000, Where: tracestore.And{slow}}
		var err error
		if p.Types, _, err = traces.KeyTypes(b.Context(), "bench", from, to, tracestore.Keys(p.Where)); err != nil {
			return err
		}
		for _, where := range []tracestore.Condition{p.Where, tracestore.Not{Of: p.Where}} {
			p.Where = where
			if _, _, err := traces.CountAttributes(b.Context(), "bench", p, 50_000); err != nil {
				return err
			}
			if _, _, err := traces.CountResources(b.Context(), "bench", p, 50_000); err != nil {
				return err
			}
		}
		return nil
	}
	cases := []struct {
		name string
		ask  func() error
	}{
		{"values of a number, filtered by a key", func() error {
			_, _, err := traces.Values(b.Context(), "bench", from, to, of, own("http.response.status_code"), 100_000, 1000)
			return err
		}},
		{"values of a text, filtered by a number", func() error {
			_, _, err := traces.Values(b.Context(), "bench", from, to, slow, own("user.tier"), 100_000, 1000)
			return err
		}},
		{"deltas of a number", counted},
		{"join by a number, in groups by a text", func() error {
			_, err := joins.Run(b.Context(), "bench", Query{From: from, To: to, Limit: 100, Steps: []Step{{Spans: slow}, {Logs: &late}}, By: []tracestore.Field{own("user.tier")}})
			return err
		}},
		{"join by a text, in groups by a number", func() error {
			_, err := joins.Run(b.Context(), "bench", Query{From: from, To: to, Limit: 100, Steps: []Step{{Spans: of}, {Logs: &late}}, By: []tracestore.Field{own("http.response.status_code")}})
			return err
		}},
		{"services that log", func() error {
			_, err := logs.Services(b.Context(), "bench", start, start.Add(30*time.Minute), 1000)
			return err
		}},
	}
	for _, state := range []string{"known", "unknown"} {
		if state == "unknown" { // as of days from before types were noted
			if err := db.Exec(b.Context(), "INSERT INTO span_key_types SELECT DISTINCT tenant, retention_days, toDate(start_time) AS day, '' AS key, 'unknown' AS place FROM spans"); err != nil {
				b.Fatal(err)
			}
		}
		for _, c := range cases {
			b.Run(c.name+"/"+state, func(b *testing.B) {
				if err := c.ask(); err != nil {
					b.Fatal(err)
				}
				used := engineCPU(b, db)
				for b.Loop() {
					if err := c.ask(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(engineCPU(b, db)-used)/1000/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// engineCPU is the CPU, in microseconds, of the selects there were.
func engineCPU(b *testing.B, db *conn.DB) (us uint64) {
	b.Helper()
	if err := db.Exec(b.Context(), "SYSTEM FLUSH LOGS"); err != nil {
		b.Fatal(err)
	}
	_, err := db.Select(b.Context(), conn.Query{Admin: true,
		SQL: "SELECT sum(ProfileEvents['OSCPUVirtualTimeMicroseconds']) FROM system.query_log WHERE type = 'QueryFinish' AND query_kind = 'Select' AND current_database = currentDatabase() AND query NOT LIKE '%query_log%'",
	}, func(r driver.Rows) error { return r.Scan(&us) })
	if err != nil {
		b.Fatal(err)
	}
	return us
}

// store fills half an hour: a trace is five spans and five records.
func store(b *testing.B, db *conn.DB, start time.Time) {
	b.Helper()
	random := rand.New(rand.NewPCG(7, 8))
	res := resourcestore.NewBatch("bench", 30, resourcestore.NewKnown(100))
	ids, names := make([]uint64, 20), make([]string, 20)
	for i := range ids {
		ids[i], names[i] = res.Resource(start, &resourcestore.Resource{Attributes: []attribute.KeyValue{{Key: "service.name", Value: attribute.StringValue(fmt.Sprint("service-", i))}}})
	}
	storagetest.Insert(b, db, "resources", res)
	seq := logstore.NewSequence()
	for first := 0; first < *rows; first += 50_000 {
		spans, logs := tracestore.NewBatch("bench", 30), logstore.NewBatch("bench", 30, seq)
		for i := first; i < min(first+50_000, *rows); i++ {
			at := start.UnixNano() + int64(i)*int64(30*time.Minute)/int64(*rows)
			trace := [16]byte{1, byte(i / 5 >> 16), byte(i / 5 >> 8), byte(i / 5), 15: 9}
			who := random.IntN(len(ids))
			tier := []string{"gold", "silver", "bronze", "none"}[random.IntN(4)]
			spans.Append(&tracestore.Record{
				TraceID: trace, SpanID: [8]byte{1, byte(i >> 16), byte(i >> 8), byte(i)}, Name: "op", Kind: 2, Start: at, End: at + random.Int64N(1e9), Service: names[who], ResourceID: ids[who],
				Attributes: []attribute.KeyValue{
					{Key: "http.response.status_code", Value: attribute.IntValue(int64(200 + 100*random.IntN(4)))}, {Key: "http.route", Value: attribute.StringValue(fmt.Sprint("/r", random.IntN(50)))},
					{Key: "user.id", Value: attribute.StringValue(fmt.Sprint("u", random.IntN(50_000)))}, {Key: "user.tier", Value: attribute.StringValue(tier)},
				},
			})
			body := "done"
			if random.IntN(10) == 0 {
				body = "late by far"
			}
			logs.Append(&logstore.Record{Time: at, TraceID: trace, SeverityNumber: 9, Body: attribute.StringValue(body), Service: names[who], ResourceID: ids[who],
				Attributes: []attribute.KeyValue{{Key: "took", Value: attribute.IntValue(random.Int64N(1000))}, {Key: "user.tier", Value: attribute.StringValue(tier)}}})
		}
		storagetest.Insert(b, db, fmt.Sprint("spans-", first), spans)
		storagetest.Insert(b, db, fmt.Sprint("logs-", first), logs)
	}
}

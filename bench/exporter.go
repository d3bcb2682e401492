package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.yaml.in/yaml/v3"

	"github.com/trefoil-o11y/trefoil/bench/load"
	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// exporterTables are the tables of clickhouseexporter in the engine below
// bench/peers/collector, asked in SQL as Grafana's ClickHouse source asks them.
type exporterTables struct {
	peer *subject.Process
	conn driver.Conn
}

// startExporter starts the collector on a directory that is kept.
func startExporter(ctx context.Context, binary, dir string) (*exporterTables, error) {
	addresses, err := subject.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	peer, err := subject.StartPeer(ctx, binary, dir, "-otlpListenAddr", addresses[0])
	if err != nil {
		return nil, err
	}
	peer.OTLPHTTP = addresses[0]
	x, err := openExporter(peer)
	if err != nil {
		return nil, errors.Join(err, peer.Stop())
	}
	return x, nil
}

// openExporter reads where the engine is from the collector's own configuration.
func openExporter(peer *subject.Process) (*exporterTables, error) {
	text, err := os.ReadFile(filepath.Join(peer.DataDir, "collector.yaml"))
	if err != nil {
		return nil, err
	}
	var c struct {
		Exporters struct {
			ClickHouse struct{ Endpoint, Database, Username, Password string }
		}
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	e := c.Exporters.ClickHouse
	address, _, _ := strings.Cut(strings.TrimPrefix(e.Endpoint, "tcp://"), "?")
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{address}, ReadTimeout: 5 * time.Minute,
		Auth: clickhouse.Auth{Database: e.Database, Username: e.Username, Password: e.Password}})
	return &exporterTables{peer, conn}, err
}

// ask runs a statement and counts its rows or, where it has a column n, adds that up.
func (x *exporterTables) ask(ctx context.Context, sql string) (answer float64, read uint64, took time.Duration, err error) {
	ctx = clickhouse.Context(ctx, clickhouse.WithProgress(func(p *clickhouse.Progress) { read += p.Bytes }))
	begun := time.Now()
	rows, err := x.conn.Query(ctx, sql)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%w\n%s", err, sql)
	}
	defer rows.Close()
	values := make([]any, len(rows.ColumnTypes()))
	for i, c := range rows.ColumnTypes() {
		values[i] = reflect.New(c.ScanType()).Interface()
	}
	n := slices.Index(rows.Columns(), "n")
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return 0, 0, 0, err
		}
		if n >= 0 {
			answer += float64(*values[n].(*uint64))
		} else {
			answer++
		}
	}
	return answer, read, time.Since(begun), rows.Err()
}

// measure is queryConfig.measure for a statement.
func (x *exporterTables) measure(ctx context.Context, repeat int, sql string) (c queryCost, err error) {
	if _, _, _, err := x.ask(ctx, sql); err != nil {
		return c, err
	}
	before, err := subject.UsageOf(x.peer.Cmd.Process.Pid)
	if err != nil {
		return c, err
	}
	walls := make([]time.Duration, repeat)
	for i := range walls {
		var read uint64
		if c.Answer, read, walls[i], err = x.ask(ctx, sql); err != nil {
			return c, err
		}
		c.ReadBytes = float64(read)
	}
	after, err := subject.UsageOf(x.peer.Cmd.Process.Pid)
	if err != nil {
		return c, err
	}
	c.CPU = (after.CPU - before.CPU).Seconds() / float64(repeat)
	slices.Sort(walls)
	c.MedianMS, c.MaxMS = milliseconds(load.Quantile(walls, 0.5)), milliseconds(walls[len(walls)-1])
	return c, nil
}

// bytesRead is how much trefoil's selects have read so far; 0 for a server that does not
// say.
func bytesRead(ctx context.Context, s *subject.Process) (sum float64, err error) {
	body, err := get(ctx, s, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "trefoil_clickhouse_read_bytes_total{") {
			n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, lines.Err()
}

// exporterSQL are the questions in the SQL that Grafana's ClickHouse source makes for
// logs, series and traces, by name.
func exporterSQL(data filled, word, trace string) map[string]string {
	end := data.Logs.Add(time.Minute).Truncate(time.Minute)
	between := func(column string, from, to time.Time) string {
		return fmt.Sprintf("(%s >= fromUnixTimestamp64Nano(%d) AND %s <= fromUnixTimestamp64Nano(%d))", column, from.UnixNano(), column, to.UnixNano())
	}
	all := between("Timestamp", data.Start, end)
	lines := func(where string, limit int) string {
		return fmt.Sprintf(`SELECT Timestamp AS "timestamp", Body AS "body", SeverityText AS "level", LogAttributes AS "labels", ResourceAttributes, ScopeName, TraceId AS "traceID", SpanId FROM otel_logs WHERE %s AND (%s) ORDER BY timestamp DESC LIMIT %d`, all, where, limit)
	}
	count := func(by, where string) string {
		group := ""
		if by != "" {
			by, group = by+", ", " GROUP BY "+by
		}
		return "SELECT " + by + "count() AS n FROM otel_logs WHERE " + all + " AND (" + where + ")" + group
	}
	last := between("Timestamp", data.Spans.Add(-15*time.Minute), data.Spans)
	return map[string]string{
		"rare word":                      lines("Body LIKE '%"+word+"%'", 100),
		"user.id equality":               lines("LogAttributes['user.id'] = '"+askedUser+"'", 2000),
		"status_code=500 count":          count("", "LogAttributes['http.response.status_code'] = '500'"),
		"newest 100 of a service":        lines("ServiceName = '"+askedService+"'", 100),
		"errors per minute and service":  count("toStartOfMinute(Timestamp) AS t, ServiceName", "SeverityText = 'ERROR'"),
		"volume per minute and severity": count("toStartOfMinute(Timestamp) AS t, SeverityText", "1"),
		"substring count":                count("", "Body LIKE '%nnection res%'"),
		"trace by ID": `WITH '` + trace + `' AS trace_id,
  (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId = trace_id) AS trace_start,
  (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId = trace_id) AS trace_end
SELECT TraceId AS traceID, SpanId AS spanID, ParentSpanId AS parentSpanID, ServiceName AS serviceName, SpanName AS operationName, Timestamp AS startTime,
  multiply(Duration, 0.000001) AS duration, SpanAttributes AS tags, ResourceAttributes AS serviceTags, StatusCode AS statusCode
FROM otel_traces WHERE traceID = trace_id AND startTime >= trace_start AND startTime <= trace_end LIMIT 1000`,
		"TraceQL user.id": "SELECT TraceId AS traceID, ServiceName, SpanName, Timestamp AS startTime, multiply(Duration, 0.000001) AS duration FROM otel_traces WHERE " +
			between("Timestamp", data.Start, data.Spans) + " AND SpanAttributes['user.id'] = '" + askedUser + "' ORDER BY Timestamp DESC, Duration DESC LIMIT 100",
		"TraceQL slow errors by service, 15 min": "SELECT TraceId AS traceID, ServiceName, SpanName, Timestamp AS startTime, multiply(Duration, 0.000001) AS duration FROM otel_traces WHERE " +
			last + " AND Duration > 250000000 AND StatusCode = 'Error' ORDER BY Timestamp DESC, Duration DESC LIMIT 20",
	}
}

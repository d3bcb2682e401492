// Package ingesttest is what tests of doors have in common: everything below a
// door, on a database of its own, and a client over HTTP.
package ingesttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/delivery"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
)

// Stack is what is below a door: the pipeline, the log, and what takes the log
// into the database.
type Stack struct {
	DB       *conn.DB
	Log      *wal.Log
	Pipeline *ingest.Pipeline
}

// New runs a stack on db until the test ends. walBytes bounds the log, 0 for the
// default.
func New(t *testing.T, db *conn.DB, walBytes int64) *Stack {
	t.Helper()
	log, err := wal.Open(wal.Config{Dir: t.TempDir(), SegmentAge: 20 * time.Millisecond, MaxBytes: walBytes})
	if err != nil {
		t.Fatal(err)
	}
	shipper := delivery.New(delivery.Config{
		Log: log, Insert: db.InsertStream,
		First: []string{resourcestore.TableResources, resourcestore.TableScopes, metricstore.TableSeries},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- shipper.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, log.Close()); err != nil {
			t.Error(err)
		}
	})
	return &Stack{db, log, ingest.New(ingest.Config{Sink: ingest.LogSink(log, time.Second)})}
}

// Lines runs a query whose rows are one string each, after all that was acked
// is stored.
func (s *Stack) Lines(t *testing.T, sql string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Log.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	for s.Log.Stats().Segments > 0 {
		if ctx.Err() != nil {
			t.Fatal("the log does not empty")
		}
		time.Sleep(5 * time.Millisecond)
	}
	var lines []string
	_, err := s.DB.Select(ctx, conn.Query{SQL: sql}, func(rows driver.Rows) error {
		var line string
		err := rows.Scan(&line)
		lines = append(lines, line)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return lines
}

// Answer is what a client is told.
type Answer struct {
	Status int
	Header http.Header
	Text   string
}

// Post sends a body. Headers are pairs.
func Post(t testing.TB, url string, body []byte, headers ...string) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return Answer{res.StatusCode, res.Header, string(text)}
}

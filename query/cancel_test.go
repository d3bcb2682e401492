package query_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// When the client goes away, so does the statement at the server, whatever API it
// came through.
func TestDisconnectCancels(t *testing.T) {
	f := newFixture(t, nil)
	s := f.open("acme", "acme", 1)
	for _, table := range []string{"logs", "spans", "samples"} {
		f.endless(table)
	}
	loki := func(query string) string {
		return "/loki/api/v1/query_range?" + url.Values{"query": {query}, "start": {nano(epoch.Add(-time.Minute))}, "end": {nano(epoch.Add(time.Minute))}}.Encode()
	}
	paths := []string{
		"/api/v1/logs?" + hour, loki(`{service_name=~".+"}`), loki(`sum(count_over_time({service_name=~".+"}[5m]))`), loki(`sum(count_over_time({service_name=~".+"} | json [5m]))`),
		fmt.Sprintf("/prometheus/api/v1/query?query=process_memory_usage_bytes&time=%d", epoch.Unix()+60),
	}
	for _, path := range append(paths, tracePaths(s)...) {
		switch path {
		case "/jaeger/api/services", "/tempo/api/v2/search/tags?" + around: // read small tables alone
			continue
		}
		f.disconnects(s.tenant, path)
	}
}

// endless makes a table one that takes forever to read.
func (f *fixture) endless(table string) {
	f.Helper()
	for _, sql := range []string{
		"RENAME TABLE " + table + " TO " + table + "_real",
		"CREATE VIEW " + table + " AS SELECT r.* FROM " + table + "_real AS r WHERE (SELECT sum(sipHash64(number)) FROM numbers(1000000000000)) != 1",
	} {
		if err := f.db.Exec(f.Context(), sql); err != nil {
			f.Fatal(err)
		}
	}
}

// disconnects asks, waits until the server is at it, goes away, and waits until it is
// not.
func (f *fixture) disconnects(t tenant.ID, path string) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, nil)
		if err != nil {
			done <- err
			return
		}
		req.Header.Set(tenant.Header, string(t))
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			err = fmt.Errorf("answered %d: %.300s", res.StatusCode, body)
		}
		done <- err
	}()
	f.statements(path+" before", func(n uint64) bool { return n > 0 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		f.Fatalf("%s ended with %v", path, err)
	}
	f.statements(path+" after", func(n uint64) bool { return n == 0 })
}

// statements waits until as many of them run as are wanted, endless ones alone.
func (f *fixture) statements(what string, want func(uint64) bool) {
	f.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var n uint64
		_, err := f.db.Select(f.Context(), conn.Query{Admin: true,
			SQL: "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND query NOT LIKE '%system.processes%' AND elapsed > 0.1",
		}, func(r driver.Rows) error { return r.Scan(&n) })
		if err != nil {
			f.Fatal(err)
		}
		if want(n) {
			return
		}
		if time.Now().After(deadline) {
			f.Fatalf("%s: %d statements at the server", what, n)
		}
	}
}

package query_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/schema"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// cutter stands between the service and the engine, and breaks every connection
// once the engine has said so many bytes on it: what a crash in the middle of an
// answer looks like.
type cutter struct {
	to    string
	after atomic.Int64 // bytes; negative for never
	cuts  atomic.Int64
}

func (c *cutter) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(client)
		}
	}()
	return l.Addr().String()
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	engine, err := net.DialTimeout("tcp", c.to, 10*time.Second)
	if err != nil {
		return
	}
	defer engine.Close()
	go func() {
		io.Copy(engine, client)
		engine.Close()
	}()
	buf, said := make([]byte, 512), int64(0)
	for {
		n, err := engine.Read(buf)
		if err != nil {
			return
		}
		said += int64(n)
		if after := c.after.Load(); after >= 0 && said > after {
			c.cuts.Add(1)
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cutFixture is a service whose connections to the engine can be cut.
func cutFixture(t *testing.T) (*fixture, *cutter) {
	t.Helper()
	ep := storagetest.Database(t, storagetest.Start(t))
	cut := &cutter{to: ep.TCPAddr}
	cut.after.Store(-1)
	addr := storagetest.Addr(ep)
	addr.TCPAddr = cut.listen(t)
	db, err := conn.Open(conn.Config{Addr: func() conn.Addr { return addr }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := schema.Migrate(t.Context(), db, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	return serve(t, db, nil), cut
}

// wholeOrError asks again and again while the engine goes away ever later, and wants
// the answer of before or a server's error.
func (c *cutter) wholeOrError(t *testing.T, name string, ask func() answer) {
	t.Helper()
	c.after.Store(-1)
	want := ask()
	if want.status != http.StatusOK {
		t.Fatalf("%s: %d %s", name, want.status, want.body)
	}
	cuts, errors := int64(0), 0
	for after := int64(200); after < 100_000; after *= 3 {
		c.after.Store(after)
		before := c.cuts.Load()
		got := ask()
		broken := c.cuts.Load() - before
		cuts += broken
		switch {
		case got.status == http.StatusOK && unpriced(t, got.body) != unpriced(t, want.body): // a second attempt may have made it whole
			t.Errorf("%s: the engine went away after %d bytes, and the answer is another one: %.300s", name, after, got.body)
		case broken > 0 && got.status != http.StatusOK && got.status < http.StatusInternalServerError, broken == 0 && got.status != http.StatusOK:
			t.Errorf("%s: cut %d times after %d bytes: %d %.200s", name, broken, after, got.status, got.body)
		case got.status != http.StatusOK:
			errors++
		}
	}
	if cuts == 0 || errors == 0 {
		t.Errorf("%s: %d connections were cut and %d answers were errors, so nothing was tested", name, cuts, errors)
	}
}

// An engine that goes away in the middle of an answer is an error on every path of
// the API of logs, never an empty or a shortened success.
func TestLokiWithAnEngineThatGoesAway(t *testing.T) {
	f, cut := cutFixture(t)
	f.open("acme", "acme", 1)

	hour := logHour
	in := func(query string) []string { return append([]string{"query", query}, hour...) }
	for _, c := range []struct {
		path   string
		params []string
	}{
		{"labels", hour}, {"label/service_name/values", hour}, {"label/user_id/values", hour}, {"series", append([]string{"match[]", `{host.name="h1"}`}, hour...)},
		{"query_range", in(`{} |= "acme"`)}, {"query_range", in(`{} | json`)}, {"query_range", in(`sum by (service_name) (count_over_time({}[1m]))`)},
		{"query", []string{"query", `sum(count_over_time({} | logfmt [1m]))`, "time", nano(epoch.Add(time.Minute))}},
		{"index/stats", in(`{}`)}, {"index/volume", in(`{}`)}, {"index/volume_range", in(`{}`)}, {"patterns", in(`{}`)},
		{"detected_labels", hour}, {"detected_fields", in(`{}`)}, {"detected_field/user_id/values", in(`{}`)},
	} {
		cut.wholeOrError(t, c.path, func() answer { return f.loki(c.path, c.params...) })
	}
}

// And so it is with the APIs of traces: Tempo's, Jaeger's and our own.
func TestTracesWithAnEngineThatGoesAway(t *testing.T) {
	f, cut := cutFixture(t)
	s := f.open("acme", "acme", 1)
	for _, path := range tracePaths(s) {
		cut.wholeOrError(t, path, func() answer { return f.request(s.tenant, "GET "+path) })
	}
}

// tracePaths are requests of all APIs that read spans of a shop.
func tracePaths(s *shop) []string {
	id := hex.EncodeToString(s.trace[:])
	search := around + "&q=" + url.QueryEscape(`{ resource.service.name = "acme-pay" }`)
	nanos := fmt.Sprintf("start=%d&end=%d", epoch.Add(-time.Minute).UnixMicro(), epoch.Add(time.Minute).UnixMicro())
	return []string{
		"/tempo/api/traces/" + id, "/tempo/api/v2/traces/" + id, "/tempo/api/search?" + search, "/tempo/api/v2/search/tags?" + around,
		"/tempo/api/metrics/query_range?step=60s&" + around + "&q=" + url.QueryEscape(`{} | rate() by (resource.service.name)`),
		"/tempo/api/metrics/query_range?step=60s&" + around + "&q=" + url.QueryEscape(`{ resource.service.name = "acme-front" } >> { status = error } | count_over_time()`),
		"/jaeger/api/traces/" + id, "/jaeger/api/traces?service=acme-pay&" + nanos, "/jaeger/api/services",
		fmt.Sprintf("/jaeger/api/dependencies?lookback=3600000&endTs=%d", epoch.Add(time.Minute).UnixMilli()),
		"/api/v1/traces/" + id, "/api/v1/traces/" + id + "/critical-path",
	}
}

// unpriced is an answer without what it cost.
func unpriced(t *testing.T, body []byte) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	if data, ok := doc["data"].(map[string]any); ok {
		delete(data, "stats")
	}
	delete(doc, "metrics") // Tempo's
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package trefoilclient

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

func clientFor(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := New(Config{URL: srv.URL + "/base/", Tenant: "shop", BearerToken: "secret", MaxResponseBytes: 1 << 20,
		HTTP: &http.Client{Timeout: 300 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRequests(t *testing.T) {
	var got *http.Request
	var body []byte
	c := clientFor(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
	})
	from := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	_, _ = c.Metrics(context.Background(), MetricQuery{Language: "promql", Query: "up", Start: from, End: from.Add(time.Hour), Step: 15 * time.Second})
	if got.Method != "POST" || got.URL.Path != "/base/api/v1/query" || got.Header.Get("Accept") != arrowType {
		t.Errorf("metrics: %s %s accepting %s", got.Method, got.URL.Path, got.Header.Get("Accept"))
	}
	if got.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("metrics are asked with %s", got.Header.Get("Accept-Encoding"))
	}
	if got.Header.Get("X-Scope-OrgID") != "shop" || got.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("headers: %v", got.Header)
	}
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"language": "promql", "query": "up", "start": "2026-03-01T12:00:00.000000005Z", "end": "2026-03-01T13:00:00.000000005Z", "step": 15.0, "instant": false, "shared_times": true}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("metrics body (-want +got):\n%s", diff)
	}

	_, _ = c.Logs(context.Background(), LogQuery{Start: from, End: from, Service: "cart & co", Severity: "WARN", Text: "a=b",
		Attributes: []Filter{{"k", "=", "v w"}, {"k2", "!=", "x"}}, Limit: 7, Forward: true})
	q := got.URL.Query()
	if got.URL.Path != "/base/api/v1/logs" || q.Get("service") != "cart & co" || q.Get("severity") != "WARN" || q.Get("q") != "a=b" ||
		q.Get("limit") != "7" || q.Get("direction") != "forward" || cmp.Diff([]string{"k=v w", "k2!=x"}, q["attr"]) != "" {
		t.Errorf("logs: %s", got.URL)
	}

	_, _ = c.LabelValues(context.Background(), "http.route/x", NameQuery{Signal: "traces"})
	if got.URL.EscapedPath() != "/base/api/v1/labels/http.route%2Fx/values" || got.URL.Query().Get("signal") != "traces" {
		t.Errorf("label values: %s", got.URL)
	}
}

// Each way a call can fail, by what the other end really does.
func TestErrorClasses(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		class   Class
		message string
	}{
		{"hangs before the header", func(_ http.ResponseWriter, r *http.Request) { waitFor(hang, r) }, Timeout, "did not answer in time"},
		{"hangs within the body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", arrowType)
			_, _ = w.Write([]byte{1, 2, 3})
			w.(http.Flusher).Flush()
			waitFor(hang, r)
		}, Timeout, "did not answer in time"},
		{"drops the connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Unreachable, "broke"},
		{"breaks off within the body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", arrowType)
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte{1, 2, 3})
		}, Unreachable, "unexpected EOF"},
		{"401 with a reason", apitest.Refuse(401, "unauthorized", "token is expired"), Unauthorized, "refuses the credentials: token is expired"},
		{"401 of a proxy", status(401, nil), Unauthorized, "credentials are missing or wrong"},
		{"403", apitest.Refuse(403, "unauthorized", "not for tenant shop"), Forbidden, "forbids this: not for tenant shop"},
		{"404 without a reason", status(404, nil), NotTrefoil, "there is no Trefoil API at this URL"},
		{"404 with a reason", apitest.Refuse(404, "not_found", "no such trace"), NotFound, "no such trace"},
		{"429 with a header", status(429, map[string]string{"Retry-After": "3"}), RateLimited, "too many requests; try again in 3s"},
		{"400 with a position", reply(400, `{"error":{"code":"bad_query","message":"unexpected )","position":{"line":1,"column":5}}}`), BadRequest, "line 1, column 5: unexpected )"},
		{"a limit", reply(422, `{"error":{"code":"limit","message":"too many series","limit":"max_series"}}`), OverLimit, "over a limit: too many series (limit: max_series)"},
		{"unavailable", reply(503, `{"error":{"code":"unavailable","message":"the engine restarts","retry_after_seconds":2}}`), Unavailable, "cannot answer now: the engine restarts; try again in 2s"},
		{"Trefoil's own timeout", apitest.Refuse(504, "timeout", "query took over 30s"), Timeout, "stopped the query: query took over 30s"},
		{"a version without it", apitest.Refuse(501, "unsupported", "MetricsQL is not served by this version"), Unsupported, "MetricsQL is not served"},
		{"500", apitest.Refuse(500, "internal", "oops"), Internal, "Trefoil failed: oops"},
		{"502 of a proxy", status(502, nil), Unavailable, "502 Bad Gateway"},
		{"a redirect", status(302, map[string]string{"Location": "http://elsewhere/login"}), NotTrefoil, "redirects to http://elsewhere/login"},
		{"a page", apitest.Answer("text/html; charset=utf-8", []byte("<html>")), NotTrefoil, "answered with text/html"},
		{"garbage", apitest.Answer(arrowType, []byte("garbage")), Malformed, "cannot be read: arrow stream"},
		{"endless", apitest.Answer(arrowType, apitest.Points(100_000)), TooLarge, "over 1 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := clientFor(t, tc.handler).Metrics(context.Background(), MetricQuery{Query: "up"})
			if err == nil || ClassOf(err) != tc.class || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("%s: %v, want %s with %q", ClassOf(err), err, tc.class, tc.message)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the message tells the token: %v", err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, err := New(Config{URL: "http://" + addr})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(context.Background())
	if ClassOf(err) != Unreachable || !strings.Contains(err.Error(), "nothing listens there") {
		t.Errorf("%s: %v", ClassOf(err), err)
	}
}

func TestPlainServerAskedForTLS(t *testing.T) {
	srv := httptest.NewServer(status(200, nil))
	defer srv.Close()
	c, err := New(Config{URL: strings.Replace(srv.URL, "http:", "https:", 1)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(context.Background())
	if ClassOf(err) != Misconfigured || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Errorf("%s: %v", ClassOf(err), err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	srv := httptest.NewTLSServer(status(200, nil))
	defer srv.Close()
	c, err := New(Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(context.Background())
	if ClassOf(err) != Misconfigured || !strings.Contains(err.Error(), "is not trusted") {
		t.Errorf("%s: %v", ClassOf(err), err)
	}
}

func TestCancel(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	arrived := make(chan struct{})
	c := clientFor(t, func(_ http.ResponseWriter, r *http.Request) { close(arrived); waitFor(hang, r) })
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-arrived; cancel() }()
	if _, err := c.Status(ctx); ClassOf(err) != Canceled {
		t.Errorf("%s: %v", ClassOf(err), err)
	}
}

func TestRedirectCarriesNothing(t *testing.T) {
	called := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer other.Close()
	c := clientFor(t, status(307, map[string]string{"Location": other.URL}))
	_, _ = c.Status(context.Background())
	if called {
		t.Error("the redirect was followed, with the credentials")
	}
}

func TestWrongURLs(t *testing.T) {
	for _, u := range []string{"127.0.0.1:8733", "ftp://x", "http://", "http://a:b@c", "http://x?y=1", "http://[::1", "trefoil"} {
		if _, err := New(Config{URL: u}); ClassOf(err) != Misconfigured {
			t.Errorf("New(%q): %v", u, err)
		}
	}
	c, err := New(Config{})
	if err != nil || c.URL() != DefaultURL {
		t.Errorf("New without URL: %v, %v", c, err)
	}
}

func TestStatusOfAnotherProduct(t *testing.T) {
	c := clientFor(t, apitest.Answer(jsonType, []byte(`{"status":"success"}`)))
	if _, err := c.Status(context.Background()); ClassOf(err) != NotTrefoil {
		t.Errorf("%s: %v", ClassOf(err), err)
	}
}

func TestTraceWithoutSpansIsMalformed(t *testing.T) {
	for _, body := range []string{`{}`, `{"trace_id":"a","spans":[]}`, `{"trace_id":"a","spans":[{"name":"x"}]}`, `[]`, `nonsense`} {
		c := clientFor(t, apitest.Answer(jsonType, []byte(body)))
		if _, err := c.Trace(context.Background(), "a"); ClassOf(err) != Malformed {
			t.Errorf("%s: %s: %v", body, ClassOf(err), err)
		}
	}
}

// waitFor holds a handler until the test ends or the client goes away.
func waitFor(end <-chan struct{}, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-end:
	case <-r.Context().Done():
	}
}

func status(code int, header map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(code)
	}
}

func reply(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

// A search for more than one answer holds goes on behind each page, and ends
// where the API says or the limit is reached.
func TestLogsOfManyPages(t *testing.T) {
	page := make([]apitest.Log, pageOfLogs)
	for i := range page {
		page[i] = apitest.Log{ID: "1", Body: "x"}
	}
	full, last := apitest.LogPage("there", page...), apitest.Logs(false, page[:7]...)
	var asked []string
	c := clientFor(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		asked = append(asked, q.Get("cursor")+" "+q.Get("limit"))
		if len(asked) == 3 {
			apitest.Answer(arrowType, last)(w, r)
			return
		}
		apitest.Answer(arrowType, full)(w, r)
	})
	res, err := c.Logs(context.Background(), LogQuery{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Records) != 2*pageOfLogs+7 || res.Truncated || strings.Join(asked, ",") != " 5000,there 5000,there 5000" {
		t.Errorf("%d records, truncated %v, asked %q", len(res.Records), res.Truncated, asked)
	}
	asked = nil
	if res, err = c.Logs(context.Background(), LogQuery{Limit: pageOfLogs}); err != nil || len(asked) != 1 || !res.Truncated {
		t.Errorf("one page: asked %q, %v", asked, err)
	}
}

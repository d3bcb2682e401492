package nativeclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestErrorsAreSentences(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	listener.Close()

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.Split(r.URL.Path, "/")[4] {
		case "document":
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte(`{"error":{"code":"not_found","message":"no such trace"}}`))
		case "proxy":
			w.WriteHeader(http.StatusBadGateway)
			w.Write([]byte("<html>upstream gone</html>"))
		case "page":
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>some other program</html>"))
		case "slow":
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}
	}))
	defer server.Close()

	for name, tc := range map[string]struct{ url, trace, want string }{
		"refused":        {closed, "x", "nothing listens at " + closed},
		"error document": {server.URL, "document", "not_found: no such trace"},
		"no document":    {server.URL, "proxy", "HTTP 502 Bad Gateway: <html>upstream gone"},
		"not JSON":       {server.URL, "page", "is not JSON (text/html)"},
		"timeout":        {server.URL, "slow", "gave no answer within 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, Config{URL: tc.url, Timeout: 100 * time.Millisecond}).Context(context.Background(), tc.trace)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	var typed *Error
	_, err = client(t, Config{URL: server.URL}).Context(context.Background(), "document")
	if !errors.As(err, &typed) || typed.Status != http.StatusNotFound {
		t.Errorf("got %#v, want *Error with status 404", err)
	}
}

func TestAddress(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:8733", "ftp://x", "http://", "http://a b"} {
		if _, err := New(Config{URL: bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		w.Write([]byte(`{"records":[{"body":{"a":1}}]}`))
	}))
	defer server.Close()
	c := client(t, Config{URL: server.URL + "/behind/a/proxy", Tenant: "team-a"})
	logs, err := c.Logs(context.Background(), LogQuery{Service: "cart", Attributes: []string{"a=b", "c!=d"}, Limit: 5, Forward: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(logs.Records) != 1 {
		t.Errorf("%d records, want 1", len(logs.Records))
	}
	if got.URL.Path != "/behind/a/proxy/api/v1/logs" {
		t.Errorf("path %s", got.URL.Path)
	}
	if tenant := got.Header.Get("X-Scope-OrgID"); tenant != "team-a" {
		t.Errorf("tenant %q", tenant)
	}
	q := got.URL.Query()
	if q.Get("service") != "cart" || strings.Join(q["attr"], ",") != "a=b,c!=d" || q.Get("limit") != "5" || q.Get("direction") != "forward" || q.Has("q") {
		t.Errorf("parameters %v", q)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"error":{"code":"bad_query","message":"m","position":{"line":1,"column":3}}}`)
	f.Add(`{"series":[{"labels":{},"times":[1],"values":["NaN"]}]}`)
	f.Add(`{"trace":{"spans":[{"depth":-5}]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		_ = decode([]byte(body), new(Metrics))
		_ = decode([]byte(body), new(Logs))
		_ = decode([]byte(body), new(Context))
		if err := refusal(&http.Response{Status: "400 Bad Request", StatusCode: 400}, []byte(body)); err.Error() == "" {
			t.Error("an error without a word")
		}
	})
}

package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/workload"
)

func TestSendAll(t *testing.T) {
	requests, err := workload.Generate(workload.Config{Signal: workload.Logs, Records: 250, PerRequest: 10, Start: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 3 {
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	done, err := All(context.Background(), HTTP(4, address, workload.Logs, "none"), requests, 0)
	if err != nil || done.Records != 250 || done.Retries != 1 || calls.Load() != 26 {
		t.Errorf("%d records, %d retries, %d calls, %v", done.Records, done.Retries, calls.Load(), err)
	}
	if p := Quantile(done.Acks, 0.99); p < 10*time.Millisecond {
		t.Errorf("p99 %s hides the retry", p)
	}
}

func TestPartOfASuccessIsAFailure(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"partial success": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("\x0a\x05\x08\x03\x12\x01x")) },
		"bad request":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
	} {
		server := httptest.NewServer(handler)
		requests := []workload.Request{{Body: []byte("x"), Records: 1}}
		if _, err := All(context.Background(), HTTP(1, strings.TrimPrefix(server.URL, "http://"), workload.Logs, "none"), requests, 0); err == nil {
			t.Errorf("%s counts as accepted", name)
		}
		server.Close()
	}
}

// At a rate, requests are sent when they are due, and the wait for a connection
// counts.
func TestPacedSending(t *testing.T) {
	requests := []workload.Request{{Body: []byte("x"), Records: 10}, {Body: []byte("x"), Records: 10}, {Body: []byte("x"), Records: 10}}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(80 * time.Millisecond) }))
	defer server.Close()
	done, err := All(context.Background(), HTTP(1, strings.TrimPrefix(server.URL, "http://"), workload.Logs, "none"), requests, 200)
	if err != nil {
		t.Fatal(err)
	}
	if done.Took < 180*time.Millisecond {
		t.Errorf("sent in %s", done.Took)
	}
	// Due at 0, 50 and 100 ms, over a connection that is busy until 160 ms.
	if last := Quantile(done.Acks, 1); last < 120*time.Millisecond {
		t.Errorf("the last ack took %s: its wait for the connection is left out", last)
	}
}

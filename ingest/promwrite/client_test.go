package promwrite

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// serveSink serves the door with the sink below it.
func serveSink(t *testing.T, limits ingest.Limits, sink ingest.Sink) string {
	server := httptest.NewServer(NewHandler(ingest.New(ingest.Config{Sink: sink, Limits: limits}), slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return server.URL
}

// TestClient sends with the client library of the protocol, which reads the
// headers we answer with and comes back when it is told to.
func TestClient(t *testing.T) {
	var calls atomic.Int64
	url := serveSink(t, ingest.Limits{}, func(context.Context, []block.Block) error {
		if calls.Add(1)%2 == 1 {
			return &ingest.Refusal{Reason: ingest.RefusedFull, RetryAfter: time.Second}
		}
		return nil
	})
	api, err := remote.NewAPI(url, remote.WithAPIPath("/prometheus/api/v1/write"), remote.WithAPINoRetryOnRateLimit())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	s := sampleScrape(now)
	s.message(t, v2)
	for _, c := range []struct {
		message remote.WriteMessageType
		body    any
		want    [3]int
	}{
		{remote.WriteV1MessageType, s.v1, [3]int{}}, // version 1 knows no headers
		{remote.WriteV2MessageType, s.v2, [3]int{7, 6, 1}},
	} {
		got, err := api.Write(t.Context(), c.message, c.body)
		if err != nil {
			t.Fatalf("%s: %v", c.message, err)
		}
		if n := [3]int{got.Samples, got.Histograms, got.Exemplars}; c.message == remote.WriteV2MessageType && n != c.want {
			t.Errorf("%s: %v written, want %v", c.message, n, c.want)
		}
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("%d attempts, want each request twice", n)
	}
}

// TestClientOverQuota: a tenant over its rate gets 429 with a delay, on which the
// client library comes back unless it is told not to; our own overload is 503,
// on which it always does (TestClient).
func TestClientOverQuota(t *testing.T) {
	keeper := quota.New(quota.Config{Tenants: map[tenant.ID]quota.Limits{tenant.Default: {BytesPerSecond: 1500}}})
	p := ingest.New(ingest.Config{Sink: func(context.Context, []block.Block) error { return nil }, Quotas: keeper})
	server := httptest.NewServer(NewHandler(p, slog.New(slog.DiscardHandler)))
	defer server.Close()
	s := sampleScrape(time.Now())
	s.message(t, v2)
	send := func(opts ...remote.APIOption) error {
		api, err := remote.NewAPI(server.URL, append(opts, remote.WithAPIPath("/prometheus/api/v1/write"))...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = api.Write(t.Context(), remote.WriteV2MessageType, s.v2)
		return err
	}
	p.Arrived(tenant.Default, 15_100) // the bucket, and a little more
	if err := send(remote.WithAPINoRetryOnRateLimit()); err == nil || !strings.Contains(err.Error(), "429") || !strings.Contains(err.Error(), "bytes_per_second") {
		t.Errorf("without retries: %v", err)
	}
	p.Arrived(tenant.Default, 1000)
	if err := send(); err != nil {
		t.Errorf("with retries: %v", err)
	}
}

// TestNothingWritten is told with zeros, which tell a sender that we know its
// version.
func TestNothingWritten(t *testing.T) {
	refuse := func(context.Context, []block.Block) error {
		return &ingest.Refusal{Reason: ingest.RefusedFull, RetryAfter: 1500 * time.Millisecond}
	}
	message := sampleScrape(time.Now()).message(t, v2)
	for _, c := range []struct {
		name   string
		limits ingest.Limits
		status int
		retry  string
	}{
		{"log full", ingest.Limits{}, http.StatusServiceUnavailable, "2"},
		{"body", ingest.Limits{RequestBytes: 10}, http.StatusRequestEntityTooLarge, ""},
		{"decoded", ingest.Limits{DecodedBytes: int64(len(message)) - 1}, http.StatusRequestEntityTooLarge, ""},
		{"records", ingest.Limits{Records: 13}, http.StatusRequestEntityTooLarge, ""},
	} {
		got := post(t, serveSink(t, c.limits, refuse), message, "Content-Type", typeV2)
		if got.Status != c.status || got.Header.Get("Retry-After") != c.retry || got.Header.Get(headerSamples) != "0" {
			t.Errorf("%s: %d %s %v", c.name, got.Status, strings.TrimSpace(got.Text), got.Header)
		}
	}
	if resp, err := http.Get(serveSink(t, ingest.Limits{}, refuse)); err != nil || resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
		t.Error(resp, err)
	}
}

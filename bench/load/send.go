package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// Sent is what sending all requests came to.
type Sent struct {
	Records int           // acknowledged
	Retries int           // refusals to come back later, obeyed
	Took    time.Duration // first byte to last ack
	Acks    []time.Duration
	Late    []time.Duration // from when a request was due to when it was sent
}

// Export delivers one body. It returns a positive pause when the receiver asks
// to come back later.
type Export func(ctx context.Context, body []byte) (pause time.Duration, err error)

// All sends every request once, over so many connections: at full speed, or
// at so many records a second. Then an ack counts from the moment its request
// was due, so that waiting for a free connection is not left out.
func All(ctx context.Context, exports []Export, requests []workload.Request, rate int) (Sent, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, retries atomic.Int64
	acks, late := make([]time.Duration, len(requests)), make([]time.Duration, len(requests))
	var workers sync.WaitGroup
	start := time.Now()
	for _, deliver := range exports {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				begin := time.Now()
				if rate > 0 {
					begin = start.Add(due(requests, i, rate))
					time.Sleep(time.Until(begin))
					late[i] = time.Since(begin)
				}
				for {
					pause, err := deliver(ctx, requests[i].Body)
					if err != nil {
						cancel(fmt.Errorf("request %d: %w", i, err))
						return
					}
					if pause == 0 {
						break
					}
					retries.Add(1)
					select {
					case <-ctx.Done():
					case <-time.After(pause):
					}
				}
				acks[i] = time.Since(begin)
			}
		})
	}
	workers.Wait()
	result := Sent{Retries: int(retries.Load()), Took: time.Since(start), Acks: acks, Late: late}
	if err := context.Cause(ctx); err != nil {
		return result, err
	}
	for _, r := range requests {
		result.Records += r.Records
	}
	slices.Sort(result.Acks)
	slices.Sort(result.Late)
	return result, nil
}

// due is when request i is to be sent; all requests but the last are alike.
func due(requests []workload.Request, i, rate int) time.Duration {
	return time.Duration(float64(i*requests[0].Records) / float64(rate) * float64(time.Second))
}

// Quantile of sorted durations, 0 to 1, by the nearest rank.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// requestTimeout bounds one export; an ack that takes longer is a failure.
const requestTimeout = time.Minute

// HTTP opens n connections to the OTLP endpoint.
func HTTP(n int, address string, signal workload.Signal, compression string) []Export {
	path := map[workload.Signal]string{workload.Logs: "/v1/logs", workload.Spans: "/v1/traces", workload.Metrics: "/v1/metrics"}[signal]
	return ExportsTo(n, "http://"+address+path, compression)
}

// ExportsTo opens n connections to a URL that takes OTLP.
func ExportsTo(n int, url, compression string) []Export {
	exports := make([]Export, n)
	for i := range exports {
		client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}}
		exports[i] = func(ctx context.Context, body []byte) (time.Duration, error) {
			return post(ctx, client, url, compression, body)
		}
	}
	return exports
}

func post(ctx context.Context, client *http.Client, url, compression string, body []byte) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if compression != "none" {
		req.Header.Set("Content-Encoding", compression)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return 0, accepted(answer)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds, err := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
		if err != nil || seconds <= 0 {
			seconds = 1
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	return 0, fmt.Errorf("%s: %.300q", resp.Status, answer)
}

// accepted insists on a whole success: all three OTLP answers are empty
// messages unless something was rejected or warned about.
func accepted(answer []byte) error {
	if len(answer) > 2 { // an empty partial_success message is two bytes
		return fmt.Errorf("not everything was accepted: %.300q", answer)
	}
	return nil
}

// GRPC opens n connections and sends the bodies as they are.
func GRPC(n int, address string, signal workload.Signal) ([]Export, func() error, error) {
	method := map[workload.Signal]string{
		workload.Logs:    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		workload.Spans:   "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		workload.Metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	}[signal]
	var conns []*grpc.ClientConn
	closeAll := func() (err error) {
		for _, c := range conns {
			err = errors.Join(err, c.Close())
		}
		return err
	}
	exports := make([]Export, n)
	for i := range exports {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(asIs{})))
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		conns = append(conns, conn)
		exports[i] = func(ctx context.Context, body []byte) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			var answer []byte
			err := conn.Invoke(ctx, method, body, &answer)
			switch status.Code(err) {
			case codes.OK:
				return 0, accepted(answer)
			case codes.Unavailable, codes.ResourceExhausted:
				return time.Second, nil
			}
			return 0, err
		}
	}
	return exports, closeAll, nil
}

// asIs is a gRPC codec for messages that are encoded already.
type asIs struct{}

func (asIs) Name() string { return "proto" }

func (asIs) Marshal(v any) ([]byte, error) { return v.([]byte), nil }

func (asIs) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(data)
	return nil
}

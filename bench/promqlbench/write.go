package promqlbench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// send writes the series by remote write: m, counters that sometimes reset, and
// h_bucket, a quarter as many, ten buckets to a histogram. A request has a
// stretch of a hundred series.
func (s shape) send(ctx context.Context, url string, end time.Time) error {
	const seriesARequest, samplesARequest = 100, 240
	rng := rand.New(rand.NewPCG(1, 2))
	begin := end.Add(-time.Duration(s.Samples-1) * s.Interval).UnixMilli()
	for first := 0; first < s.Series+s.Series/4; first += seriesARequest {
		values := make([]float64, seriesARequest)
		for from := 0; from < s.Samples; from += samplesARequest {
			var w prompb.WriteRequest
			for k := range seriesARequest {
				ts := prompb.TimeSeries{Labels: s.labels(first + k)}
				for i := from; i < min(from+samplesARequest, s.Samples); i++ {
					if values[k] += float64(rng.IntN(100)); rng.IntN(3000) == 0 {
						values[k] = 0
					}
					ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: begin + int64(i)*s.Interval.Milliseconds(), Value: values[k]})
				}
				w.Timeseries = append(w.Timeseries, ts)
			}
			if err := write(ctx, url, &w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s shape) labels(i int) []prompb.Label {
	if i < s.Series {
		return []prompb.Label{{Name: "__name__", Value: "m"}, {Name: "instance", Value: fmt.Sprintf("host-%d", i)}, {Name: "job", Value: fmt.Sprintf("job-%d", i%20)}}
	}
	i -= s.Series
	les := []string{"0.005", "0.01", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "10", "+Inf"}
	return []prompb.Label{{Name: "__name__", Value: "h_bucket"}, {Name: "instance", Value: fmt.Sprintf("host-%d", i/10)},
		{Name: "job", Value: fmt.Sprintf("job-%d", i/10%20)}, {Name: "le", Value: les[i%10]}}
}

// write sends a request until it is taken; refusals say when to come back.
func write(ctx context.Context, url string, w *prompb.WriteRequest) error {
	raw, err := w.Marshal()
	if err != nil {
		return err
	}
	body := snappy.Encode(nil, raw)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Encoding", "snappy")
		req.Header.Set("Content-Type", "application/x-protobuf")
		req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		resp.Body.Close()
		switch {
		case resp.StatusCode/100 == 2:
			return nil
		case resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable:
			return fmt.Errorf("remote write: HTTP %s: %s", resp.Status, text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// writer sends as Prometheus's remote write does, and Loki's agents, and what
// speaks OTLP without an SDK: network errors and 5xx are tried again with the
// same bytes, after Retry-After where that is given; by all but Prometheus 429 too.
type writer struct {
	client  *http.Client
	url     string
	patient bool // with 429
}

// sendSnappy sends a message in snappy. header has names and values by turns.
func (w *writer) sendSnappy(ctx context.Context, message []byte, header ...string) error {
	return w.send(ctx, snappy.Encode(nil, message), append(header, "Content-Encoding", "snappy")...)
}

// send sends a body as it is.
func (w *writer) send(ctx context.Context, body []byte, header ...string) error {
	wait := retryFirst
	for {
		after, err := w.once(ctx, body, header)
		if err == nil || after < 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w after %w", ctx.Err(), err)
		case <-time.After(max(wait, after)):
		}
		wait = min(2*wait, retryLast)
	}
}

// once is one attempt. With an error, after is the least time until the next
// one, negative when there must be none.
func (w *writer) once(ctx context.Context, body []byte, header []string) (after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	res, err := w.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	switch {
	case res.StatusCode/100 == 2 && bytes.Contains(text, []byte(`"partialSuccess":{"rejected`)): // of OTLP
		after = -1
	case res.StatusCode/100 == 2:
		return 0, nil
	case res.StatusCode/100 != 5 && !(w.patient && res.StatusCode == http.StatusTooManyRequests):
		after = -1
	default:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		after = time.Duration(seconds) * time.Second
	}
	return after, fmt.Errorf("%s: %s", res.Status, text)
}

const versionHeader = "X-Prometheus-Remote-Write-Version"

func labelsOf(name string, id uint64, size int) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, name, idKey, strconv.FormatUint(id, 10), "filler", filler(size), "job", "till")
}

// gaugeWrite sends samples by version 1.0.
func gaugeWrite(to *writer, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		var r prompb.WriteRequest
		for _, id := range ids {
			r.Timeseries = append(r.Timeseries, prompb.TimeSeries{
				Labels:  prompb.FromLabels(labelsOf(gaugeName, id, size), nil),
				Samples: []prompb.Sample{{Value: float64(id), Timestamp: time.Now().UnixMilli()}},
			})
		}
		message, err := r.Marshal()
		if err != nil {
			return err
		}
		return to.sendSnappy(ctx, message, "Content-Type", "application/x-protobuf", versionHeader, "0.1.0")
	}
}

// histogramWrite sends native histograms by version 2.0.
func histogramWrite(to *writer, size int) export {
	return func(ctx context.Context, ids []uint64) error {
		symbols := writev2.NewSymbolTable()
		var r writev2.Request
		for _, id := range ids {
			h := &histogram.Histogram{Count: 3, Sum: 6, ZeroThreshold: 1e-9, PositiveSpans: []histogram.Span{{Offset: 0, Length: 3}}, PositiveBuckets: []int64{1, 0, 0}}
			r.Timeseries = append(r.Timeseries, writev2.TimeSeries{
				LabelsRefs: symbols.SymbolizeLabels(labelsOf(histogramName, id, size), nil),
				Metadata:   writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_HISTOGRAM},
				Histograms: []writev2.Histogram{writev2.FromIntHistogram(0, time.Now().UnixMilli(), h)},
			})
		}
		r.Symbols = symbols.Symbols()
		message, err := r.Marshal()
		if err != nil {
			return err
		}
		return to.sendSnappy(ctx, message, "Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request", versionHeader, "2.0.0")
	}
}

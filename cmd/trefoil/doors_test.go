package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// What came in by Prometheus remote write and by Loki push is found where the
// rest is.
func TestOtherDoors(t *testing.T) {
	p := startServe(t, newDataDir(t))
	now := time.Now()

	write := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels: []prompb.Label{
			{Name: "__name__", Value: "door_openings_total"}, {Name: "instance", Value: "porch:9100"}, {Name: "job", Value: "house"},
		},
		Samples: []prompb.Sample{{Value: 7, Timestamp: now.UnixMilli()}},
	}}}
	body, err := write.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	p.post(t, "/prometheus/api/v1/write", map[string]string{
		"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0",
	}, snappy.Encode(nil, body))
	p.post(t, "/loki/api/v1/push", map[string]string{"Content-Type": "application/json"},
		fmt.Appendf(nil, `{"streams":[{"stream":{"service_name":"porch","room":"hall"},"values":[["%d","the door is open",{"door":"front"}]]}]}`, now.UnixNano()))

	eventually(t, 20*time.Second, "the sample", func() error {
		var r struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  [2]any
				}
			}
		}
		if err := p.get("/prometheus/api/v1/query?query="+url.QueryEscape(`door_openings_total{job="house"}`), &r); err != nil {
			return err
		}
		if len(r.Data.Result) != 1 || r.Data.Result[0].Value[1] != "7" || r.Data.Result[0].Metric["instance"] != "porch:9100" {
			return fmt.Errorf("%+v", r.Data.Result)
		}
		return nil
	})
	eventually(t, 20*time.Second, "the log line", func() error {
		var r struct {
			Records []struct {
				Body                 string
				Attributes, Resource map[string]any
			}
		}
		if err := p.get("/api/v1/logs?service=porch&attr="+url.QueryEscape("door=front"), &r); err != nil {
			return err
		}
		if len(r.Records) != 1 || r.Records[0].Body != "the door is open" || r.Records[0].Resource["room"] != "hall" {
			return fmt.Errorf("%+v", r.Records)
		}
		return nil
	})
}

// post sends a body and wants a 2xx answer.
func (p *process) post(t *testing.T, path string, headers map[string]string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.API+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode/100 != 2 {
		t.Fatalf("POST %s: %s: %s", path, res.Status, text)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

// What came in by any door for a tenant is found where the rest is, by that
// tenant and no other; a tenant's limits hold at every door.
func TestDoors(t *testing.T) {
	dir := newDataDir(t)
	limits := filepath.Join(dir, "limits.yaml")
	if err := os.WriteFile(limits, []byte("busy:\n  tenant-records-per-second: 1\n  max-attributes: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startServe(t, dir, "--limits", limits, "--max-attributes", "30")
	now := time.Now()
	const house = "house"

	write := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels: []prompb.Label{
			{Name: "__name__", Value: "door_openings_total"}, {Name: "instance", Value: "porch:9100"}, {Name: "job", Value: "house"},
		},
		Samples: []prompb.Sample{{Value: 7, Timestamp: now.UnixMilli()}},
	}}}
	sample, err := write.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	remoteWrite := func(tenant string) *http.Response {
		return p.post(t, p.API, "/prometheus/api/v1/write", map[string]string{
			"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0", "X-Scope-OrgID": tenant,
		}, snappy.Encode(nil, sample))
	}
	push := func(tenant string) *http.Response {
		return p.post(t, p.API, "/loki/api/v1/push", map[string]string{"Content-Type": "application/json", "X-Scope-OrgID": tenant},
			fmt.Appendf(nil, `{"streams":[{"stream":{"service_name":"porch","room":"hall"},"values":[["%d","the door is open",{"door":"push"}]]}]}`, now.UnixNano()))
	}
	request := func(door string) plogotlp.ExportRequest {
		logs := plog.NewLogs()
		resource := logs.ResourceLogs().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", "porch")
		record := resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(now))
		record.Body().SetStr("the door is open")
		record.Attributes().PutStr("door", door)
		return plogotlp.NewExportRequestFromLogs(logs)
	}
	overHTTP := func(tenant string) *http.Response {
		body, _ := request("http").MarshalProto()
		return p.post(t, p.OTLP, "/v1/logs", map[string]string{"Content-Type": "application/x-protobuf", "X-Scope-OrgID": tenant}, body)
	}
	client, err := grpc.NewClient(p.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	overGRPC := func(tenant string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := plogotlp.NewGRPCClient(client).Export(metadata.AppendToOutgoingContext(ctx, "x-scope-orgid", tenant), request("grpc"))
		return err
	}

	for name, res := range map[string]*http.Response{"remote write": remoteWrite(house), "push": push(house), "otlp": overHTTP(house)} {
		if res.StatusCode/100 != 2 {
			t.Fatalf("%s: %s", name, res.Status)
		}
	}
	if err := overGRPC(house); err != nil {
		t.Fatal(err)
	}
	for name, res := range map[string]*http.Response{"remote write": remoteWrite("a/b"), "push": push("a/b"), "otlp": overHTTP("a/b")} {
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s with a tenant that cannot be: %s", name, res.Status)
		}
	}
	if err := overGRPC("a/b"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("grpc with a tenant that cannot be: %v", err)
	}

	type answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
		Records []struct {
			Body                 string
			Attributes, Resource map[string]any
		}
	}
	samples := "/prometheus/api/v1/query?query=" + url.QueryEscape(`door_openings_total{job="house"}`)
	eventually(t, 20*time.Second, "the sample", func() error {
		var r answer
		if err := p.getAs(house, samples, &r); err != nil {
			return err
		}
		if len(r.Data.Result) != 1 || r.Data.Result[0].Value[1] != "7" || r.Data.Result[0].Metric["instance"] != "porch:9100" {
			return fmt.Errorf("%+v", r.Data.Result)
		}
		return nil
	})
	for _, door := range []string{"push", "http", "grpc"} {
		eventually(t, 20*time.Second, "the log line by "+door, func() error {
			var r answer
			if err := p.getAs(house, "/api/v1/logs?service=porch&attr="+url.QueryEscape("door="+door), &r); err != nil {
				return err
			}
			if len(r.Records) != 1 || r.Records[0].Body != "the door is open" || door == "push" && r.Records[0].Resource["room"] != "hall" {
				return fmt.Errorf("%+v", r.Records)
			}
			return nil
		})
	}
	for _, path := range []string{samples, "/api/v1/logs?service=porch"} {
		var r answer
		if err := p.getAs("default", path, &r); err != nil || len(r.Data.Result)+len(r.Records) > 0 {
			t.Errorf("another tenant sees %+v %v", r, err)
		}
	}

	if err := p.getAs("a/b", samples, nil); err == nil || !strings.Contains(err.Error(), `"errorType":"bad_data","error":"X-Scope-OrgID header: `) {
		t.Errorf("a query of a tenant that cannot be: %v, want it in Prometheus's shape", err)
	}

	checkLimits(t, p, overHTTP, overGRPC, push, remoteWrite)
	checkReflection(t, client)
}

// checkLimits uses up the rate of the tenant that has one.
func checkLimits(t *testing.T, p *process, overHTTP func(string) *http.Response, overGRPC func(string) error, push, remoteWrite func(string) *http.Response) {
	t.Helper()
	for n := 0; overHTTP("busy").StatusCode == http.StatusOK; n++ {
		if n > 100 {
			t.Fatal("a hundred records at one a second are not too many")
		}
	}
	for name, res := range map[string]*http.Response{"remote write": remoteWrite("busy"), "push": push("busy"), "otlp": overHTTP("busy")} {
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s over the limit: %s %v", name, res.Status, res.Header)
		}
	}
	if err := overGRPC("busy"); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), `tenant "busy"`) {
		t.Errorf("grpc over the limit: %v", err)
	}
	var report struct {
		Tenant  string
		Limits  map[string]float64
		Refused map[string]int
	}
	if err := p.getAs("busy", "/api/v1/limits", &report); err != nil {
		t.Fatal(err)
	}
	if report.Tenant != "busy" || report.Limits["records_per_second"] != 1 || report.Limits["attributes"] != 3 || report.Refused["records_per_second"] < 4 {
		t.Errorf("%+v", report)
	}
	if err := p.getAs("other", "/api/v1/limits", &report); err != nil || report.Limits["attributes"] != 30 || report.Limits["records_per_second"] != 0 {
		t.Errorf("%+v %v", report, err)
	}
}

// checkReflection asks the server what it serves, as grpcurl does.
func checkReflection(t *testing.T, client *grpc.ClientConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const logs = "opentelemetry.proto.collector.logs.v1.LogsService"
	health, err := grpc_health_v1.NewHealthClient(client).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: logs})
	if err != nil || health.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v %v", health, err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(client).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: logs}}
	if err := stream.Send(ask); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil || len(answer.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("reflection: %v %v", answer, err)
	}
}

// post sends a body and returns the answer, whose body is read.
func (p *process) post(t *testing.T, host, path string, headers map[string]string, body []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host+path, bytes.NewReader(body))
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
	io.Copy(io.Discard, res.Body)
	return res
}

// getAs reads JSON from the API for a tenant.
func (p *process) getAs(tenant, path string, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.API+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Scope-OrgID", tenant)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, body)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// discard stands where the answer does not depend on storage.
func discard(context.Context, []block.Block) error { return nil }

func newDoor(t testing.TB, cfg ingest.Config) http.Handler {
	t.Helper()
	return NewHTTP(ingest.New(cfg), slog.New(slog.DiscardHandler))
}

// post sends body and returns the answer.
func post(t testing.TB, h http.Handler, path, contentType, encoding string, body []byte) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, resp *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// statusOf reads the google.rpc.Status of an error, in the encoding the answer claims.
func statusOf(t testing.TB, resp *http.Response) *statuspb.Status {
	t.Helper()
	st, body := &statuspb.Status{}, bodyOf(t, resp)
	var err error
	switch ct := resp.Header.Get("Content-Type"); ct {
	case protobufType:
		err = proto.Unmarshal(body, st)
	case jsonType:
		err = protojson.Unmarshal(body, st)
	default:
		t.Fatalf("content type %q", ct)
	}
	if err != nil {
		t.Fatalf("status %q: %v", body, err)
	}
	return st
}

func compress(t testing.TB, encoding string, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "zstd":
		z, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return b
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func must(t testing.TB) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestHTTPFullSuccessIsEmpty(t *testing.T) {
	h := newDoor(t, ingest.Config{Sink: discard})
	now := time.Now()
	for path, req := range map[string]interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}{
		"/v1/logs":    plogotlp.NewExportRequestFromLogs(sampleLogs(now, "a")),
		"/v1/metrics": pmetricotlp.NewExportRequestFromMetrics(sampleMetrics(now, "a")),
		"/v1/traces":  ptraceotlp.NewExportRequestFromTraces(sampleTraces(now, "a")),
	} {
		for _, encoding := range []string{"", "identity", "gzip", "zstd"} {
			resp := post(t, h, path, protobufType, encoding, compress(t, encoding, must(t)(req.MarshalProto())))
			if body := bodyOf(t, resp); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != protobufType || len(body) != 0 {
				t.Errorf("%s %s protobuf: %d %s %q", path, encoding, resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
			resp = post(t, h, path, jsonType+"; charset=utf-8", encoding, compress(t, encoding, must(t)(req.MarshalJSON())))
			if body := bodyOf(t, resp); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != jsonType || string(body) != "{}" {
				t.Errorf("%s %s JSON: %d %s %q", path, encoding, resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
		}
		for contentType, body := range map[string]string{protobufType: "", jsonType: "{}"} {
			if resp := post(t, h, path, contentType, "", []byte(body)); resp.StatusCode != 200 {
				t.Errorf("%s empty %s: %d", path, contentType, resp.StatusCode)
			}
		}
	}
}

func TestHTTPRefusesWhatItCannotRead(t *testing.T) {
	h := newDoor(t, ingest.Config{Sink: discard})
	for name, c := range map[string]struct {
		path, contentType, encoding string
		body                        []byte
		code                        int
		message                     string
	}{
		"no content type":  {"/v1/logs", "", "", nil, 415, "Content-Type is missing"},
		"text":             {"/v1/logs", "text/plain", "", nil, 415, `"text/plain" is not supported`},
		"snappy":           {"/v1/logs", protobufType, "snappy", nil, 415, `Content-Encoding "snappy" is not supported`},
		"two encodings":    {"/v1/logs", protobufType, "gzip, zstd", nil, 415, "want gzip, zstd, identity"},
		"not gzip":         {"/v1/traces", protobufType, "gzip", []byte("hello, this is text"), 400, "malformed gzip"},
		"gzip cut short":   {"/v1/traces", protobufType, "gzip", compress(t, "gzip", make([]byte, 1000))[:20], 400, "malformed gzip: cut short"},
		"not zstd":         {"/v1/traces", protobufType, "zstd", []byte("hello, this is text"), 400, "malformed zstd"},
		"zstd cut short":   {"/v1/traces", protobufType, "zstd", compress(t, "zstd", make([]byte, 1000))[:12], 400, "malformed zstd"},
		"garbage protobuf": {"/v1/metrics", protobufType, "", []byte{0x0a, 9, 1}, 400, "resource_metrics[0] at byte 0: length 9, but 1 bytes are left"},
		"garbage JSON":     {"/v1/metrics", jsonType, "", []byte(`{"resourceMetrics":[}`), 400, "malformed JSON at byte 20"},
		"JSON as protobuf": {"/v1/logs", protobufType, "", []byte(`{"resourceLogs":[]}`), 400, "malformed protobuf"},
		"protobuf as JSON": {"/v1/logs", jsonType, "", []byte{0x0a, 0}, 400, "malformed JSON at byte 1"},
		"unknown path":     {"/v1/profiles", jsonType, "", nil, 404, "/v1/profiles"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := post(t, h, c.path, c.contentType, c.encoding, c.body)
			st := statusOf(t, resp)
			if resp.StatusCode != c.code || !strings.Contains(st.Message, c.message) {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, st.Message, c.code, c.message)
			}
		})
	}
	resp := httptest.NewRecorder()
	h.ServeHTTP(resp, httptest.NewRequest(http.MethodGet, "/v1/logs", nil))
	if resp.Code != 405 || resp.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", resp.Code, resp.Header().Get("Allow"))
	}
}

func TestHTTPLimits(t *testing.T) {
	h := newDoor(t, ingest.Config{Sink: discard, Limits: ingest.Limits{
		RequestBytes: 64 << 10, DecodedBytes: 256 << 10, InflightBytes: 1 << 20, Records: 100,
	}})
	zeros := make([]byte, 16<<20) // 16 KiB as gzip, 500 B as zstd
	manyRecords := nest(bytes.Repeat([]byte{0x12, 0}, 101), 1, 2)
	manyObjects := nest(nest(bytes.Repeat([]byte{0x32, 0}, 20_000), 2), 1, 2) // one record of 20,000 empty attributes
	for name, c := range map[string]struct {
		contentType, encoding string
		body                  []byte
		message               string
	}{
		"as it arrives": {protobufType, "", zeros[:65<<10], "request body is 66560 bytes, over the limit of 65536"},
		"gzip bomb":     {protobufType, "gzip", compress(t, "gzip", zeros), "decompressed request body is over the limit of 262144 bytes"},
		"zstd bomb":     {protobufType, "zstd", compress(t, "zstd", zeros), "decompressed request body is over the limit of 262144 bytes"},
		"records":       {protobufType, "", manyRecords, "request is 101 records, over the limit of 100"},
		"objects":       {protobufType, "", manyObjects, "estimated memory of the request is"},
		"objects, JSON": {jsonType, "", []byte(`{"resourceLogs":[` + strings.Repeat("{},", 20_000) + `{}]}`), "estimated memory of the request is"},
		"JSON records":  {jsonType, "", []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat("{},", 100) + `{}]}]}]}`), "request is 101 records"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := post(t, h, "/v1/logs", c.contentType, c.encoding, c.body)
			st := statusOf(t, resp)
			if resp.StatusCode != 413 || codes.Code(st.Code) != codes.ResourceExhausted || !strings.Contains(st.Message, c.message) {
				t.Errorf("got %d %v %q, want %q", resp.StatusCode, codes.Code(st.Code), st.Message, c.message)
			}
			if len(st.Details) != 0 || resp.Header.Get("Retry-After") != "" {
				t.Error("an oversized request must not be sent again")
			}
		})
	}
	// All those requests gave their share back.
	if resp := post(t, h, "/v1/logs", jsonType, "", []byte(`{"resourceLogs":[`+strings.Repeat("{},", 2000)+`{}]}`)); resp.StatusCode != 200 {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}

func TestHTTPRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		refusal *ingest.Refusal
		http    int
		code    codes.Code
		after   string
	}{
		"overload": {&ingest.Refusal{Reason: ingest.RefusedFull, RetryAfter: 1500 * time.Millisecond}, 429, codes.ResourceExhausted, "2"},
		"outage":   {&ingest.Refusal{Reason: ingest.RefusedUnavailable, RetryAfter: 3 * time.Second, Err: errors.New("connection refused")}, 503, codes.Unavailable, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newDoor(t, ingest.Config{Sink: func(context.Context, []block.Block) error { return c.refusal }})
			body := must(t)(plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "a")).MarshalProto())
			resp := post(t, h, "/v1/logs", protobufType, "", body)
			st := statusOf(t, resp)
			if resp.StatusCode != c.http || codes.Code(st.Code) != c.code || resp.Header.Get("Retry-After") != c.after {
				t.Fatalf("got %d %v after %q", resp.StatusCode, codes.Code(st.Code), resp.Header.Get("Retry-After"))
			}
			var info errdetails.RetryInfo
			if len(st.Details) != 1 || st.Details[0].UnmarshalTo(&info) != nil || info.RetryDelay.AsDuration() != c.refusal.RetryAfter {
				t.Errorf("details %v", st.Details)
			}
		})
	}
}

// A bug below the door is an answer to one request, not the end of the process.
func TestPanicsAreInternalErrors(t *testing.T) {
	p := ingest.New(ingest.Config{Sink: func(context.Context, []block.Block) error { panic("a bug") }})
	logs := plogotlp.NewExportRequestFromLogs(sampleLogs(time.Now(), "a"))
	h := NewHTTP(p, slog.New(slog.DiscardHandler))
	resp := post(t, h, "/v1/logs", protobufType, "", must(t)(logs.MarshalProto()))
	if st := statusOf(t, resp); resp.StatusCode != 500 || codes.Code(st.Code) != codes.Internal {
		t.Errorf("HTTP: %d %v", resp.StatusCode, st)
	}
	client := serveGRPC(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		if _, err := plogotlp.NewGRPCClient(client).Export(ctx, logs); status.Code(err) != codes.Internal {
			t.Errorf("gRPC: %v", err)
		}
	}
}

func TestHTTPPartialSuccess(t *testing.T) {
	h := newDoor(t, ingest.Config{Sink: discard})
	now := time.Now()

	logs := sampleLogs(now, "a")
	records := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	records.AppendEmpty().SetTimestamp(pcommon.Timestamp(1<<64 - 1))
	records.AppendEmpty().SetTimestamp(pcommon.NewTimestampFromTime(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)))
	records.AppendEmpty().SetTimestamp(pcommon.NewTimestampFromTime(now.AddDate(-1, 0, 0)))
	resp := post(t, h, "/v1/logs", protobufType, "", must(t)(plogotlp.NewExportRequestFromLogs(logs).MarshalProto()))
	answer := plogotlp.NewExportResponse()
	if err := answer.UnmarshalProto(bodyOf(t, resp)); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, err)
	}
	if p := answer.PartialSuccess(); p.RejectedLogRecords() != 3 ||
		!strings.Contains(p.ErrorMessage(), "time_ahead: 2 rejected, first resourceLogs[0].scopeLogs[0].logRecords[3]: timeUnixNano is 2262-04-11") ||
		!strings.Contains(p.ErrorMessage(), "time_too_old: 1 rejected") {
		t.Errorf("logs: %d %q", p.RejectedLogRecords(), p.ErrorMessage())
	}

	resp = post(t, h, "/v1/traces", jsonType, "", must(t)(ptraceotlp.NewExportRequestFromTraces(badSpans(now)).MarshalJSON()))
	spans := ptraceotlp.NewExportResponse()
	if err := spans.UnmarshalJSON(bodyOf(t, resp)); err != nil {
		t.Fatal(err)
	}
	if p := spans.PartialSuccess(); p.RejectedSpans() != 2 ||
		!strings.Contains(p.ErrorMessage(), "trace_id_zero: 1 rejected, first resourceSpans[0].scopeSpans[0].spans[2]: traceId is all zero") ||
		!strings.Contains(p.ErrorMessage(), "span_id_zero: 1 rejected") {
		t.Errorf("traces: %d %q", p.RejectedSpans(), p.ErrorMessage())
	}

	metrics := sampleMetrics(now, "a")
	metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	e := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(1).Sum().DataPoints().At(0).Exemplars().AppendEmpty()
	e.SetIntValue(1)
	e.SetTimestamp(1)
	resp = post(t, h, "/v1/metrics", protobufType, "", must(t)(pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()))
	points := pmetricotlp.NewExportResponse()
	if err := points.UnmarshalProto(bodyOf(t, resp)); err != nil {
		t.Fatal(err)
	}
	if p := points.PartialSuccess(); p.RejectedDataPoints() != 1 ||
		!strings.Contains(p.ErrorMessage(), "metric_name_empty: 1 rejected, first resourceMetrics[0].scopeMetrics[0].metrics[6].dataPoints[0]") ||
		!strings.Contains(p.ErrorMessage(), "1 exemplars left out, first: time_too_old") {
		t.Errorf("metrics: %d %q", p.RejectedDataPoints(), p.ErrorMessage())
	}
}

// badSpans are the sample spans and two that have no identity.
func badSpans(now time.Time) ptrace.Traces {
	traces := sampleTraces(now, "a")
	spans := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	noTrace := spans.AppendEmpty()
	noTrace.SetSpanID(sampleSpan)
	noTrace.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
	noSpan := spans.AppendEmpty()
	noSpan.SetTraceID(sampleTrace)
	noSpan.SetStartTimestamp(pcommon.NewTimestampFromTime(now))
	return traces
}

// What proto3's JSON mapping and OTLP's changes to it allow.
func TestJSONForms(t *testing.T) {
	for name, body := range map[string]string{
		"hex ids, int64 as string, unknown fields": `{"resourceSpans":[{"later":{"a":[1]},"scopeSpans":[{"spans":[
			{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","name":"n","kind":2,"new":null,
			 "startTimeUnixNano":"NOW","endTimeUnixNano":"NOW"}]}]}]}`,
		"int64 as number, enum by name, snake case": `{"resource_spans":[{"scope_spans":[{"spans":[
			{"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","kind":"SPAN_KIND_SERVER",
			 "start_time_unix_nano":NOW,"end_time_unix_nano":NOW}]}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			body = strings.ReplaceAll(body, "NOW", strconv.FormatInt(time.Now().UnixNano(), 10))
			s := tracesSignal()
			p := ingest.New(ingest.Config{Sink: discard})
			built, err := s.build(p, "default", [][]byte{[]byte(body)})
			if err != nil {
				t.Fatal(err)
			}
			result, err := built.Store(t.Context())
			if err != nil || result.Accepted != 1 || result.Rejected != 0 {
				t.Errorf("%+v %v", result, err)
			}
		})
	}
}

package trefoilclient

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

const budget = 8 << 20

// end closes an Arrow stream.
var end = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

var twoSeries = apitest.Metrics([]string{"slow"},
	[]apitest.Series{{Labels: map[string]string{"job": "a", "zone": "1"}, Times: []int64{1000, 2000}, Values: []float64{1, math.Inf(-1)}}},
	[]apitest.Series{{Labels: map[string]string{}}, {Labels: map[string]string{"job": "b"}, Times: []int64{3000}, Values: []float64{2.5}}})

func TestDecodeMetrics(t *testing.T) {
	got, err := decodeMetrics(twoSeries, budget)
	if err != nil {
		t.Fatal(err)
	}
	want := &MetricResult{Warnings: []string{"slow"}, Series: []Series{
		{Labels: map[string]string{"job": "a", "zone": "1"}, Times: []time.Time{time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()}, Values: []float64{1, math.Inf(-1)}},
		{Labels: map[string]string{}, Times: []time.Time{}, Values: []float64{}},
		{Labels: map[string]string{"job": "b"}, Times: []time.Time{time.Unix(3, 0).UTC()}, Values: []float64{2.5}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Times that are left out are those of the series before, in memory too.
func TestDecodeSharedTimes(t *testing.T) {
	whole := apitest.Series{Times: []int64{1000, 2000}, Values: []float64{1, 2}}
	again := apitest.Series{Values: []float64{3, 4}}
	got, err := decodeMetrics(apitest.Metrics(nil, []apitest.Series{whole, again, again}, []apitest.Series{whole, again}, []apitest.Series{{}, {Times: []int64{9}, Values: []float64{5}}}), budget)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Series) != 7 {
		t.Fatalf("%d series", len(got.Series))
	}
	for i, s := range got.Series[:5] {
		if len(s.Values) != 2 || s.Values[0] != []float64{1, 3, 3, 1, 3}[i] || &s.Times[0] != &got.Series[0].Times[0] || s.Times[1] != time.Unix(2, 0).UTC() {
			t.Errorf("%d: %+v", i, s)
		}
	}
	if s := got.Series[5:]; len(s[0].Times) != 0 || s[1].Times[0] != time.UnixMilli(9).UTC() {
		t.Errorf("%+v", s)
	}
}

// No series are a batch without rows, or no batch at all.
func TestDecodeNothing(t *testing.T) {
	for _, stream := range [][]byte{apitest.Metrics(nil), apitest.Metrics(nil, []apitest.Series{})} {
		if got, err := decodeMetrics(stream, budget); err != nil || len(got.Series) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got, err := decodeLogs(apitest.Logs(false), budget); err != nil || len(got.Records) != 0 || got.Truncated {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodeLogs(t *testing.T) {
	got, err := decodeLogs(apitest.Logs(true, apitest.Log{ID: "7", TimeNS: 1_000_000_001, Service: "cart", Severity: "WARN", SeverityNumber: 13,
		Body: "slow", TraceID: "ab", SpanID: "cd", Attributes: []string{"a", "1", "b", "x"}, Resource: []string{"r", "s"}}), budget)
	if err != nil {
		t.Fatal(err)
	}
	want := &LogResult{Truncated: true, Records: []LogRecord{{ID: "7", Time: time.Unix(1, 1).UTC(), Service: "cart", Severity: "WARN",
		Body: "slow", TraceID: "ab", SpanID: "cd", Attributes: []Pair{{"a", "1"}, {"b", "x"}}, Resource: []Pair{{"r", "s"}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Labels of lines are where the record's own fields would be, and resources that
// are equal are one.
func TestDecodeLines(t *testing.T) {
	line := apitest.Line{ID: "7", TimeNS: 1_000_000_001, Line: "slow", Stream: []string{"host", "h1", "service_name", "cart"},
		Metadata: []string{"detected_level", "warn", "span_id", "cd", "trace_id", "ab"}, Parsed: []string{"n", "1"}}
	got, err := decodeLogs(apitest.Lines(line, line), budget)
	if err != nil {
		t.Fatal(err)
	}
	want := LogRecord{ID: "7", Time: time.Unix(1, 1).UTC(), Service: "cart", Severity: "warn", Body: "slow", TraceID: "ab", SpanID: "cd",
		Attributes: []Pair{{"detected_level", "warn"}, {"span_id", "cd"}, {"trace_id", "ab"}, {"n", "1"}}, Resource: []Pair{{"host", "h1"}, {"service_name", "cart"}}}
	if diff := cmp.Diff([]LogRecord{want, want}, got.Records); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if &got.Records[0].Resource[0] != &got.Records[1].Resource[0] {
		t.Error("equal resources are held twice")
	}
}

func TestDecodeRefuses(t *testing.T) {
	logs := apitest.Logs(false, apitest.Log{ID: "1"})
	for _, tc := range []struct {
		name   string
		decode func() error
		want   string
	}{
		{"nothing", metricsOf(nil), "cut short"},
		{"text", metricsOf([]byte("<html><body>")), "does not begin as one"},
		{"half a stream", metricsOf(twoSeries[:len(twoSeries)/2]), "cut short"},
		{"a stream without its end", metricsOf(twoSeries[:len(twoSeries)-8]), "cut short"},
		{"rubbish before the end", metricsOf(append(bytes.Repeat([]byte{0x7f}, 64), end...)), "does not begin as one"},
		{"a message longer than the stream", metricsOf(append([]byte{0xff, 0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0x7f}, end...)), "more bytes than"},
		{"two streams", metricsOf(append(bytes.Clone(twoSeries), twoSeries...)), "bytes follow its end"},
		{"logs for metrics", metricsOf(logs), `0 columns named "labels"`},
		{"metrics for logs", logsOf(twoSeries), `0 columns named "time"`},
		{"more values than times", metricsOf(apitest.Metrics(nil, []apitest.Series{{Times: []int64{1}, Values: []float64{1, 2}}})), "1 times and 2 values"},
		{"times left out at first", metricsOf(apitest.Metrics(nil, []apitest.Series{{Values: []float64{1}}})), "begins with a row without times"},
		{"times left out of a batch", metricsOf(apitest.Metrics(nil, []apitest.Series{{Times: []int64{1}, Values: []float64{1}}}, []apitest.Series{{Values: []float64{1}}})), "begins with a row without times"},
		{"fewer values than the times before", metricsOf(apitest.Metrics(nil, []apitest.Series{{Times: []int64{1, 2}, Values: []float64{1, 2}}, {Values: []float64{1}}})), "2 times and 1 values"},
		{"more memory than allowed", func() error { _, err := decodeMetrics(twoSeries, 64); return err }, "more bytes than"},
	} {
		if err := tc.decode(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", tc.name, err, tc.want)
		}
	}
}

func decodeMetrics(b []byte, most int64) (*MetricResult, error) {
	res := &MetricResult{}
	return res, res.decode(&arrowStream{from: bytes.NewReader(b), most: most})
}

func decodeLogs(b []byte, most int64) (*LogResult, error) {
	res := &LogResult{}
	return res, res.decode(&arrowStream{from: bytes.NewReader(b), most: most})
}

func metricsOf(b []byte) func() error {
	return func() error { _, err := decodeMetrics(b, budget); return err }
}

func logsOf(b []byte) func() error {
	return func() error { _, err := decodeLogs(b, budget); return err }
}

// Whatever the bytes, decoding returns: it neither panics nor takes memory beyond
// its budget.
func FuzzDecode(f *testing.F) {
	f.Add(twoSeries)
	f.Add(apitest.Metrics(nil))
	f.Add(apitest.Metrics(nil, []apitest.Series{{Times: []int64{1, 2}, Values: []float64{1, 2}}, {Values: []float64{3, 4}}}))
	f.Add(apitest.Logs(false, apitest.Log{ID: "1", Attributes: []string{"a", "1"}}))
	f.Add(apitest.Lines(apitest.Line{ID: "1", Stream: []string{"service_name", "cart"}, Metadata: []string{"trace_id", "ab"}, Parsed: []string{"n", "1"}}))
	f.Add(append([]byte{0xff, 0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0x7f}, end...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeMetrics(b, budget); err == nil {
			for _, s := range m.Series {
				if len(s.Times) != len(s.Values) {
					t.Errorf("%d times, %d values", len(s.Times), len(s.Values))
				}
			}
		}
		_, _ = decodeLogs(b, budget)
	})
}

func TestParseTraceID(t *testing.T) {
	for in, want := range map[string]string{
		"5b8efff798038103d269b633813fc60c":   "5b8efff798038103d269b633813fc60c",
		" 5B8EFFF798038103D269B633813FC60C ": "5b8efff798038103d269b633813fc60c",
		"d269b633813fc60c":                   "0000000000000000d269b633813fc60c",
	} {
		if got, err := ParseTraceID(in); err != nil || got != want {
			t.Errorf("ParseTraceID(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "xyz", "5b8e", "5b8efff798038103d269b633813fc60g", "../../../../../api/v1/status!!!!"} {
		if _, err := ParseTraceID(in); ClassOf(err) != BadRequest {
			t.Errorf("ParseTraceID(%q): %v, want a bad request", in, err)
		}
	}
}

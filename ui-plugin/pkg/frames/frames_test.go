package frames

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata")

// golden compares frames, as the JSON Grafana's front end receives, with a file.
func golden(t *testing.T, name string, frames data.Frames) {
	t.Helper()
	raw, err := json.Marshal(frames)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("%s (-want +got), rewrite with -update:\n%s", path, diff)
	}
}

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func series(value float64, labels ...string) trefoilclient.Series {
	s := trefoilclient.Series{
		Labels: map[string]string{},
		Times:  []time.Time{t0, t0.Add(time.Minute), t0.Add(2 * time.Minute)},
		Values: []float64{value, math.NaN(), math.Inf(1)},
	}
	for i := 0; i < len(labels); i += 2 {
		s.Labels[labels[i]] = labels[i+1]
	}
	return s
}

func TestMetricFrames(t *testing.T) {
	two := &trefoilclient.MetricResult{
		Series: []trefoilclient.Series{
			series(1.5, "__name__", "http_server_duration_count", "service_name", "cart", "job", "shop/cart"),
			series(2, "__name__", "http_server_duration_count", "service_name", "checkout", "job", "shop/checkout"),
		},
		Warnings: []string{"metric might not be a counter"},
		Cost:     trefoilclient.Cost{Elapsed: 12500 * time.Microsecond, Bytes: 4096},
	}
	golden(t, "metrics_range", Metrics(two, MetricOptions{Executed: "Expr: x\nStep: 1m0s"}))
	grid := &trefoilclient.MetricResult{Series: []trefoilclient.Series{two.Series[0], two.Series[1]}}
	grid.Series[1].Times = grid.Series[0].Times
	golden(t, "metrics_grid", Metrics(grid, MetricOptions{Executed: "Expr: x"}))
	if each := Metrics(grid, MetricOptions{PerSeries: true}); len(each) != 2 || each[1].Meta.Type != data.FrameTypeTimeSeriesMulti {
		t.Errorf("%d frames, want one for each series", len(each))
	}
	instant := &trefoilclient.MetricResult{Series: []trefoilclient.Series{{
		Labels: map[string]string{"service_name": "cart"}, Times: []time.Time{t0}, Values: []float64{7}}}}
	golden(t, "metrics_instant", Metrics(instant, MetricOptions{Instant: true, Legend: "{{service_name}}"}))
	golden(t, "metrics_none", Metrics(&trefoilclient.MetricResult{}, MetricOptions{Executed: "Expr: x"}))
}

func TestLegends(t *testing.T) {
	one := []trefoilclient.Series{series(1, "__name__", "up", "job", "a")}
	byJob := []trefoilclient.Series{series(1, "__name__", "up", "job", "a"), series(1, "__name__", "up", "job", "b")}
	byMore := []trefoilclient.Series{series(1, "__name__", "up", "job", "a", "zone", "1"), series(1, "__name__", "up", "job", "b")}
	for _, tc := range []struct {
		name, format string
		series       []trefoilclient.Series
		want         []string
	}{
		{"one series is written in full", "", one, []string{`up{job="a"}`}},
		{"one label tells apart", "", byJob, []string{"a", "b"}},
		{"several labels tell apart, one is absent", "", byMore, []string{`up{job="a", zone="1"}`, `up{job="b"}`}},
		{"no labels", "", []trefoilclient.Series{series(1)}, []string{"{}"}},
		{"only a name", "", []trefoilclient.Series{series(1, "__name__", "up")}, []string{"up"}},
		{"format", "{{job}} of {{ __name__ }}", byJob, []string{"a of up", "b of up"}},
		{"format with a label no series has", "[{{nope}}]", one, []string{"[]"}},
		{"format with a dotted name", "{{service.name}}", []trefoilclient.Series{series(1, "service.name", "cart")}, []string{"cart"}},
		{"a value is not a format", "{{a}}", []trefoilclient.Series{series(1, "a", "{{b}}", "b", "x")}, []string{"{{b}}"}},
		{"format without labels", "total", byJob, []string{"total", "total"}},
	} {
		if diff := cmp.Diff(tc.want, Legends(tc.format, tc.series)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestLogFrames(t *testing.T) {
	res := &trefoilclient.LogResult{
		Records: []trefoilclient.LogRecord{
			{ID: "18", Time: t0.Add(123456789), Service: "checkout", Severity: "ERROR", Body: "payment refused",
				TraceID: "5b8efff798038103d269b633813fc60c", SpanID: "eee19b7ec3c1b174",
				Attributes: []trefoilclient.Pair{{Key: "user.id", Value: "u1"}, {Key: "amount", Value: "12.5"}, {Key: "host.name", Value: "proxy"}},
				Resource:   []trefoilclient.Pair{{Key: "service.name", Value: "checkout"}, {Key: "host.name", Value: "node-1"}}},
			{ID: "17", Time: t0, Severity: "", Body: ""},
			{ID: "16", Time: t0, Service: "cart", Attributes: []trefoilclient.Pair{{Key: "said", Value: "\"\\ü\xff\n"}}},
		},
		Truncated: true,
	}
	golden(t, "logs", Logs(res, LogOptions{Executed: "GET /api/v1/logs?limit=2", Limit: 2, Search: "refused", Source: Source{UID: "uid1", Name: "Trefoil"}}))
	golden(t, "logs_none", Logs(&trefoilclient.LogResult{}, LogOptions{Limit: 10}))
}

// The data plane contract of log lines: names and types by which Grafana finds
// the fields, whatever their order.
func TestLogFrameKeepsContract(t *testing.T) {
	out := Logs(&trefoilclient.LogResult{}, LogOptions{})
	if out[0].Meta.Type != data.FrameTypeLogLines || out[0].Meta.PreferredVisualization != data.VisTypeLogs {
		t.Errorf("meta is %+v", out[0].Meta)
	}
	for name, kind := range map[string]data.FieldType{
		"timestamp": data.FieldTypeTime, "body": data.FieldTypeString, "severity": data.FieldTypeString,
		"id": data.FieldTypeString, "labels": data.FieldTypeJSON, "traceID": data.FieldTypeNullableString, "spanID": data.FieldTypeNullableString,
	} {
		requireField(t, out[0], name, kind)
	}
}

// The bars over the lines: a level is a label, and the name shown.
func TestLogVolume(t *testing.T) {
	out := LogVolume(&trefoilclient.MetricResult{Series: []trefoilclient.Series{series(1, "detected_level", "error"), series(2)}}, "x")
	for i, want := range []string{"error", "unknown"} {
		value := out[i].Fields[1]
		if value.Labels["level"] != want || value.Config.DisplayNameFromDS != want || out[i].Meta.Type != data.FrameTypeTimeSeriesMulti {
			t.Errorf("%d: %+v %+v", i, value.Labels, value.Config)
		}
	}
}

func requireField(t *testing.T, f *data.Frame, name string, kind data.FieldType) {
	t.Helper()
	field, at := f.FieldByName(name)
	if at < 0 {
		t.Errorf("field %s is missing", name)
	} else if field.Type() != kind {
		t.Errorf("field %s is %s, want %s", name, field.Type(), kind)
	}
}

func shopTrace() *trefoilclient.Trace {
	raw := func(pairs ...string) trefoilclient.Attributes {
		a := trefoilclient.Attributes{}
		for i := 0; i < len(pairs); i += 2 {
			a[pairs[i]] = json.RawMessage(pairs[i+1])
		}
		return a
	}
	return &trefoilclient.Trace{TraceID: "5b8efff798038103d269b633813fc60c", SpanCount: 5, Truncated: true, Spans: []trefoilclient.Span{
		{SpanID: "eee19b7ec3c1b174", Name: "POST /cart", Kind: "SERVER", Service: "frontend", Start: t0, DurationNS: 1_500_000,
			Status: trefoilclient.Status{Code: "UNSET"}, Attributes: raw("http.status_code", "500", "http.route", `"/cart"`),
			Resource: raw("service.name", `"frontend"`), Scope: trefoilclient.Scope{Name: "otelhttp", Version: "1.2.3"}},
		{SpanID: "eee19b7ec3c1b175", ParentSpanID: "eee19b7ec3c1b174", Name: "charge", Kind: "CLIENT", Service: "checkout", TraceState: "a=b",
			Start: t0.Add(250 * time.Microsecond), DurationNS: 1, Status: trefoilclient.Status{Code: "ERROR", Message: "card refused"},
			Events: []trefoilclient.Event{{Time: t0.Add(time.Millisecond), Name: "exception", Attributes: raw("exception.type", `"Refused"`, "exception.stacktrace", `"at pay.go:7"`)}},
			Links:  []trefoilclient.Link{{TraceID: "0af7651916cd43dd8448eb211c80319c", SpanID: "b7ad6b7169203331", Attributes: raw("why", `"retry"`)}}},
		{SpanID: "eee19b7ec3c1b176", ParentSpanID: "ffffffffffffffff", Name: "late", Kind: "CONSUMER", Service: "mail", Start: t0,
			Status: trefoilclient.Status{Code: "OK"}, Attributes: raw("error", `"sent by the application"`), Orphan: true},
	}}
}

func TestTraceFrame(t *testing.T) {
	out, err := Trace(shopTrace(), TraceOptions{Executed: "GET /api/v1/traces/5b8efff798038103d269b633813fc60c"})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "trace", out)
}

// The rows the trace view reads (TraceSpanRow of @grafana/data), its JSON fields
// always lists: the view iterates over them without looking.
func TestTraceFrameKeepsContract(t *testing.T) {
	out, err := Trace(shopTrace(), TraceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	frame := out[0]
	if frame.Meta.PreferredVisualization != data.VisTypeTrace {
		t.Errorf("meta is %+v", frame.Meta)
	}
	for _, name := range []string{"traceID", "spanID", "parentSpanID", "operationName", "serviceName", "kind", "statusMessage",
		"instrumentationLibraryName", "instrumentationLibraryVersion", "traceState"} {
		requireField(t, frame, name, data.FieldTypeString)
	}
	requireField(t, frame, "startTime", data.FieldTypeFloat64)
	requireField(t, frame, "duration", data.FieldTypeFloat64)
	requireField(t, frame, "statusCode", data.FieldTypeInt64)
	requireField(t, frame, "errorIconColor", data.FieldTypeNullableString)
	for _, name := range []string{"serviceTags", "tags", "logs", "references", "warnings", "stackTraces"} {
		requireField(t, frame, name, data.FieldTypeJSON)
		field, _ := frame.FieldByName(name)
		for row := range field.Len() {
			if raw := field.At(row).(json.RawMessage); !strings.HasPrefix(string(raw), "[") {
				t.Errorf("%s of row %d is %s, not a list", name, row, raw)
			}
		}
	}
	if got := millis(time.UnixMilli(1795472828010)); got != 1795472828010 {
		t.Errorf("whole milliseconds became %f", got)
	}
	start, _ := frame.FieldByName("startTime")
	if got, want := start.At(1).(float64), float64(t0.UnixMilli())+0.25; got != want {
		t.Errorf("start is %f ms, want %f", got, want)
	}
}

func TestTraceOfUnknownStatusIsAnError(t *testing.T) {
	tr := shopTrace()
	tr.Spans[0].Status.Code = "GREAT"
	if _, err := Trace(tr, TraceOptions{}); err == nil {
		t.Error("no error")
	}
}

// The exemplars of the time series panel: its name, topic and fields are how
// Grafana knows them.
func TestExemplarFrame(t *testing.T) {
	out := Exemplars([]trefoilclient.Exemplar{
		{Time: t0, Value: 0.25, Labels: map[string]string{"le": "0.5"}, TraceID: "5b8efff798038103d269b633813fc60c", SpanID: "eee19b7ec3c1b174"},
		{Time: t0.Add(time.Second), Value: 0.5, Labels: map[string]string{"le": "1", "route": "/cart"}},
	}, Source{UID: "uid1", Name: "Trefoil"})
	golden(t, "exemplars", out)
	if len(out) != 1 || out[0].Name != "exemplar" || out[0].Meta.DataTopic != data.DataTopicAnnotations {
		t.Fatalf("%+v", out)
	}
	requireField(t, out[0], "Time", data.FieldTypeTime)
	requireField(t, out[0], "Value", data.FieldTypeFloat64)
	requireField(t, out[0], "traceID", data.FieldTypeNullableString)
	requireField(t, out[0], "route", data.FieldTypeString)
	trace, _ := out[0].FieldByName("traceID")
	if links := trace.Config.Links; len(links) != 1 || links[0].Internal.DatasourceUID != "uid1" {
		t.Errorf("links are %+v", links)
	}
	if trace.At(1).(*string) != nil {
		t.Error("an exemplar without a trace has a link")
	}
	if Exemplars(nil, Source{}) != nil {
		t.Error("no exemplars make a frame")
	}
}

func TestHeatmapFrame(t *testing.T) {
	at := func(values ...float64) trefoilclient.Series {
		return trefoilclient.Series{Labels: map[string]string{}, Times: []time.Time{t0, t0.Add(time.Minute)}, Values: values}
	}
	one, two, inf := at(1, 2), at(4, 1), at(4, 9)
	one.Labels["le"], two.Labels["le"], inf.Labels["le"] = "0.5", "10", "+Inf"
	out := Heatmap(&trefoilclient.MetricResult{Series: []trefoilclient.Series{inf, two, one}}, MetricOptions{Executed: "x"})
	if len(out) != 1 || out[0].Meta.Type != "heatmap-rows" {
		t.Fatalf("%+v", out)
	}
	var got []any
	for _, f := range out[0].Fields[1:] {
		got = append(got, f.Name, f.At(0), f.At(1))
	}
	if diff := cmp.Diff([]any{"0.5", 1.0, 2.0, "10", 3.0, 0.0, "+Inf", 0.0, 7.0}, got); diff != "" {
		t.Errorf("buckets (-want +got):\n%s", diff)
	}
	plain := Heatmap(&trefoilclient.MetricResult{Series: []trefoilclient.Series{series(1, "job", "a")}}, MetricOptions{})
	if plain[0].Meta.Type != data.FrameTypeTimeSeriesMulti || len(plain[0].Meta.Notices) != 1 {
		t.Errorf("without le: %+v", plain[0].Meta)
	}
}

func TestMetricTable(t *testing.T) {
	out := MetricTable(&trefoilclient.MetricResult{Series: []trefoilclient.Series{
		{Labels: map[string]string{"job": "a"}, Times: []time.Time{t0, t0.Add(time.Minute)}, Values: []float64{1, 2}},
		{Labels: map[string]string{"zone": "z"}},
	}}, MetricOptions{})
	f := out[0]
	if f.Meta.Type != data.FrameTypeTable || f.Rows() != 2 || *f.Fields[3].At(0).(*float64) != 2 || f.Fields[3].At(1).(*float64) != nil ||
		f.Fields[1].Name != "job" || f.Fields[2].At(1) != "z" {
		t.Errorf("%+v", f)
	}
}

// Grafana makes annotations of the fields time, title, text and tags.
func TestAlertFrames(t *testing.T) {
	opt := AlertOptions{Source: Source{UID: "uid1", Name: "Trefoil"}}
	list := Alerts(&trefoilclient.AlertList{Truncated: true, Alerts: []trefoilclient.Alert{{Alert: "Slow", Group: "shop", State: "firing", Value: 2,
		Labels: map[string]string{"service_name": "cart"}, Annotations: map[string]string{"summary": "cart is slow"}, ActiveAt: t0}}}, opt)[0]
	history := AlertHistory(&trefoilclient.AlertHistory{Events: []trefoilclient.AlertEvent{{Time: t0, Event: "firing", Alert: "Slow", Group: "shop",
		Labels: map[string]string{"service": "cart"}, Annotations: map[string]string{"description": "cart is slow"}}}}, opt)[0]
	requireField(t, list, "state", data.FieldTypeString)
	requireField(t, list, "since", data.FieldTypeNullableTime)
	requireField(t, history, "time", data.FieldTypeTime)
	for _, f := range []*data.Frame{list, history} {
		for name, want := range map[string]any{"title": "Slow", "service": "cart", "text": "cart is slow"} {
			requireField(t, f, name, data.FieldTypeString)
			if field, _ := f.FieldByName(name); field.At(0) != want {
				t.Errorf("%s is %v, want %v", name, field.At(0), want)
			}
		}
		requireField(t, f, "tags", data.FieldTypeJSON)
		service, _ := f.FieldByName("service")
		if len(service.Config.Links) != 1 {
			t.Error("an alert does not lead to its evidence")
		}
	}
	if len(list.Meta.Notices) != 1 {
		t.Error("a cut list does not say so")
	}
}

func TestTracesTable(t *testing.T) {
	out := Traces(&trefoilclient.TracesFound{Partial: "only the newest were looked at", Traces: []trefoilclient.TraceFound{
		{TraceID: "5b8efff798038103d269b633813fc60c", Service: "frontend", Name: "GET /", Start: t0, DurationNS: 1_500_000, Spans: 7, Errors: 1}}}, TraceOptions{Source: Source{UID: "u"}})
	f := out[0]
	id, _ := f.FieldByName("traceID")
	took, _ := f.FieldByName("duration")
	if f.Rows() != 1 || len(id.Config.Links) != 1 || took.At(0) != 1.5 || took.Config.Unit != "ms" || len(f.Meta.Notices) != 1 {
		t.Errorf("%+v %+v", f, f.Meta)
	}
}

// The node graph's frames: nodes have an id, edges an id, a source and a target
// among the nodes; the arcs of a node add up to one.
func TestServiceGraphKeepsContract(t *testing.T) {
	out := ServiceGraph(&trefoilclient.ServiceGraph{Truncated: true, Edges: []trefoilclient.Edge{
		{Client: "frontend", Server: "cart", Requests: 120, Errors: 30, P99NS: 5e6},
		{Client: "checkout", Server: "cart", Requests: 60, P99NS: 9e6},
	}}, time.Minute, TraceOptions{Source: Source{UID: "u"}})
	if len(out) != 2 || out[0].Name != "nodes" || out[1].Name != "edges" {
		t.Fatalf("%d frames", len(out))
	}
	golden(t, "service_graph", out)
	nodes, edges := out[0], out[1]
	for _, f := range out {
		if f.Meta.PreferredVisualization != data.VisTypeNodeGraph {
			t.Errorf("%s: %+v", f.Name, f.Meta)
		}
		requireField(t, f, "id", data.FieldTypeString)
		requireField(t, f, "mainstat", data.FieldTypeFloat64)
		requireField(t, f, "secondarystat", data.FieldTypeFloat64)
	}
	requireField(t, nodes, "title", data.FieldTypeString)
	requireField(t, edges, "source", data.FieldTypeString)
	requireField(t, edges, "target", data.FieldTypeString)
	ids := map[string]int{}
	id, _ := nodes.FieldByName("id")
	for i := range id.Len() {
		ids[id.At(i).(string)] = i
	}
	for _, name := range []string{"source", "target"} {
		f, _ := edges.FieldByName(name)
		for i := range f.Len() {
			if _, ok := ids[f.At(i).(string)]; !ok {
				t.Errorf("%s %v is no node", name, f.At(i))
			}
		}
	}
	at := func(name string) float64 {
		f, _ := nodes.FieldByName(name)
		return f.At(ids["cart"]).(float64)
	}
	if at("mainstat") != 3 || at("secondarystat") != 9 || math.Abs(at("arc__failed")-1./6) > 1e-9 || at("arc__failed")+at("arc__answered") != 1 {
		t.Errorf("cart: %v requests/s, %v ms, %v failed, %v answered", at("mainstat"), at("secondarystat"), at("arc__failed"), at("arc__answered"))
	}
	if len(ids) != 3 || len(nodes.Meta.Notices) != 1 {
		t.Errorf("nodes %v, notices %v", ids, nodes.Meta.Notices)
	}
}

package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// trefoil is a running `trefoil serve` with its own data directory.
type trefoil struct {
	url  string // of the HTTP API
	otlp string // host:port of OTLP over HTTP
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// startTrefoil builds and runs the server on free ports, with further flags,
// until the test ends.
func startTrefoil(t testing.TB, flags ...string) *trefoil {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "trefoil")
	if out, err := exec.Command("go", "build", "-o", bin, "../../../cmd/trefoil").CombinedOutput(); err != nil {
		t.Fatalf("build trefoil: %v\n%s", err, out)
	}
	dir := t.TempDir()
	said, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &trefoil{done: make(chan struct{}), cmd: exec.Command(bin, append([]string{"serve", "--data-dir", dir,
		"--http-addr", "127.0.0.1:0", "--otlp-grpc-addr", "127.0.0.1:0", "--otlp-http-addr", "127.0.0.1:0"}, flags...)...)}
	p.cmd.Stdout, p.cmd.Stderr = said, said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			text, _ := os.ReadFile(said.Name())
			t.Logf("trefoil said:\n%s", text)
		}
	})
	eventually(t, time.Minute, func() error {
		select {
		case <-p.done:
			t.Fatalf("trefoil serve ended: %s", p.cmd.ProcessState)
		default:
		}
		text, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
		if err != nil {
			return err
		}
		var at map[string]string
		if err := json.Unmarshal(text, &at); err != nil {
			return err
		}
		p.url, p.otlp = "http://"+at["http"], at["otlp_http"]
		res, err := (&http.Client{Timeout: 5 * time.Second}).Get(p.url + "/readyz")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz: %s", res.Status)
		}
		return nil
	})
	return p
}

// stop asks it to end and, after a while, makes it.
func (p *trefoil) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// eventually repeats check until it has nothing to say.
func eventually(t testing.TB, within time.Duration, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("after %s: %v", within, err)
}

// shopping is what export sent.
type shopping struct {
	trace      trace.TraceID
	root, paid trace.SpanID
	at         time.Time
}

// export sends one trace of two spans, two log records and a counter's four
// measurements, with the OpenTelemetry SDK. All of it is acked on return.
func export(t *testing.T, p *trefoil, sent time.Time) shopping {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res := resource.NewSchemaless(attribute.String("service.name", "cart"), attribute.String("service.instance.id", "cart-1"))

	spans := must(otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(p.otlp), otlptracehttp.WithInsecure()))(t)
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithResource(res))
	tracer := tracing.Tracer("shop", trace.WithInstrumentationVersion("1.2.3"))
	inRoot, root := tracer.Start(ctx, "POST /cart", trace.WithTimestamp(sent), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.route", "/cart"), attribute.Int("items", 3)))
	_, pay := tracer.Start(inRoot, "charge", trace.WithTimestamp(sent.Add(10*time.Millisecond)), trace.WithSpanKind(trace.SpanKindClient))
	pay.AddEvent("exception", trace.WithTimestamp(sent.Add(15*time.Millisecond)), trace.WithAttributes(attribute.String("exception.type", "Refused")))
	pay.SetStatus(codes.Error, "card refused")
	pay.End(trace.WithTimestamp(sent.Add(30 * time.Millisecond)))
	root.End(trace.WithTimestamp(sent.Add(50 * time.Millisecond)))
	check(t, tracing.Shutdown(ctx))

	records := must(otlploghttp.New(ctx, otlploghttp.WithEndpoint(p.otlp), otlploghttp.WithInsecure()))(t)
	logging := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewSimpleProcessor(records)), sdklog.WithResource(res))
	for i, body := range []string{"cart opened", "Payment REFUSED by the bank"} {
		var r otellog.Record
		r.SetTimestamp(sent.Add(time.Duration(i)*time.Millisecond + 7))
		r.SetSeverity([]otellog.Severity{otellog.SeverityInfo, otellog.SeverityError}[i])
		r.SetBody(attribute.StringValue(body))
		r.AddAttributes(attribute.String("user.id", "u1"), attribute.Int("attempt", i+1))
		logging.Logger("shop").Emit(inRoot, r)
	}
	check(t, logging.Shutdown(ctx))

	points := must(otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(p.otlp), otlpmetrichttp.WithInsecure()))(t)
	reader := sdkmetric.NewPeriodicReader(points, sdkmetric.WithInterval(time.Hour))
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res))
	counter := must(metrics.Meter("shop").Int64Counter("shop.orders"))(t)
	for n, outcome := range []string{"ok", "failed"} {
		counter.Add(ctx, int64(n+5), metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	check(t, metrics.Shutdown(ctx))
	return shopping{trace: root.SpanContext().TraceID(), root: root.SpanContext().SpanID(), paid: pay.SpanContext().SpanID(), at: sent}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What was sent with the OpenTelemetry SDK comes out of the built plugin as the
// frames Grafana draws: the whole way, with nothing in between replaced.
func TestAgainstTrefoil(t *testing.T) {
	p := startTrefoil(t)
	h := start(t, config{url: p.url})

	if ok, message, _ := h.health(); !ok || !strings.Contains(message, "is ready (engine 26.") {
		t.Errorf("health: %v %q", ok, message)
	}
	sent := export(t, p, time.Now().Add(-30*time.Second).Truncate(time.Second))
	to := time.Now().Add(time.Minute)
	// What is acked is seen by queries within two seconds.
	eventually(t, 20*time.Second, func() error {
		for kind, query := range map[string]map[string]any{
			"metrics": {"expr": `sum by (outcome) (shop_orders_total)`},
			"logs":    {},
			"traces":  {"traceId": sent.trace.String()},
		} {
			if r := h.query(kind, query, to); r.Error != nil || len(r.Frames) == 0 || r.Frames[0].Rows() == 0 {
				return fmt.Errorf("no %s yet: %w", kind, r.Error)
			}
		}
		return nil
	})

	t.Run("metrics", func(t *testing.T) { seeMetrics(t, h, to) })
	t.Run("logs", func(t *testing.T) { seeLogs(t, h, to, sent) })
	t.Run("trace", func(t *testing.T) { seeTrace(t, h, to, sent) })
	t.Run("names", func(t *testing.T) { seeNames(t, h, to) })
	t.Run("errors", func(t *testing.T) { seeErrors(t, h, to) })
	t.Run("tail", func(t *testing.T) { seeTail(t, h, p) })
	t.Run("100,000 lines", func(t *testing.T) { seeManyLines(t, p) })
	t.Run("tenants", func(t *testing.T) {
		other := start(t, config{url: p.url, json: map[string]any{"tenant": "other"}})
		if f := onlyFrame(t, other.query("logs", map[string]any{}, to)); f.Rows() != 0 {
			t.Errorf("another tenant sees %d records", f.Rows())
		}
	})
	t.Run("down", func(t *testing.T) {
		p.stop()
		r := h.query("metrics", map[string]any{"expr": "up"}, to)
		if r.Error == nil || r.Status != http.StatusBadGateway || !strings.Contains(r.Error.Error(), "nothing listens there") {
			t.Errorf("%d %v", r.Status, r.Error)
		}
		if ok, message, _ := h.health(); ok || !strings.Contains(message, "nothing listens there") {
			t.Errorf("health: %v %q", ok, message)
		}
	})
}

func seeMetrics(t *testing.T, h *host, to time.Time) {
	r := h.query("metrics", map[string]any{"expr": `sum by (outcome) (shop_orders_total)`}, to)
	if r.Error != nil {
		t.Fatal(r.Error)
	}
	got := map[string]float64{}
	wide := onlyFrame(t, r) // both were exported at once
	if wide.Meta.Type != data.FrameTypeTimeSeriesWide || wide.Rows() == 0 {
		t.Fatalf("frame %+v with %d rows", wide.Meta, wide.Rows())
	}
	for _, field := range wide.Fields[1:] {
		got[field.Config.DisplayNameFromDS] = field.At(wide.Rows() - 1).(float64)
	}
	if len(got) != 2 || got["ok"] != 5 || got["failed"] != 6 {
		t.Errorf("%v, want ok 5 and failed 6", got)
	}
	r = h.query("metrics", map[string]any{"expr": `shop_orders_total{outcome="ok"}`, "instant": true, "legendFormat": "{{outcome}} orders"}, time.Now())
	f := onlyFrame(t, r)
	if f.Meta.Type != data.FrameTypeNumericMulti || f.Rows() != 1 || f.Fields[1].At(0) != 5.0 || f.Fields[1].Config.DisplayNameFromDS != "ok orders" {
		t.Errorf("instant: %+v, %d rows", f, f.Rows())
	}
	if f := onlyFrame(t, h.query("metrics", map[string]any{"expr": "nothing_of_this_name"}, to)); len(f.Fields) != 0 {
		t.Errorf("no series: %+v", f)
	}
}

func seeLogs(t *testing.T, h *host, to time.Time, sent shopping) {
	f := onlyFrame(t, h.query("logs", map[string]any{}, to))
	if f.Rows() != 2 {
		t.Fatalf("%d records, want 2", f.Rows())
	}
	if body := f.Fields[1].At(0); body != "Payment REFUSED by the bank" { // newest first
		t.Errorf("first body is %v", body)
	}
	if at := f.Fields[0].At(0).(time.Time); !at.Equal(sent.at.Add(time.Millisecond + 7)) {
		t.Errorf("time is %s, want %s to the nanosecond", at, sent.at.Add(time.Millisecond+7))
	}
	if f.Fields[2].At(0) != "error" || f.Fields[3].At(0) == f.Fields[3].At(1) || *f.Fields[5].At(0).(*string) != sent.trace.String() || *f.Fields[6].At(0).(*string) != sent.root.String() {
		t.Errorf("severity %v, ids %v and %v, trace %v", f.Fields[2].At(0), f.Fields[3].At(0), f.Fields[3].At(1), f.Fields[5].At(0))
	}
	var labels map[string]any
	check(t, json.Unmarshal(f.Fields[4].At(0).(json.RawMessage), &labels))
	if labels["user.id"] != "u1" || labels["attempt"] != "2" || labels["service.name"] != "cart" || labels["service.instance.id"] != "cart-1" {
		t.Errorf("labels are %v", labels)
	}
	for name, search := range map[string]struct {
		model map[string]any
		rows  int
	}{
		"text, in another case": {map[string]any{"text": "payment refused"}, 1},
		"least severity":        {map[string]any{"severity": "WARN"}, 1},
		"service":               {map[string]any{"service": "cart"}, 2},
		"another service":       {map[string]any{"service": "checkout"}, 0},
		"attribute":             {map[string]any{"attributes": []map[string]string{{"key": "attempt", "op": "=", "value": "1"}}}, 1},
		"other attributes":      {map[string]any{"attributes": []map[string]string{{"key": "user.id", "op": "!=", "value": "u1"}}}, 0},
	} {
		if f := onlyFrame(t, h.query("logs", search.model, to)); f.Rows() != search.rows {
			t.Errorf("%s: %d records, want %d", name, f.Rows(), search.rows)
		}
	}
	// As the context of a line is asked for: what followed it, oldest first.
	after := dataQuery(t, "A", "logs", map[string]any{"service": "cart", "forward": true, "lineLimit": 1}, to)
	after.TimeRange.FromEpochMS = sent.at.UnixMilli()
	if f := onlyFrame(t, h.queries(deadline(t), to, after)["A"]); f.Rows() != 1 || f.Fields[1].At(0) != "cart opened" {
		t.Errorf("forward: %d records, first %v", f.Rows(), f.Fields[1].At(0))
	}
	if f := onlyFrame(t, h.query("logs", map[string]any{"severity": "ERROR", "annotation": true}, to)); f.Rows() != 1 || f.Fields[2].At(0) != "Payment REFUSED by the bank" {
		t.Errorf("annotations: %d", f.Rows())
	}
	f = onlyFrame(t, h.query("logs", map[string]any{"lineLimit": 1}, to))
	if f.Rows() != 1 || len(f.Meta.Notices) != 1 || !strings.Contains(f.Meta.Notices[0].Text, "More than these 1 lines match") {
		t.Errorf("limit of 1: %d records, notices %v", f.Rows(), f.Meta.Notices)
	}
}

func seeTrace(t *testing.T, h *host, to time.Time, sent shopping) {
	f := onlyFrame(t, h.query("traces", map[string]any{"traceId": sent.trace.String()}, to))
	if f.Rows() != 2 || f.Meta.PreferredVisualization != data.VisTypeTrace {
		t.Fatalf("%d spans, %+v", f.Rows(), f.Meta)
	}
	at := func(name string, row int) any {
		field, i := f.FieldByName(name)
		if i < 0 {
			t.Fatalf("field %s is missing", name)
		}
		if raw, ok := field.At(row).(json.RawMessage); ok {
			return string(raw)
		}
		return field.At(row)
	}
	start := float64(sent.at.UnixMilli())
	for row, want := range []map[string]any{
		{"traceID": sent.trace.String(), "spanID": sent.root.String(), "parentSpanID": "", "operationName": "POST /cart", "serviceName": "cart", "kind": "server",
			"startTime": start, "duration": 50.0, "statusCode": int64(0), "instrumentationLibraryName": "shop", "instrumentationLibraryVersion": "1.2.3",
			"tags": `[{"key":"http.route","value":"/cart"},{"key":"items","value":3}]`, "logs": `[]`, "references": `[]`, "warnings": `[]`,
			"serviceTags": `[{"key":"service.instance.id","value":"cart-1"},{"key":"service.name","value":"cart"}]`},
		{"traceID": sent.trace.String(), "spanID": sent.paid.String(), "parentSpanID": sent.root.String(), "operationName": "charge", "kind": "client",
			"startTime": start + 10, "duration": 20.0, "statusCode": int64(2), "statusMessage": "card refused", "tags": `[{"key":"error","value":true}]`,
			"logs": fmt.Sprintf(`[{"timestamp":%d,"name":"exception","fields":[{"key":"exception.type","value":"Refused"}]}]`, sent.at.UnixMilli()+15)},
	} {
		for name, value := range want {
			if got := at(name, row); got != value {
				t.Errorf("%s of span %d is %v, want %v", name, row, got, value)
			}
		}
	}
	r := h.query("traces", map[string]any{"traceId": strings.Repeat("f", 32)}, to)
	if r.Status != backend.StatusNotFound || r.Error == nil || !strings.Contains(r.Error.Error(), `is not known to tenant "default"`) {
		t.Errorf("unknown trace: %d %v", r.Status, r.Error)
	}
}

func seeNames(t *testing.T, h *host, to time.Time) {
	times := fmt.Sprintf("start=%d&end=%d", to.Add(-time.Hour).UnixMilli(), to.UnixMilli())
	for path, want := range map[string]string{
		"services?":              `"cart"`,
		"metrics?":               `"shop_orders_total"`,
		"labels?signal=metrics&": `"outcome"`,
		"label-values?signal=metrics&name=outcome&": `"failed"`,
		"labels?signal=logs&":                       `"user.id"`,
		"label-values?signal=logs&name=user.id&":    `"u1"`,
		"labels?signal=traces&":                     `"http.route"`,
	} {
		path, query, _ := strings.Cut(path, "?")
		if status, body := h.get(path, query+times); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s?%s: %d %s, want %s in it", path, query, status, body, want)
		}
	}
}

func seeErrors(t *testing.T, h *host, to time.Time) {
	r := h.query("metrics", map[string]any{"expr": "sum(rate(x[5m])"}, to)
	if r.Status != backend.StatusBadRequest || r.Error == nil || !strings.HasPrefix(r.Error.Error(), "line 1, column ") {
		t.Errorf("unclosed bracket: %d %v", r.Status, r.Error)
	}
	r = h.query("metrics", map[string]any{"expr": "x", "step": "1ms"}, to)
	if r.Error != nil {
		t.Errorf("a step too fine is widened: %v", r.Error)
	}
}

// seeTail subscribes first, by form and by LogQL, sends then, and gets the records
// as they arrive.
func seeTail(t *testing.T, h *host, p *trefoil) {
	got := make(chan string, 2)
	ctx := deadline(t)
	for _, model := range []string{`{"text":"refused"}`, `{"logsMode":"code","logql":"{service_name=\"cart\"} |= \"REFUSED\""}`} {
		go func() {
			err := h.Run(ctx, "tail/abc", []byte(model), func(raw []byte) error {
				var f data.Frame
				if err := json.Unmarshal(raw, &f); err != nil || f.Rows() == 0 {
					return fmt.Errorf("%v in %s", err, raw)
				}
				return errors.New(f.Fields[1].At(0).(string))
			})
			got <- fmt.Sprint(err)
		}()
	}
	export(t, p, time.Now())
	for range 2 {
		select {
		case line := <-got:
			if line != "Payment REFUSED by the bank" {
				t.Errorf("got %q", line)
			}
		case <-time.After(20 * time.Second):
			t.Error("nothing arrived")
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The whole system once: three signals of one trace in through the
// OpenTelemetry SDK, joined out by its ID; the shop broken, the alert at a
// webhook once; a restart, no second page, and all data still there.
func TestSpine(t *testing.T) {
	hook := newWebhook(t)
	dataDir := newDataDir(t)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	writeFile(t, rules, `
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: PaymentsFail
        expr: sum(rate(shop_payments_total{outcome="failed"}[30s])) > 0
        for: 2s
        labels: {severity: page}
        annotations:
          summary: 'payments fail at {{ $value | humanize }}/s'
`)
	flags := []string{"--rules", rules, "--alert-webhook", hook.url, "--alert-group-interval", "2s"}
	p := startServe(t, dataDir, flags...)

	id := exportOneTrace(t, p)
	joined(t, p, id)
	welcomed(t, p)

	// Breaking the shop makes the rule fire.
	invoke(t, "demo", "--endpoint", p.GRPC, "--rate", "20", "--duration", "8s", "--break", "payment=1", "--seed", "1")
	eventually(t, 40*time.Second, "the page", func() error {
		if n := len(hook.of("firing")); n != 1 {
			return fmt.Errorf("%d firing messages; rules: %s", n, ruleState(p))
		}
		return nil
	})
	page := hook.of("firing")[0]
	if page.Version != "4" || len(page.Alerts) != 1 || page.Alerts[0].Labels["alertname"] != "PaymentsFail" || page.Alerts[0].Labels["severity"] != "page" ||
		page.Alerts[0].Annotations["summary"] == "" || page.Alerts[0].Fingerprint == "" || page.GroupKey == "" {
		t.Errorf("the page is not what Alertmanager would send: %+v", page)
	}
	if s := ruleState(p); s != "firing" {
		t.Errorf("the rule is %s at /prometheus/api/v1/rules, want firing", s)
	}

	if d := p.stop(); d > 10*time.Second {
		t.Errorf("the graceful stop took %v, want at most 10 s", d)
	}
	p = startServe(t, dataDir, flags...)
	joined(t, p, id)
	eventually(t, 20*time.Second, "the rule to be evaluated again", func() error {
		if s := ruleState(p); s != "firing" {
			return fmt.Errorf("state %s", s)
		}
		return nil
	})
	time.Sleep(5 * time.Second) // several evaluations in which a second page could go out
	if n := len(hook.of("firing")); n != 1 {
		t.Errorf("%d pages after the restart, want the one from before", n)
	}
	// The failures leave the rule's window: resolved, once.
	eventually(t, 100*time.Second, "the resolved message", func() error {
		if n := len(hook.of("resolved")); n != 1 {
			return fmt.Errorf("%d resolved messages; rule %s", n, ruleState(p))
		}
		return nil
	})
	p.stop()
}

// A crash of the whole process loses nothing that was acked.
func TestSpineSurvivesKill(t *testing.T) {
	dataDir := newDataDir(t)
	p := startServe(t, dataDir)
	id := exportOneTrace(t, p)
	p.kill()
	p = startServe(t, dataDir)
	joined(t, p, id)
	answered(t, p, id)
	p.stop()
}

// welcomed opens the API's first page and follows its links.
func welcomed(t *testing.T, p *process) {
	t.Helper()
	body, err := p.read("/")
	if err != nil {
		t.Fatal(err)
	}
	page := string(body)
	for _, want := range []string{p.GRPC, "http://" + p.OTLP, "http://" + p.API + "/prometheus<", "http://" + p.API + "/tempo<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the first page does not say %s:\n%s", want, page)
		}
	}
	links := regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 5 {
		t.Errorf("the first page has %d links, want 5", len(links))
	}
	for _, l := range links {
		if _, err := p.read("/" + l[1]); err != nil {
			t.Errorf("a link of the first page: %v", err)
		}
	}
}

// exportOneTrace makes a trace of two services with a log record and a
// measurement in it, and returns when all of it is acked.
func exportOneTrace(t *testing.T, p *process) trace.TraceID {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	res := resource.NewSchemaless(attribute.String("service.name", "till"), attribute.String("service.instance.id", "till-1"), attribute.Int("shelf.count", 12))

	spanOut, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(p.GRPC), otlptracegrpc.WithInsecure())
	must(err)
	spans := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(spanOut))
	logOut, err := otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(p.GRPC), otlploggrpc.WithInsecure())
	must(err)
	logs := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(logOut)))
	metricOut, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(p.OTLP), otlpmetrichttp.WithInsecure())
	must(err)
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricOut, sdkmetric.WithInterval(time.Hour))))

	seconds, err := metrics.Meter("till").Float64Histogram("http.server.request.duration", metric.WithUnit("s"))
	must(err)
	traced, root := spans.Tracer("till").Start(ctx, "POST /pay", trace.WithSpanKind(trace.SpanKindServer))
	_, child := spans.Tracer("till").Start(traced, "charge card", trace.WithAttributes(attribute.Int("amount", 4200), attribute.StringSlice("cards", []string{"visa", "amex"})))
	child.AddEvent("declined", trace.WithAttributes(attribute.Bool("retry", true)))
	var record otellog.Record
	record.SetTimestamp(time.Now())
	record.SetSeverity(otellog.SeverityError)
	record.SetBody(attribute.StringValue("card declined by the bank"))
	record.AddAttributes(attribute.Int("attempt", 3), attribute.Float64("amount", 42))
	logs.Logger("till").Emit(traced, record)
	seconds.Record(traced, 0.25, metric.WithAttributes(attribute.String("http.route", "/pay")))
	child.End()
	root.End()
	// Shutdown exports what is left and fails unless it was acked.
	must(spans.Shutdown(ctx))
	must(logs.Shutdown(ctx))
	must(metrics.Shutdown(ctx))
	return root.SpanContext().TraceID()
}

// joined checks that one call brings the three signals of the trace together,
// values and types as sent, and that each signal's own API has them too.
func joined(t *testing.T, p *process, id trace.TraceID) {
	t.Helper()
	var c struct {
		Trace struct {
			SpanCount int `json:"span_count"`
			Spans     []struct {
				Name       string         `json:"name"`
				Service    string         `json:"service"`
				Depth      int            `json:"depth"`
				Attributes map[string]any `json:"attributes"`
				Resource   map[string]any `json:"resource"`
				Events     []struct{ Name string }
			} `json:"spans"`
		} `json:"trace"`
		Logs struct {
			Records []struct {
				Body       any            `json:"body"`
				Severity   string         `json:"severity"`
				Attributes map[string]any `json:"attributes"`
			} `json:"records"`
		} `json:"logs"`
		Exemplars struct {
			Items []struct {
				Metric string  `json:"metric"`
				Value  float64 `json:"value"`
			} `json:"items"`
		} `json:"exemplars"`
		Partial []any `json:"partial"`
	}
	// An ack means durable; a query sees it within two seconds.
	eventually(t, 20*time.Second, "the three signals of the trace", func() error {
		if err := p.get("/api/v1/traces/"+id.String()+"/context", &c); err != nil {
			return err
		}
		if len(c.Trace.Spans) == 0 || len(c.Logs.Records) == 0 || len(c.Exemplars.Items) == 0 {
			return fmt.Errorf("%d spans, %d log records, %d exemplars", len(c.Trace.Spans), len(c.Logs.Records), len(c.Exemplars.Items))
		}
		return nil
	})
	if len(c.Partial) > 0 {
		t.Errorf("the answer is partial: %v", c.Partial)
	}
	if c.Trace.SpanCount != 2 || len(c.Trace.Spans) != 2 {
		t.Fatalf("spans: %+v, want two", c.Trace)
	}
	root, child := c.Trace.Spans[0], c.Trace.Spans[1]
	if root.Name != "POST /pay" || root.Service != "till" || child.Name != "charge card" || child.Depth != 1 ||
		fmt.Sprint(child.Attributes["amount"]) != "4200" || fmt.Sprint(child.Attributes["cards"]) != "[visa amex]" ||
		fmt.Sprint(root.Resource["shelf.count"]) != "12" || len(child.Events) != 1 {
		t.Errorf("spans are not as sent: %+v", c.Trace.Spans)
	}
	if len(c.Logs.Records) != 1 || c.Logs.Records[0].Body != "card declined by the bank" || c.Logs.Records[0].Severity != "ERROR" ||
		fmt.Sprint(c.Logs.Records[0].Attributes["attempt"]) != "3" {
		t.Errorf("logs of the trace: %+v", c.Logs.Records)
	}
	if len(c.Exemplars.Items) != 1 || c.Exemplars.Items[0].Value != 0.25 {
		t.Errorf("exemplars of the trace: %+v", c.Exemplars.Items)
	}

	var logs struct{ Records []struct{ Body any } }
	if err := p.get("/api/v1/logs?service=till&q=DECLINED&attr="+url.QueryEscape("attempt=3"), &logs); err != nil {
		t.Error(err)
	} else if len(logs.Records) != 1 {
		t.Errorf("log search found %d records, want 1", len(logs.Records))
	}
	var prom struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	expr := url.QueryEscape(`http_server_request_duration_seconds_count{job="till"}`)
	if err := p.get("/prometheus/api/v1/query?query="+expr, &prom); err != nil {
		t.Error(err)
	} else if r := prom.Data.Result; len(r) != 1 || r[0].Value[1] != "1" || r[0].Metric["http_route"] != "/pay" || r[0].Metric["instance"] != "till-1" {
		t.Errorf("the histogram's count is %+v, want one series at 1", r)
	}
}

func ruleState(p *process) string {
	var r struct {
		Data struct {
			Groups []struct {
				Rules []struct{ State, LastError string }
			}
		}
	}
	if err := p.get("/prometheus/api/v1/rules", &r); err != nil {
		return err.Error()
	}
	for _, g := range r.Data.Groups {
		for _, rule := range g.Rules {
			return rule.State + rule.LastError
		}
	}
	return "absent"
}

// webhook is a receiver of pages that remembers them.
type webhook struct {
	url      string
	mu       sync.Mutex
	messages []webhookMessage
}

type webhookMessage struct {
	Version, GroupKey, Status string
	Alerts                    []struct {
		Status, Fingerprint string
		StartsAt            time.Time
		Labels, Annotations map[string]string
	}
}

func newWebhook(t *testing.T) *webhook {
	w := &webhook{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m webhookMessage
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("webhook: %v", err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.messages = append(w.messages, m)
	}))
	t.Cleanup(s.Close)
	w.url = s.URL
	return w
}

func (w *webhook) of(status string) []webhookMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.messages), func(m webhookMessage) bool { return m.Status != status })
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

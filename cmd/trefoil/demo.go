package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/shop"
)

// halfBroken is the chance --break gives a fault when none is named.
const halfBroken = 0.5

func runDemo(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "demo",
		Text: `
Sends the telemetry of a small shop over OTLP. Its six services are ` + strings.Join(shop.Services(), ", ") + `.
There are traces across them with errors and slow spots, structured logs that carry the trace's ID,
and metrics with exemplars. It uses the OpenTelemetry SDK, so what arrives is what any instrumented
program sends.

The first trace is an order whose payment failed; its ID is printed with the commands to look at it.
Runs until stopped (Ctrl-C), then sends what is left.`,
		Examples: []string{
			"trefoil demo",
			"trefoil demo --rate 50 --duration 5m",
			"trefoil demo --break payment --break inventory=0.2",
			"trefoil demo --protocol http/protobuf --endpoint https://otlp.example:4318",
		},
	})
	var cfg shop.Config
	var broken []string
	var seed int64
	var api string
	set.Section("What the shop does")
	set.Float(&cfg.Rate, "rate", 2, "`traces` a second")
	set.Duration(&cfg.Duration, "duration", 0, "stop after this `time`; 0: run until stopped")
	set.Strings(&broken, "break", nil, "raise how often a `service` fails, to a half or to the chance given as in payment=0.9; may be repeated")
	set.Int64(&seed, "seed", 0, "make the same requests and IDs as every other run with this `number`; 0: a different run each time")
	set.Section("Where it sends")
	set.String(&cfg.Endpoint, "endpoint", "", "`address` of an OTLP receiver, host:port or URL (default 127.0.0.1:4317, or :4318 for http/protobuf)")
	set.String(&cfg.Protocol, "protocol", "grpc", "`protocol`: grpc or http/protobuf")
	set.String(&cfg.Tenant, "tenant", "", "send as this `tenant` instead of the server's default one")
	set.String(&api, "api", "http://127.0.0.1:8733", "`address` of Trefoil's HTTP API, for the commands printed")
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) > 0 {
		return set.Errorf("demo takes no arguments, got %q", set.Args()[0])
	}
	var err error
	if cfg.Break, err = parseBreak(broken); err != nil {
		return set.Errorf("flag --break: %v", err)
	}
	cfg.Seed = uint64(seed)
	screen := &demoScreen{rate: cfg.Rate, api: strings.TrimRight(api, "/"), tenant: cfg.Tenant, terminal: isatty.IsTerminal(os.Stderr.Fd())}
	cfg.OnFirst, cfg.OnProgress = screen.first, screen.progress
	sh, err := shop.New(cfg)
	if err != nil {
		return set.Errorf("%v", err)
	}
	// The SDK would print each refused export; the shop counts them and Run
	// returns the last.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	err = sh.Run(ctx)
	screen.end(sh.Stats())
	return err
}

func parseBreak(values []string) (map[string]float64, error) {
	broken := map[string]float64{}
	for _, value := range values {
		service, chance, given := strings.Cut(value, "=")
		if !slices.Contains(shop.Services(), service) {
			if near, ok := flagset.Nearest(service, shop.Services()); ok {
				return nil, fmt.Errorf("the shop has no service %q; did you mean %s?", service, near)
			}
			return nil, fmt.Errorf("the shop has no service %q; it has %s", service, strings.Join(shop.Services(), ", "))
		}
		broken[service] = halfBroken
		if given {
			p, err := strconv.ParseFloat(chance, 64)
			if err != nil || p < 0 || p > 1 {
				return nil, fmt.Errorf("%q: the chance of a failure is a number from 0 to 1", value)
			}
			broken[service] = p
		}
	}
	return broken, nil
}

// demoScreen prints what to try on standard output and progress on standard
// error: one line rewritten on a terminal, a line every ten seconds elsewhere.
type demoScreen struct {
	rate        float64
	api, tenant string
	terminal    bool
	printed     time.Time
	shown       bool
}

func (d *demoScreen) first(id trace.TraceID) {
	curlTenant, queryFlags := "", ""
	if d.api != "http://127.0.0.1:8733" {
		queryFlags += " --api " + d.api
	}
	if d.tenant != "" {
		curlTenant = " -H 'X-Scope-OrgID: " + d.tenant + "'"
		queryFlags += " --tenant " + d.tenant
	}
	fmt.Printf(`An order whose payment failed: trace %[1]s
  trefoil query trace %[1]s%[3]s
  curl -s%[4]s %[2]s/api/v1/traces/%[1]s/context

Its logs, the errors among all logs, and the shop's error rate (after a minute or so):
  trefoil query logs --trace-id %[1]s%[3]s
  trefoil query logs --severity error --since 15m%[3]s
  trefoil query promql 'sum by (outcome) (rate(shop_payments_total[1m]))'%[3]s

`, id, d.api, queryFlags, curlTenant)
	fmt.Fprintf(os.Stderr, "sending %g traces a second; Ctrl-C stops\n", d.rate)
}

func (d *demoScreen) progress(s shop.Stats) {
	switch {
	case d.terminal:
		fmt.Fprint(os.Stderr, "\r\x1b[K"+demoLine(s))
		d.shown = true
	case time.Since(d.printed) >= 10*time.Second:
		fmt.Fprintln(os.Stderr, demoLine(s))
		d.printed = time.Now()
	}
}

func (d *demoScreen) end(s shop.Stats) {
	if d.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	if s.Traces > 0 {
		fmt.Fprintln(os.Stderr, demoLine(s))
	}
}

func demoLine(s shop.Stats) string {
	line := fmt.Sprintf("%d traces made; acknowledged: %d spans, %d log records, %d metrics in %d exports", s.Traces, s.Spans, s.Logs, s.Metrics, s.Exports)
	if s.FailedExports > 0 {
		line += fmt.Sprintf("; %d refused (%v)", s.FailedExports, s.LastError)
	}
	return line
}

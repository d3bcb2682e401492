package workload

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Signal is one of the three kinds of data.
type Signal string

// The signals; a record is a log record, a span or a metric data point.
const (
	Logs    Signal = "logs"
	Spans   Signal = "spans"
	Metrics Signal = "metrics"
)

// Signals lists all of them.
func Signals() []Signal { return []Signal{Logs, Spans, Metrics} }

// Config describes the requests to make. Signal, Records and Start are
// required.
type Config struct {
	Signal  Signal
	Records int
	Start   time.Time // of the data; it ends a little later, by the number of records

	PerRequest  int    // records in a request; default 1000
	Resources   int    // instances that send; default 50
	Series      int    // metric series; default 10000
	Seed        uint64 // default 1
	Compression string // none (default), gzip or zstd
}

func (c *Config) setDefaults() error {
	if c.PerRequest == 0 {
		c.PerRequest = 1000
	}
	if c.Resources == 0 {
		c.Resources = 50
	}
	if c.Series == 0 {
		c.Series = 10_000
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.Compression == "" {
		c.Compression = "none"
	}
	if c.Records < 1 || c.PerRequest < 1 || c.Resources < 1 || c.Series < 1 {
		return fmt.Errorf("workload: counts must be positive: %+v", *c)
	}
	return nil
}

// Request is the body of one export.
type Request struct {
	Body    []byte // OTLP protobuf, compressed as configured
	Records int
	Plain   int // bytes before compression
}

// Generate makes all requests. They are held in memory: a million records take
// roughly half a gigabyte uncompressed.
func Generate(cfg Config) ([]Request, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	compress, err := compressor(cfg.Compression)
	if err != nil {
		return nil, err
	}
	g := &generator{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0)), at: cfg.Start}
	var encode func(n int) ([]byte, error)
	switch cfg.Signal {
	case Logs:
		encode = g.logs
	case Spans:
		encode = g.spans
	case Metrics:
		encode = g.metrics
	default:
		return nil, fmt.Errorf("workload: no signal %q", cfg.Signal)
	}
	requests := make([]Request, 0, cfg.Records/cfg.PerRequest+1)
	for left := cfg.Records; left > 0; {
		n := min(left, cfg.PerRequest)
		plain, err := encode(n)
		if err != nil {
			return nil, fmt.Errorf("workload: encode: %w", err)
		}
		body, err := compress(plain)
		if err != nil {
			return nil, fmt.Errorf("workload: compress: %w", err)
		}
		requests = append(requests, Request{Body: body, Records: n, Plain: len(plain)})
		left -= n
	}
	return requests, nil
}

func compressor(name string) (func([]byte) ([]byte, error), error) {
	switch name {
	case "none":
		return func(b []byte) ([]byte, error) { return b, nil }, nil
	case "gzip":
		return func(b []byte) ([]byte, error) {
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			if _, err := w.Write(b); err != nil {
				return nil, err
			}
			err := w.Close()
			return out.Bytes(), err
		}, nil
	case "zstd":
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return func(b []byte) ([]byte, error) { return encoder.EncodeAll(b, nil), nil }, nil
	}
	return nil, fmt.Errorf("workload: compression %q is not none, gzip or zstd", name)
}

// generator holds what goes on from request to request.
type generator struct {
	cfg      Config
	rng      *rand.Rand
	at       time.Time // time of the next record
	resource int       // the next one to send
	point    int       // metric points made so far
}

// perResource is how many records of one resource follow each other in a
// request, as a collector in front of several instances would send them.
const perResource = 200

// fillResource sets ten attributes; number chooses the instance.
func fillResource(r pcommon.Resource, number int) {
	service := number % len(services())
	a := r.Attributes()
	a.EnsureCapacity(10)
	a.PutStr("service.name", services()[service])
	a.PutStr("service.namespace", "reference")
	a.PutStr("service.version", fmt.Sprintf("2.%d.1", service))
	a.PutStr("service.instance.id", fmt.Sprintf("7f3c1e2a-0000-4000-8000-%012d", number))
	a.PutStr("deployment.environment.name", "production")
	a.PutStr("host.name", fmt.Sprintf("node-%02d.example", number%12))
	a.PutStr("k8s.namespace.name", "reference")
	a.PutStr("k8s.pod.name", fmt.Sprintf("%s-5d9c7b8f6d-%05d", services()[service], number))
	a.PutStr("cloud.region", "eu-central-1")
	a.PutStr("telemetry.sdk.language", "go")
}

func services() []string {
	return []string{"accounts", "billing", "catalogue", "delivery", "gateway", "identity", "ledger", "mailer", "search", "storefront"}
}

func routes() []string {
	return []string{"/", "/login", "/items", "/items/{id}", "/basket", "/orders", "/orders/{id}", "/search", "/profile", "/health", "/export", "/import"}
}

func methods() []string { return []string{"GET", "GET", "GET", "POST", "PUT", "DELETE"} }

func (g *generator) statusCode() int64 {
	switch roll := g.rng.IntN(100); {
	case roll < 92:
		return 200
	case roll < 96:
		return 404
	case roll < 98:
		return 302
	default:
		return 500
	}
}

func (g *generator) traceID() (id pcommon.TraceID) {
	for i := range id {
		id[i] = byte(g.rng.Uint32())
	}
	return id
}

func (g *generator) spanID() (id pcommon.SpanID) {
	for i := range id {
		id[i] = byte(g.rng.Uint32())
	}
	return id
}

func pick[T any](g *generator, from []T) T { return from[g.rng.IntN(len(from))] }

// step moves time on by about d.
func (g *generator) step(d time.Duration) pcommon.Timestamp {
	g.at = g.at.Add(d/2 + time.Duration(g.rng.Int64N(int64(d))))
	return pcommon.NewTimestampFromTime(g.at)
}

func (g *generator) nextResource() int {
	g.resource++
	return g.resource % g.cfg.Resources
}

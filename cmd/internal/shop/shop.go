package shop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

const (
	flushInterval  = time.Second     // spans and logs
	metricInterval = 5 * time.Second // metrics; rate() needs two
	exportTimeout  = 10 * time.Second
	stopTimeout    = 10 * time.Second
	flushEvery     = 500 // requests, so that no queue overflows however fast they come
)

// Config says what the shop does and where its telemetry goes.
type Config struct {
	Endpoint string // host:port or URL; empty: the protocol's port on loopback
	Protocol string // grpc (default) or http/protobuf
	Tenant   string // empty: none sent

	Rate     float64            // requests (traces) per second; default 2
	Duration time.Duration      // stop after this time; 0: when the context ends
	Seed     uint64             // 0: a different run each time
	Break    map[string]float64 // service → chance of its fault, 0 to 1

	OnFirst    func(trace.TraceID) // a failed checkout has arrived at the receiver
	OnProgress func(Stats)         // about once a second
}

func (c *Config) setDefaults() error {
	if c.Protocol == "" {
		c.Protocol = "grpc"
	}
	if c.Rate == 0 {
		c.Rate = 2
	}
	if c.Rate < 0 || c.Rate > 100_000 {
		return fmt.Errorf("rate %g: want more than 0 and at most 100000 traces a second", c.Rate)
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	for service, probability := range c.Break {
		if !slices.Contains(Services(), service) {
			return fmt.Errorf("the shop has no service %q", service)
		}
		if !(probability >= 0 && probability <= 1) {
			return fmt.Errorf("%s cannot fail with a chance of %g: want 0 to 1", service, probability)
		}
	}
	if c.OnFirst == nil {
		c.OnFirst = func(trace.TraceID) {}
	}
	if c.OnProgress == nil {
		c.OnProgress = func(Stats) {}
	}
	return nil
}

// Stats is what happened so far.
type Stats struct {
	Traces               int // made
	Spans, Logs, Metrics int // acknowledged by the receiver; Metrics counts metrics per export, not points
	Exports              int // requests acknowledged
	FailedExports        int // requests refused, or refused in part
	LastError            error
}

// Shop is one run of the shop.
type Shop struct {
	cfg      Config
	endpoint endpoint
	planner  planner
	services map[string]*service
	out      *exporters
	tally    tally
}

// New checks the configuration and prepares the services; nothing is sent.
func New(cfg Config) (*Shop, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	sh := &Shop{cfg: cfg, services: map[string]*service{}}
	var err error
	if sh.endpoint, err = parseEndpoint(cfg.Endpoint, cfg.Protocol); err != nil {
		return nil, err
	}
	sh.planner = newPlanner(cfg.Seed, cfg.Break)
	return sh, nil
}

func newPlanner(seed uint64, broken map[string]float64) planner {
	p := planner{rng: rand.New(rand.NewPCG(seed, 1)), faults: usualFaults(), stock: map[string]int64{}}
	for service, probability := range broken {
		p.faults[service] = probability
	}
	for _, product := range products() {
		p.stock[product] = 200 + p.rng.Int64N(400)
	}
	return p
}

// Stats may be called at any time.
func (sh *Shop) Stats() Stats { return sh.tally.read() }

// Run sends until the context ends or the duration is over, then flushes. It
// fails when the receiver cannot be reached at first, or refused anything. It
// is called once.
func (sh *Shop) Run(ctx context.Context) error {
	if err := sh.endpoint.reach(ctx); err != nil {
		return err
	}
	if err := sh.open(); err != nil {
		return err
	}
	if err := sh.run(ctx); err != nil {
		sh.stop(ctx, time.Second) // nothing more will arrive; the first error says why
		return err
	}
	if err := sh.stop(ctx, stopTimeout); err != nil {
		return err
	}
	if stats := sh.Stats(); stats.FailedExports > 0 {
		return fmt.Errorf("%d of %d exports were refused, the last one with: %w", stats.FailedExports, stats.Exports+stats.FailedExports, stats.LastError)
	}
	return nil
}

// open starts the six services' SDKs.
func (sh *Shop) open() (err error) {
	if sh.out, err = sh.endpoint.exporters(context.Background(), sh.cfg.Protocol, sh.cfg.Tenant, &sh.tally); err != nil {
		return err
	}
	ids := &seededIDs{rng: rand.New(rand.NewPCG(sh.cfg.Seed, 2))}
	for _, name := range Services() {
		if sh.services[name], err = newService(name, sh.out, ids); err != nil {
			return err
		}
	}
	return nil
}

func (sh *Shop) run(ctx context.Context) error {
	first := sh.send(sh.failedCheckout())
	if err := sh.flush(ctx); err != nil {
		if ctx.Err() != nil { // stopped before it could begin
			return nil
		}
		return fmt.Errorf("%s does not take the telemetry: %w", sh.endpoint.host, err)
	}
	sh.cfg.OnFirst(first)
	if sh.cfg.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sh.cfg.Duration)
		defer cancel()
	}
	return sh.serve(ctx)
}

// serve sends requests at the configured rate. A receiver slower than that
// slows the shop down; nothing is thrown away to catch up.
func (sh *Shop) serve(ctx context.Context) error {
	start, sent := time.Now(), 0
	progress := time.NewTicker(time.Second)
	defer progress.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := start.Add(time.Duration(float64(sent) / sh.cfg.Rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return nil
		case <-progress.C:
			sh.cfg.OnProgress(sh.Stats())
			continue
		case <-timer.C:
		}
		sh.send(sh.planner.request())
		if sent++; sent%flushEvery == 0 {
			sh.drainLogs(ctx)
		}
	}
}

// failedCheckout is the example a newcomer is shown: an order whose payment
// fails, whatever the configured faults are.
func (sh *Shop) failedCheckout() *span {
	usual := sh.planner.faults
	sh.planner.faults = map[string]float64{payment: 1}
	defer func() { sh.planner.faults = usual }()
	return sh.planner.checkout()
}

// send emits a plan so that its last operation ends now.
func (sh *Shop) send(root *span) trace.TraceID {
	sh.planner.now = 0
	sent := sh.emit(context.Background(), time.Now().Add(-lastEnd(root)), root, map[*span]trace.SpanContext{})
	sh.tally.mu.Lock()
	sh.tally.stats.Traces++
	sh.tally.mu.Unlock()
	return sent.TraceID()
}

func (sh *Shop) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	err := sh.flushLogs(ctx)
	for _, s := range sh.services {
		err = errors.Join(err, s.traces.ForceFlush(ctx), s.metrics.ForceFlush(ctx))
	}
	return err
}

// drainLogs empties the queues. The end of the run does not cut an export
// short: that would count as a refusal which the receiver never made.
func (sh *Shop) drainLogs(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	_ = sh.flushLogs(ctx) // a refusal is in the tally
}

func (sh *Shop) flushLogs(ctx context.Context) (err error) {
	for _, s := range sh.services {
		err = errors.Join(err, s.logs.ForceFlush(ctx))
	}
	return err
}

// stop flushes and ends the SDK. Refused exports are in the tally, so only
// trouble with stopping itself is an error.
func (sh *Shop) stop(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	for _, s := range sh.services {
		_ = s.traces.Shutdown(ctx)
		_ = s.logs.Shutdown(ctx)
		_ = s.metrics.Shutdown(ctx)
	}
	if err := sh.out.close(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

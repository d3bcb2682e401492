package correlate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Config configures a Correlator.
type Config struct {
	Logs    *logstore.Store
	Traces  *tracestore.Store
	Metrics *metricstore.Store
	Spans   *traceexec.Engine // compares spans; nil for no deltas
	// Series evaluates PromQL, for saturation; nil for none.
	Series func(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error)
	Alerts *alertstore.Store // nil where no alert is kept
	// Budget is the time one section may take; default 10 s.
	Budget time.Duration
	// MaxSpans, MaxLogs and MaxExemplars bound the sections; by default
	// 10,000, 1,000 and 1,000.
	MaxSpans, MaxLogs, MaxExemplars int
	Now                             func() time.Time
}

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Budget <= 0 {
		c.Budget = 10 * time.Second
	}
	for _, d := range []struct {
		limit     *int
		otherwise int
	}{{&c.MaxSpans, tracestore.DefaultLimit}, {&c.MaxLogs, 1000}, {&c.MaxExemplars, 1000}} {
		if *d.limit <= 0 {
			*d.limit = d.otherwise
		}
	}
}

// Correlator joins signals. It is safe for concurrent use.
type Correlator struct{ Config }

// New makes a correlator.
func New(c Config) *Correlator {
	c.setDefaults()
	return &Correlator{c}
}

// Trace is a trace as a tree. Places say where its Spans stand, depth first.
type Trace struct {
	tracestore.Result
	Places     []Place
	Start, End int64    // Unix ns, of the first and last moment of any span
	Services   []string // by first appearance in the tree
	// Summary is of a trace of which these are not all spans: what services have of
	// the whole. Start, End and Services are then of the whole as well.
	Summary []tracestore.ServiceShare
}

// Trace reads a trace. Errors are *fault.Error; one that is not stored is
// NotFound.
func (c *Correlator) Trace(ctx context.Context, t tenant.ID, id [16]byte) (*Trace, error) {
	return c.TracePage(ctx, t, id, nil, c.MaxSpans)
}

// TracePage reads a part of a trace: at most limit spans from behind a place on, or
// from the beginning. Places are of the part: spans whose parents are in another are
// orphans.
func (c *Correlator) TracePage(ctx context.Context, t tenant.ID, id [16]byte, after *tracestore.SpanCursor, limit int) (*Trace, error) {
	res, err := c.Traces.TracePage(ctx, t, id, after, limit)
	if errors.Is(err, tracestore.ErrNotFound) {
		return nil, &fault.Error{Code: fault.NotFound, Message: "trace not found", Err: err}
	}
	if err != nil {
		return nil, fault.Of(err)
	}
	tr := plant(res)
	if tr.Total > len(tr.Spans) {
		summary, stats, err := c.Traces.TraceSummary(ctx, t, id)
		if err != nil {
			return nil, fault.Of(err)
		}
		tr.Stats.Add(stats)
		tr.summarise(summary)
	}
	return tr, nil
}

func (tr *Trace) summarise(list []tracestore.ServiceShare) {
	tr.Summary = list
	for _, s := range list {
		tr.Start, tr.End = min(tr.Start, s.Start), max(tr.End, s.End)
		if !slices.Contains(tr.Services, s.Service) {
			tr.Services = append(tr.Services, s.Service)
		}
	}
}

// plant makes a tree of spans.
func plant(res tracestore.Result) *Trace {
	tr := &Trace{Result: res}
	nodes := make([]Node, len(res.Spans))
	for i := range res.Spans {
		s := &res.Spans[i]
		nodes[i] = Node{ID: s.SpanID, Parent: s.Parent, Start: s.Start}
		end := s.Start + int64(min(s.Duration, 1<<62))
		if i == 0 || s.Start < tr.Start {
			tr.Start = s.Start
		}
		tr.End = max(tr.End, end)
	}
	tr.Places = Order(nodes)
	seen := map[string]bool{}
	for _, p := range tr.Places {
		if service := res.Spans[p.Index].Service; !seen[service] {
			seen[service] = true
			tr.Services = append(tr.Services, service)
		}
	}
	return tr
}

// Context is a trace with what goes with it. A section that could not be read
// is nil, and Failures has its error.
type Context struct {
	Trace     *Trace
	Logs      *logstore.Result
	Exemplars *metricstore.Exemplars
	// NearLogs are records of the trace's services at its time that carry no
	// trace ID: they may belong to it or not.
	NearLogs *logstore.Result
	// RED is a minute a row of each service the trace crossed, REDMargin before
	// it and after.
	RED     []tracestore.REDRow
	REDFrom int64 // Unix ns, when the first minute began
	// Saturation is how full its services were, at the starts of those minutes.
	Saturation []Saturation
	Alerts     []alertstore.Instance // that fired at its time
	Failures   []Failure
}

// Failure is a section that could not be read.
type Failure struct {
	Section string // trace, logs, exemplars, near_logs, red, deltas or alerts
	Err     *fault.Error
}

// margin is how far around a trace its logs and exemplars are looked for:
// senders' clocks differ, and exemplars come with the export after.
const margin = time.Hour

// Context reads the context of a trace. Sections are read side by side, logs
// and exemplars once it is known when the trace was. A trace of which nothing
// at all is stored is NotFound; if no section could be read the error is that
// of the trace.
func (c *Correlator) Context(ctx context.Context, t tenant.ID, id [16]byte) (*Context, error) {
	out := new(Context)
	trace, err := c.timedTrace(ctx, t, id)
	var missing bool
	if f := fault.Of(err); f != nil {
		if missing = f.Code == fault.NotFound; !missing {
			out.Failures = append(out.Failures, Failure{"trace", f})
		}
	}
	out.Trace = trace
	from, to := c.around(trace)

	var (
		wg        sync.WaitGroup
		logsErr   error
		exemplars metricstore.Exemplars
		logs      logstore.Result
		exErr     error
	)
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, c.Budget)
		defer cancel()
		logs, logsErr = c.Logs.Select(ctx, t, logstore.Filter{From: from, To: to, TraceID: &id}, logstore.Page{Limit: c.MaxLogs, Forward: true})
	})
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, c.Budget)
		defer cancel()
		exemplars, exErr = c.Metrics.TraceExemplars(ctx, t, id, from, to, c.MaxExemplars)
	})
	c.surroundings(ctx, t, trace, out)
	wg.Wait()
	if f := fault.Of(logsErr); f != nil {
		out.Failures = append(out.Failures, Failure{"logs", f})
	} else {
		out.Logs = &logs
	}
	if f := fault.Of(exErr); f != nil {
		out.Failures = append(out.Failures, Failure{"exemplars", f})
	} else {
		out.Exemplars = &exemplars
	}
	return out, out.verdict(missing)
}

func (c *Correlator) timedTrace(ctx context.Context, t tenant.ID, id [16]byte) (*Trace, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	defer cancel()
	return c.Trace(ctx, t, id)
}

// around is the time in which the logs and exemplars of a trace are looked for:
// near the trace or, for one without spans, the last week.
func (c *Correlator) around(trace *Trace) (from, to time.Time) {
	if trace == nil {
		now := c.Now()
		return now.Add(-7 * 24 * time.Hour), now.Add(margin)
	}
	return time.Unix(0, trace.Start).Add(-margin), time.Unix(0, trace.End).Add(margin)
}

// verdict is the error of an answer that holds nothing.
func (c *Context) verdict(missing bool) error {
	switch {
	case c.Trace != nil || (c.Logs != nil && len(c.Logs.Rows) > 0) || (c.Exemplars != nil && len(c.Exemplars.Rows) > 0):
		return nil
	case len(c.Failures) > 0:
		return c.Failures[0].Err
	case missing:
		return &fault.Error{Code: fault.NotFound, Message: "trace not found"}
	}
	return nil
}

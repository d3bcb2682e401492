package correlate

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

func text(s string) attribute.Value { return attribute.StringValue(s) }

// Anchor is what one has in hand: a trace, a span of it, or labels (of an
// alert, a series or a log stream), and when that was.
type Anchor struct {
	Kind    string // span, log, exemplar, alert or labels: for the answer's words
	TraceID *[16]byte
	SpanID  *[8]byte
	Labels  map[string]string
	At      time.Time // zero for the trace's own time, or now
	Around  time.Duration
}

// Related is what goes with an anchor: links, the nearest first, and what
// changed.
type Related struct {
	From, To time.Time
	Services []string
	Links    []Link
	Changes  []Shift
	// Deltas are what tells the failed spans, or if none failed the slow ones,
	// from the others of the services.
	Deltas    *traceexec.Deltas
	Selection string // what Deltas are about, as TraceQL
	Patterns  []NewPattern
	Alerts    []alertstore.Instance
	Failures  []Failure
}

// Link is a request for one more thing, and why.
type Link struct {
	Kind, Title, Reason, Href string
	Score                     float64 // from 0 to 1
}

// Shift is a service's RED around the anchor against the hour before.
type Shift struct {
	Service     string
	Now, Before tracestore.REDRow
	// Per second, share and ns.
	RateNow, RateBefore, ErrorsNow, ErrorsBefore float64
	// Weight is how remarkable it is, 0 for no change.
	Weight float64
}

const (
	around     = 5 * time.Minute
	before     = time.Hour
	maxDeltas  = 20
	maxRelated = 20
)

// serviceLabels are the labels that may name a service, best first.
var serviceLabels = []string{"service.name", "service_name", "resource.service.name", "resource_service_name", "service", "job", "exported_job"}

// serviceOf is the service labels name, "" if they do not.
func serviceOf(labels map[string]string) string {
	for _, name := range serviceLabels {
		if v := labels[name]; v != "" {
			if strings.HasSuffix(name, "job") {
				return v[strings.LastIndexByte(v, '/')+1:] // job is namespace/name
			}
			return v
		}
	}
	return ""
}

// Correlate answers what goes with an anchor. Parts that could not be read are
// in Failures. Errors are *fault.Error.
func (c *Correlator) Correlate(ctx context.Context, t tenant.ID, a Anchor) (*Related, error) {
	out := &Related{}
	var trace *Trace
	if a.TraceID != nil {
		var err error
		if trace, err = c.timedTrace(ctx, t, *a.TraceID); err != nil {
			if fault.Of(err).Code != fault.NotFound {
				return nil, err
			}
			out.Failures = append(out.Failures, Failure{"trace", fault.Of(err)})
		}
	}
	if a.At.IsZero() {
		if a.At = c.Now(); trace != nil {
			a.At = time.Unix(0, trace.Start)
		}
	}
	if a.Around <= 0 {
		a.Around = around
	}
	out.From, out.To = a.At.Add(-a.Around), a.At.Add(a.Around)
	out.Services = servicesOf(a, trace)
	if len(out.Services) == 0 && a.TraceID == nil {
		return nil, &fault.Error{Code: fault.BadQuery, Param: "anchor", Message: errNoAnchor.Error(), Err: errNoAnchor}
	}
	if a.TraceID != nil {
		out.linkTrace(*a.TraceID, trace)
	}
	if len(out.Services) > 0 {
		out.note("red", c.shifts(ctx, t, out))
		out.note("deltas", c.deltas(ctx, t, out))
		out.note("patterns", c.patterns(ctx, t, out))
	}
	out.note("alerts", c.firing(ctx, t, out.From, out.To, &out.Alerts))
	out.linkAlerts()
	slices.SortStableFunc(out.Links, func(x, y Link) int { return cmp.Compare(y.Score, x.Score) })
	out.Links = out.Links[:min(len(out.Links), maxRelated)]
	return out, nil
}

func (r *Related) note(section string, err error) {
	if f := fault.Of(err); f != nil {
		r.Failures = append(r.Failures, Failure{section, f})
	}
}

func servicesOf(a Anchor, trace *Trace) []string {
	var list []string
	if s := serviceOf(a.Labels); s != "" {
		list = append(list, s)
	}
	if trace != nil {
		for i := range trace.Spans {
			if a.SpanID != nil && trace.Spans[i].SpanID == *a.SpanID {
				list = append(list, trace.Spans[i].Service)
			}
		}
		list = append(list, trace.Services...)
	}
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (r *Related) linkTrace(id [16]byte, trace *Trace) {
	name := hex.EncodeToString(id[:])
	r.Links = append(r.Links,
		Link{"trace", "the trace with its logs, exemplars and services", "named by the anchor", "/api/v1/traces/" + name + "/context", 1},
		Link{"logs", "log records of the trace", "they carry its ID", "/api/v1/logs?" + url.Values{"trace_id": {name}, "direction": {"forward"}, "start": {stamp(r.From.Add(-before))}, "end": {stamp(r.To.Add(before))}}.Encode(), 0.95})
	if trace == nil {
		return
	}
	for i := range trace.Spans {
		if s := &trace.Spans[i]; s.StatusCode == 2 {
			r.Links = append(r.Links, Link{"span", s.Service + ": " + s.Name, "failed: " + s.StatusMessage, "/api/v1/traces/" + name + "#" + hex.EncodeToString(s.SpanID[:]), 0.9})
		}
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// shifts compares each service with itself in the hour before, and links the
// examples.
func (c *Correlator) shifts(ctx context.Context, t tenant.ID, out *Related) error {
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	defer cancel()
	now, _, err := c.Traces.RED(ctx, t, tracestore.RED{From: out.From.UnixNano(), To: out.To.UnixNano(), Services: out.Services, Limit: 1000})
	if err != nil {
		return err
	}
	past, _, err := c.Traces.RED(ctx, t, tracestore.RED{From: out.From.Add(-before).UnixNano(), To: out.From.UnixNano(), Services: out.Services, Limit: 1000})
	if err != nil {
		return err
	}
	byName := map[string]tracestore.REDRow{}
	for _, r := range past {
		byName[r.Service] = r
	}
	for _, r := range now {
		s := Shift{Service: r.Service, Now: r, Before: byName[r.Service]}
		s.weigh(out.To.Sub(out.From))
		out.Changes = append(out.Changes, s)
		out.linkExamples(&s)
	}
	slices.SortFunc(out.Changes, func(a, b Shift) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Service, b.Service))
	})
	return nil
}

func (s *Shift) weigh(length time.Duration) {
	s.RateNow, s.RateBefore = float64(s.Now.Requests)/length.Seconds(), float64(s.Before.Requests)/before.Seconds()
	s.ErrorsNow, s.ErrorsBefore = share(s.Now), share(s.Before)
	s.Weight = math.Abs(s.ErrorsNow - s.ErrorsBefore)
	if s.Before.Requests > 0 {
		for _, ratio := range []float64{s.Now.P99 / max(s.Before.P99, 1), s.RateNow / s.RateBefore} {
			// Twice as slow, or as much, is as remarkable as a tenth more errors.
			s.Weight += math.Abs(math.Log2(max(ratio, 1e-3))) / 10
		}
	}
	s.Weight = min(s.Weight, 1)
}

func share(r tracestore.REDRow) float64 {
	if r.Requests == 0 {
		return 0
	}
	return float64(r.Errors) / float64(r.Requests)
}

func (r *Related) linkExamples(s *Shift) {
	add := func(e tracestore.Example, title, reason string, score float64) {
		if e.TraceID != [16]byte{} {
			r.Links = append(r.Links, Link{"trace", title, reason, "/api/v1/traces/" + hex.EncodeToString(e.TraceID[:]) + "/context", score})
		}
	}
	add(s.Now.Failed, "a failed request of "+s.Service, fmt.Sprintf("%.1f %% of its requests failed, %.1f %% in the hour before", 100*s.ErrorsNow, 100*s.ErrorsBefore), 0.5+s.Weight/3)
	add(s.Now.Slowest, "the slowest request of "+s.Service, fmt.Sprintf("%s; 99 %% took up to %s, and %s in the hour before", time.Duration(s.Now.Slowest.Value), time.Duration(s.Now.P99), time.Duration(s.Before.P99)), 0.4+s.Weight/3)
	r.Links = append(r.Links, Link{"logs", "errors logged by " + s.Service, "the same service and time",
		"/api/v1/logs?" + url.Values{"service": {s.Service}, "severity": {"error"}, "start": {stamp(r.From)}, "end": {stamp(r.To)}}.Encode(), 0.3 + s.Weight/3})
}

// deltas looks for what the failed requests have in common; where none failed,
// the slow ones.
func (c *Correlator) deltas(ctx context.Context, t tenant.ID, out *Related) error {
	if c.Spans == nil || len(out.Changes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	defer cancel()
	// The anchor's own service comes first in Services.
	i := max(slices.IndexFunc(out.Changes, func(s Shift) bool { return s.Service == out.Services[0] }), 0)
	s := out.Changes[i]
	base := tracestore.Condition(tracestore.Compare{Field: tracestore.Field{Kind: tracestore.ServiceName}, Value: text(s.Service)})
	selection := tracestore.Condition(tracestore.Compare{Field: tracestore.Field{Kind: tracestore.SpanStatus}, Value: attribute.IntValue(2)})
	out.Selection = "status = error"
	if s.Now.Errors == 0 {
		selection = tracestore.Compare{Field: tracestore.Field{Kind: tracestore.SpanDuration}, Op: attrcol.Greater, Value: attribute.IntValue(int64(s.Now.P90))}
		out.Selection = "duration > " + time.Duration(s.Now.P90).String()
	}
	out.Selection = fmt.Sprintf("{ resource.service.name = %q && %s }", s.Service, out.Selection)
	var err error
	out.Deltas, err = c.Spans.Deltas(ctx, t, base, selection, out.From, out.To, maxDeltas)
	return err
}

// firing lists the alerts that fired at some time in a range.
func (c *Correlator) firing(ctx context.Context, t tenant.ID, from, to time.Time, list *[]alertstore.Instance) error {
	if c.Alerts == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	defer cancel()
	all, err := c.Alerts.Instances(ctx, t, from)
	if err != nil {
		return err
	}
	for _, a := range all {
		fired := !a.FiredAt.IsZero() && a.FiredAt.Before(to)
		if fired && (a.ResolvedAt.IsZero() || !a.ResolvedAt.Before(from)) {
			*list = append(*list, a)
		}
	}
	slices.SortFunc(*list, func(a, b alertstore.Instance) int {
		return cmp.Or(a.FiredAt.Compare(b.FiredAt), cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return nil
}

func (r *Related) linkAlerts() {
	for _, a := range r.Alerts {
		score := 0.2
		if slices.Contains(r.Services, serviceOf(a.Labels)) {
			score = 0.8
		}
		r.Links = append(r.Links, Link{"alert", a.Alert, "it fired since " + stamp(a.FiredAt), "/prometheus/api/v1/alerts", score})
	}
}

package shop

import (
	"math"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
)

// span is one planned operation; times are offsets from the start of the request.
type span struct {
	service, name string
	kind          trace.SpanKind
	start, end    time.Duration
	attrs         []attribute.KeyValue
	failure       string // status message; empty: no error
	linked        *span  // a span this one was caused by without being its child
	events        []event
	logs          []line
	counts        []count
	children      []*span
}

// event is something that happened at one moment of a span.
type event struct {
	at    time.Duration
	name  string
	attrs []attribute.KeyValue
}

// line is one structured log record.
type line struct {
	at       time.Duration
	severity log.Severity
	event    string // event name, for records that have one
	body     attribute.Value
	attrs    []attribute.KeyValue
}

// count is one measurement of a business instrument, made when its span ends.
type count struct {
	instrument string
	value      float64
	attrs      []attribute.KeyValue
}

// planner runs one request in virtual time. All of its choices come from rng.
type planner struct {
	rng    *rand.Rand
	faults map[string]float64 // chance that a service's fault strikes
	now    time.Duration
	stock  map[string]int64 // product → items left; kept between requests
}

// call runs body as a span of service below parent (nil: the root).
func (p *planner) call(parent *span, service, name string, kind trace.SpanKind, body func(*span), attrs ...attribute.KeyValue) *span {
	s := &span{service: service, name: name, kind: kind, start: p.now, attrs: attrs}
	body(s)
	s.end = p.now
	if parent != nil {
		parent.children = append(parent.children, s)
	}
	return s
}

// work lets time pass: log-normal around median, as service times are.
func (p *planner) work(median time.Duration) {
	p.now += time.Duration(float64(median) * math.Exp(0.4*p.rng.NormFloat64()))
}

// together runs branches from the same moment and waits for the slowest.
func (p *planner) together(branches ...func()) {
	start, end := p.now, p.now
	for _, branch := range branches {
		p.now = start
		branch()
		end = max(end, p.now)
	}
	p.now = end
}

func (p *planner) chance(probability float64) bool { return p.rng.Float64() < probability }

// strikes reports whether the fault of a service happens in this request.
func (p *planner) strikes(service string) bool { return p.chance(p.faults[service]) }

func (s *span) set(attrs ...attribute.KeyValue) { s.attrs = append(s.attrs, attrs...) }

func (s *span) fail(message string) { s.failure = message }

func (p *planner) event(s *span, name string, attrs ...attribute.KeyValue) {
	s.events = append(s.events, event{p.now, name, attrs})
}

func (p *planner) log(s *span, severity log.Severity, body string, attrs ...attribute.KeyValue) {
	s.logs = append(s.logs, line{p.now, severity, "", attribute.StringValue(body), attrs})
}

func (s *span) count(instrument string, value float64, attrs ...attribute.KeyValue) {
	s.counts = append(s.counts, count{instrument, value, attrs})
}

// lastEnd is when the last operation of a plan ends; work handed over by a
// queue may end after the request itself.
func lastEnd(s *span) time.Duration {
	end := s.end
	for _, child := range s.children {
		end = max(end, lastEnd(child))
	}
	return end
}

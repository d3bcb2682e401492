package ruletest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Store is a real store for the logs and spans of tests: languages about them
// have no other evaluator. Each test is a tenant of its own.
type Store struct {
	// Instant evaluates an expression, as alerting.Config.Instant.
	Instant func(ctx context.Context, t tenant.ID, language, expr string, at time.Time) (promql.Vector, annotations.Annotations, error)
	// Put stores records; on return they can be read.
	Put   func(ctx context.Context, t tenant.ID, logs []Log, spans []Span) error
	Close func() error
}

// Origin is what sent a record.
type Origin struct {
	Service  string            `yaml:"service"`
	Resource map[string]string `yaml:"resource"`
}

// Log is a log record.
type Log struct {
	Origin     `yaml:",inline"`
	Time       time.Time         `yaml:"-"`
	Severity   string            `yaml:"severity"`
	Body       string            `yaml:"body"`
	Attributes map[string]string `yaml:"attributes"`
}

// Span is a span, the only one of its trace.
type Span struct {
	Origin     `yaml:",inline"`
	Time       time.Time         `yaml:"-"` // its start
	Name       string            `yaml:"name"`
	Kind       string            `yaml:"kind"`   // server, client, producer, consumer or internal
	Status     string            `yaml:"status"` // ok, error or empty
	Duration   model.Duration    `yaml:"duration"`
	Attributes map[string]string `yaml:"attributes"`
}

// times are when a record is sent: once at a time of the test, or count times,
// with a pause in between.
type times struct {
	At    model.Duration `yaml:"at"`
	Every model.Duration `yaml:"every"`
	Count int            `yaml:"count"`
}

type inputLogs struct {
	times `yaml:",inline"`
	Log   `yaml:",inline"`
}

type inputSpans struct {
	times `yaml:",inline"`
	Span  `yaml:",inline"`
}

// maxRecords bounds the records of one test.
const maxRecords = 1_000_000

func (ts *times) each(start time.Time, put func(time.Time)) error {
	n := max(ts.Count, 1)
	switch {
	case ts.Count < 0 || n > maxRecords:
		return fmt.Errorf("count: %d is not between 0 and %d", ts.Count, maxRecords)
	case n > 1 && ts.Every <= 0:
		return errors.New("every: it is wanted where count is more than 1")
	}
	for i := range n {
		put(start.Add(time.Duration(ts.At) + time.Duration(i)*time.Duration(ts.Every)))
	}
	return nil
}

// stored says whether the test has what is kept in a store.
func (t *test) stored() bool { return len(t.InputLogs)+len(t.InputSpans) > 0 }

// records are the test's logs and spans.
func (t *test) records(start time.Time) (logs []Log, spans []Span, err error) {
	for i, in := range t.InputLogs {
		err := in.each(start, func(at time.Time) {
			one := in.Log
			one.Time = at
			logs = append(logs, one)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("input_logs: item %d: %w", i, err)
		}
	}
	for i, in := range t.InputSpans {
		if in.Name == "" || in.Duration <= 0 {
			return nil, nil, fmt.Errorf("input_spans: item %d: a span needs a name and a duration", i)
		}
		err := in.each(start, func(at time.Time) {
			one := in.Span
			one.Time = at
			spans = append(spans, one)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("input_spans: item %d: %w", i, err)
		}
	}
	if len(logs)+len(spans) > maxRecords {
		return nil, nil, fmt.Errorf("%d logs and spans; a test has at most %d", len(logs)+len(spans), maxRecords)
	}
	return logs, spans, nil
}

package alerting

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// source is what rules are evaluated over: Prometheus's engine on series that
// keep the value they were last set to and are scraped every step.
type source struct {
	engine *promql.Engine
	step   time.Duration

	mu     sync.Mutex
	series []*scraped
	down   error
	slow   time.Duration
	asked  int
}

type scraped struct {
	labels labels.Labels
	// sets are the values and since when they hold; nil is gone.
	sets []setting
}

type setting struct {
	at    int64 // Unix ms
	value *float64
}

func newSource(step time.Duration) *source {
	return &source{step: step, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 4 * step,
		Parser: parser.NewParser(parser.Options{}),
	})}
}

// set gives a series, named as PromQL prints it, a value from now on.
func (s *source) set(t *testing.T, name string, value float64) {
	t.Helper()
	s.change(t, name, &value)
}

// remove ends a series.
func (s *source) remove(t *testing.T, name string) {
	t.Helper()
	s.change(t, name, nil)
}

func (s *source) change(t *testing.T, name string, value *float64) {
	t.Helper()
	ls, err := parser.NewParser(parser.Options{}).ParseMetric(name)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.series, func(x *scraped) bool { return labels.Equal(x.labels, ls) })
	if i < 0 {
		s.series = append(s.series, &scraped{labels: ls})
		i = len(s.series) - 1
	}
	s.series[i].sets = append(s.series[i].sets, setting{time.Now().UnixMilli(), value})
}

// fail makes every query fail; nil mends it.
func (s *source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// delay makes every query take a while.
func (s *source) delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = d
}

func (s *source) queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// instant is a Config.Instant.
func (s *source) instant(ctx context.Context, t tenant.ID, language, expr string, at time.Time) (promql.Vector, annotations.Annotations, error) {
	s.mu.Lock()
	s.asked++
	slow, down := s.slow, s.down
	s.mu.Unlock()
	if !sleepUntil(ctx, time.Now().Add(slow)) {
		return nil, nil, ctx.Err()
	}
	if down != nil {
		return nil, nil, down
	}
	if language != "promql" || t != tenant.Default {
		return nil, nil, errors.New("asked in the name of somebody else")
	}
	query, err := s.engine.NewInstantQuery(ctx, s, nil, expr, at)
	if err != nil {
		return nil, nil, err
	}
	defer query.Close()
	result := query.Exec(ctx)
	if scalar, ok := result.Value.(promql.Scalar); ok {
		return promql.Vector{{T: scalar.T, F: scalar.V}}, result.Warnings, result.Err
	}
	vector, err := result.Vector()
	return slices.Clone(vector), result.Warnings, err
}

func (s *source) Querier(mint, maxt int64) (storage.Querier, error) {
	return &sourceQuerier{s: s, mint: mint, maxt: maxt}, nil
}

type sourceQuerier struct {
	storage.LabelQuerier
	s          *source
	mint, maxt int64
}

func (q *sourceQuerier) Close() error { return nil }

func (q *sourceQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	found := &seriesList{}
	step := q.s.step.Milliseconds()
	for _, sc := range q.s.series {
		if slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(sc.labels.Get(m.Name)) }) {
			continue
		}
		var samples []chunks.Sample
		for at := q.mint - q.mint%step + step; at <= q.maxt; at += step {
			i := len(sc.sets) - 1
			for i >= 0 && sc.sets[i].at > at {
				i--
			}
			if i >= 0 && sc.sets[i].value != nil {
				samples = append(samples, sample{at, *sc.sets[i].value})
			}
		}
		if len(samples) > 0 {
			found.list = append(found.list, storage.NewListSeries(sc.labels, samples))
		}
	}
	return found
}

type seriesList struct {
	list []storage.Series
	at   storage.Series
}

func (l *seriesList) Next() bool {
	if len(l.list) == 0 {
		return false
	}
	l.at, l.list = l.list[0], l.list[1:]
	return true
}
func (l *seriesList) At() storage.Series                { return l.at }
func (l *seriesList) Err() error                        { return nil }
func (l *seriesList) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	f float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

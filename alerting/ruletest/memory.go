package ruletest

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds series. Queries see the samples up to a time, so that nothing
// looks into the future of the test.
type memory struct {
	series map[uint64]*series
	until  int64 // Unix ms
}

type series struct {
	labels  labels.Labels
	samples []sample // by time
}

// load adds an input series, `name{a="b"}` with the values `1+1x10 _ stale`.
func (m *memory) load(name, values string, start time.Time, step time.Duration) error {
	ls, sequence, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(name + " " + values)
	if err != nil {
		return err
	}
	at := timestamp.FromTime(start)
	for _, v := range sequence {
		if !v.Omitted {
			s := sample{t: at, f: v.Value}
			if v.Histogram != nil {
				s.h = v.Histogram
			}
			m.append(ls, s)
		}
		at += step.Milliseconds()
	}
	return nil
}

// record adds what a rule yields.
func (m *memory) record(vector promql.Vector) {
	for _, s := range vector {
		m.append(s.Metric, sample{t: s.T, f: s.F, h: s.H})
	}
}

func (m *memory) append(ls labels.Labels, s sample) {
	x := m.series[ls.Hash()]
	if x == nil {
		x = &series{labels: ls}
		m.series[ls.Hash()] = x
	}
	i, there := slices.BinarySearchFunc(x.samples, s.t, func(s sample, t int64) int { return int(s.t - t) })
	if there {
		return // the first sample of a time stays, as in Prometheus
	}
	x.samples = slices.Insert(x.samples, i, s)
}

// Querier implements storage.Queryable.
func (m *memory) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{m: m, mint: mint, maxt: min(maxt, m.until)}, nil
}

type querier struct {
	storage.LabelQuerier
	m          *memory
	mint, maxt int64
}

func (q *querier) Close() error { return nil }

func (q *querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
	for _, s := range q.m.series {
		if slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			continue
		}
		var samples []chunks.Sample
		for _, one := range s.samples {
			if one.t >= q.mint && one.t <= q.maxt {
				samples = append(samples, one)
			}
		}
		if len(samples) > 0 {
			found.list = append(found.list, storage.NewListSeries(s.labels, samples))
		}
	}
	slices.SortFunc(found.list, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return found
}

type seriesSet struct {
	list []storage.Series
	at   storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.list) == 0 {
		return false
	}
	s.at, s.list = s.list[0], s.list[1:]
	return true
}
func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a float or, if h is set, a histogram.
type sample struct {
	t int64
	f float64
	h *histogram.FloatHistogram
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return s.h }
func (s sample) Copy() chunks.Sample           { return s }

func (s sample) Type() chunkenc.ValueType {
	if s.h != nil && !value.IsStaleNaN(s.f) {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

package rule

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
)

// ErrDuplicateSeries says that a recording rule yields one series twice.
var ErrDuplicateSeries = errors.New("the rule yields the same series twice after its own labels are applied")

// Record is the definition of a recording rule.
type Record struct {
	Name string
	// Expr is the expression as its language prints it.
	Expr   string
	Labels labels.Labels
	// Limit is the largest number of series; zero is no limit.
	Limit int
}

// Samples turns an evaluation result into the samples to record: the rule's
// name and labels over the element's. The result's backing array is not
// touched.
func (r *Record) Samples(result promql.Vector) (promql.Vector, error) {
	out := make(promql.Vector, len(result))
	lb := labels.NewBuilder(labels.EmptyLabels())
	for i, sample := range result {
		lb.Reset(sample.Metric)
		lb.Set(model.MetricNameLabel, r.Name)
		r.Labels.Range(func(l labels.Label) { lb.Set(l.Name, l.Value) })
		sample.Metric = lb.Labels()
		out[i] = sample
	}
	if out.ContainsSameLabelset() {
		return nil, ErrDuplicateSeries
	}
	if r.Limit > 0 && len(out) > r.Limit {
		return nil, fmt.Errorf("exceeded limit of %d with %d series", r.Limit, len(out))
	}
	return out, nil
}

// Samples are the ALERTS and ALERTS_FOR_STATE series of the active instances.
func (a *Alert) Samples(set *Set, at time.Time) promql.Vector {
	var out promql.Vector
	for _, hash := range set.order() {
		in := set.byHash[hash]
		if in.State == Inactive {
			continue
		}
		lb := labels.NewBuilder(in.Labels)
		lb.Set(model.MetricNameLabel, "ALERTS_FOR_STATE")
		out = append(out, promql.Sample{Metric: lb.Labels(), T: timestamp.FromTime(at), F: float64(in.ActiveAt.Unix())})
		lb.Set(model.MetricNameLabel, "ALERTS")
		lb.Set("alertstate", in.State.String())
		out = append(out, promql.Sample{Metric: lb.Labels(), T: timestamp.FromTime(at), F: 1})
	}
	return out
}

// Stale finds the series of the evaluation before that this one does not
// yield, and answers their stale markers.
type Stale struct {
	before map[uint64]labels.Labels
}

// Next takes the samples of one evaluation and answers the markers.
func (s *Stale) Next(samples promql.Vector, at time.Time) promql.Vector {
	now := make(map[uint64]labels.Labels, len(samples))
	for _, sample := range samples {
		now[sample.Metric.Hash()] = sample.Metric
	}
	var out promql.Vector
	for hash, metric := range s.before {
		if _, ok := now[hash]; !ok {
			out = append(out, promql.Sample{
				Metric: metric, T: timestamp.FromTime(at), F: math.Float64frombits(value.StaleNaN),
			})
		}
	}
	s.before = now
	return out
}

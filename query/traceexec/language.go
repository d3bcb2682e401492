package traceexec

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// defaultRange is how far back an instant query looks that has no hint range.
const defaultRange = 5 * time.Minute

// Instant evaluates a metrics query over the time before at: five minutes, or
// what the hint range says, as in with(range=1m).
func (e *Engine) Instant(ctx context.Context, t tenant.ID, expr string, at time.Time) (*metricexec.Result, error) {
	q, err := Parse(expr)
	if err != nil {
		return nil, err
	}
	back, err := Window(q)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	set, err := e.Metrics(ctx, t, q, Grid{First: at.UnixNano(), Step: int64(back), N: 1}, 0)
	if err != nil {
		return nil, err
	}
	v := promql.Vector{}
	for _, s := range set.Series {
		if !math.IsNaN(s.Values[0]) {
			v = append(v, promql.Sample{Metric: promLabels(s.Labels), T: at.UnixMilli(), F: s.Values[0]})
		}
	}
	return &metricexec.Result{Value: v, Query: expr, Plan: Explain(q), Stats: metricexec.Stats{Series: int64(len(v)), Samples: int64(len(v)), Elapsed: time.Since(began)}}, nil
}

// Window is how far back an instant query looks; in a range it is the step.
func Window(q *traceql.Query) (time.Duration, error) {
	v, ok := q.Hint("range")
	switch {
	case !ok:
		return defaultRange, nil
	case v.Type != traceql.TypeDuration || v.Int <= 0:
		return 0, fault.Param("query", errors.New("the hint range wants a duration, as in with(range=1m)"))
	}
	return time.Duration(v.Int), nil
}

// Range evaluates a metrics query at start and each step after it until end.
func (e *Engine) Range(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error) {
	q, err := Parse(expr)
	if err != nil {
		return nil, err
	}
	if step <= 0 {
		return nil, fault.Param("step", errors.New("is not positive"))
	}
	began := time.Now()
	set, err := e.Metrics(ctx, t, q, Grid{First: start.UnixNano(), Step: int64(step), N: int(end.Sub(start)/step) + 1}, 0)
	if err != nil {
		return nil, err
	}
	m := promql.Matrix{}
	var samples int64
	for _, s := range set.Series {
		out := promql.Series{Metric: promLabels(s.Labels)}
		for i, v := range s.Values {
			if !math.IsNaN(v) {
				out.Floats = append(out.Floats, promql.FPoint{T: set.Grid.Time(i) / int64(time.Millisecond), F: v})
			}
		}
		samples += int64(len(out.Floats))
		m = append(m, out)
	}
	return &metricexec.Result{Value: m, Query: expr, Plan: Explain(q), Stats: metricexec.Stats{Series: int64(len(m)), Samples: samples, Elapsed: time.Since(began)}}, nil
}

// promLabels are labels as Prometheus takes them: dots become underscores, and
// the function's name, which is no metric's, is left out.
func promLabels(list []Label) labels.Labels {
	b := labels.NewScratchBuilder(len(list))
	for _, l := range list {
		if l.Key != "__name__" && l.Value.Type != traceql.TypeNil {
			b.Add(labelName(l.Key), l.Value.Text())
		}
	}
	b.Sort()
	return b.Labels()
}

package query

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// logsInstant evaluates LogQL for rules and the native API.
func (s *Service) logsInstant(ctx context.Context, t tenant.ID, expr string, at time.Time) (*metricexec.Result, error) {
	m, err := logexec.Parse(expr)
	if err != nil {
		return nil, err
	}
	res, err := s.logs.Instant(ctx, t, m, at)
	if err != nil {
		return nil, err
	}
	v := promql.Vector{}
	for _, series := range res.Series {
		v = append(v, promql.Sample{Metric: promLabels(series), T: at.UnixMilli(), F: series.Values[0]})
	}
	return logsResult(expr, v, res), nil
}

// logsRange is logsInstant at many times.
func (s *Service) logsRange(ctx context.Context, t tenant.ID, expr string, start, end time.Time, step time.Duration) (*metricexec.Result, error) {
	m, err := logexec.Parse(expr)
	if err != nil {
		return nil, err
	}
	res, err := s.logs.Range(ctx, t, m, start, end, step)
	if err != nil {
		return nil, err
	}
	out := promql.Matrix{}
	for _, series := range res.Series {
		one := promql.Series{Metric: promLabels(series)}
		for i, has := range series.Has {
			if has {
				one.Floats = append(one.Floats, promql.FPoint{T: res.Time(i).UnixMilli(), F: series.Values[i]})
			}
		}
		out = append(out, one)
	}
	r := logsResult(expr, nil, res)
	r.Value = out
	return r, nil
}

func logsResult(expr string, v promql.Vector, res *logexec.Samples) *metricexec.Result {
	return &metricexec.Result{Value: v, Query: expr, Plan: res.Stats.Explanation.Plan, Stats: metricexec.Stats{Series: res.Stats.Series, Samples: res.Stats.Entries, Elapsed: res.Stats.Elapsed}}
}

func promLabels(s *logexec.Series) labels.Labels {
	b := labels.NewScratchBuilder(len(s.Labels))
	for _, l := range s.Labels {
		b.Add(l.Name, l.Value)
	}
	b.Sort()
	return b.Labels()
}

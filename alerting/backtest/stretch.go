package backtest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// stretch is a part of the range. What an expression comes to at one of its
// times is taken from its values at all of them, which are asked for at once:
// those of a rule's conditions, and those that its templates ask.
type stretch struct {
	cfg      *Config
	language rulefile.Language
	from, to time.Time
	step     time.Duration
	answers  map[string]*past // by expression
}

// query is a template.QueryFunc; at is one of the stretch's times, and later
// than that of the query before.
func (s *stretch) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	found := s.answers[expr]
	if found == nil {
		matrix, err := s.ask(ctx, expr)
		if err != nil {
			return nil, err
		}
		found = newPast(matrix)
		s.answers[expr] = found
	}
	return found.at(timestamp.FromTime(at)), nil
}

// ask answers the expression's values at the stretch's times, and maybe at
// others. Where a range looks back as far as its step, a server's evaluations do
// not: the step asked for is what they look back, as often as it takes to come
// by all the times.
func (s *stretch) ask(ctx context.Context, expr string) (model.Matrix, error) {
	parsed, err := s.cfg.Languages[s.language](expr)
	if err != nil {
		return nil, err
	}
	window := parsed.Window
	if window == 0 || window == s.step {
		return s.cfg.Range(ctx, string(s.language), expr, s.from, s.to, s.step)
	}
	all := map[model.Fingerprint]*model.SampleStream{}
	for shift := time.Duration(0); shift < window; shift += divisor(s.step, window) {
		from := s.from.Add(shift)
		if from.After(s.to) {
			break
		}
		part, err := s.cfg.Range(ctx, string(s.language), expr, from, s.to, window)
		if err != nil {
			return nil, err
		}
		for _, series := range part {
			if known := all[series.Metric.Fingerprint()]; known != nil {
				known.Values = append(known.Values, series.Values...)
			} else {
				all[series.Metric.Fingerprint()] = series
			}
		}
	}
	matrix := model.Matrix(slices.Collect(maps.Values(all)))
	for _, series := range matrix {
		slices.SortFunc(series.Values, func(a, b model.SamplePair) int { return int(a.Timestamp - b.Timestamp) })
	}
	slices.SortFunc(matrix, func(a, b *model.SampleStream) int { return strings.Compare(a.Metric.String(), b.Metric.String()) })
	return matrix, nil
}

// divisor is the largest time of which both are multiples.
func divisor(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// past is a matrix that is read time by time.
type past struct {
	matrix  model.Matrix
	metrics []labels.Labels
	next    []int // by series, the sample to look at
}

func newPast(matrix model.Matrix) *past {
	p := &past{matrix: matrix, metrics: make([]labels.Labels, len(matrix)), next: make([]int, len(matrix))}
	for i, series := range matrix {
		lb := labels.NewBuilder(labels.EmptyLabels())
		for name, value := range series.Metric {
			lb.Set(string(name), string(value))
		}
		p.metrics[i] = lb.Labels()
	}
	return p
}

// at is the vector at a time (Unix ms) that is not before that of the call
// before.
func (p *past) at(asked int64) promql.Vector {
	var vector promql.Vector
	for i, series := range p.matrix {
		n := &p.next[i]
		for *n < len(series.Values) && int64(series.Values[*n].Timestamp) < asked {
			*n++
		}
		if *n < len(series.Values) && int64(series.Values[*n].Timestamp) == asked {
			vector = append(vector, promql.Sample{T: asked, F: float64(series.Values[*n].Value), Metric: p.metrics[i]})
		}
	}
	return vector
}

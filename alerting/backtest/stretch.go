package backtest

import (
	"context"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
)

// stretch is a part of the range. What an expression comes to at one of its
// times is taken from its values at all of them, which are asked for at once:
// those of a rule's conditions, and those that its templates ask.
type stretch struct {
	ask      func(ctx context.Context, language, expr string, from, to time.Time, step time.Duration) (model.Matrix, error)
	language string
	from, to time.Time
	step     time.Duration
	answers  map[string]*past // by expression
}

// query is a template.QueryFunc; at is one of the stretch's times, and later
// than that of the query before.
func (s *stretch) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	found := s.answers[expr]
	if found == nil {
		matrix, err := s.ask(ctx, s.language, expr, s.from, s.to, s.step)
		if err != nil {
			return nil, err
		}
		found = newPast(matrix)
		s.answers[expr] = found
	}
	return found.at(timestamp.FromTime(at)), nil
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

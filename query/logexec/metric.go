package logexec

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Samples are the value of a query of samples: its series at Steps times from
// Start on, or one number at each.
type Samples struct {
	Start  time.Time
	Step   time.Duration
	Steps  int
	Series []*Series // sorted by labels, unless the query sorts them
	Scalar bool
	Stats  Stats
}

// Time of a step.
func (s *Samples) Time(i int) time.Time { return s.Start.Add(time.Duration(i) * s.Step) }

// Instant evaluates a query at one time.
func (e *Engine) Instant(ctx context.Context, t tenant.ID, m logql.Metric, at time.Time) (*Samples, error) {
	return e.samples(ctx, t, m, steps{at, 0, 1})
}

// Range evaluates a query at start, start+step, …, as long as that is not behind
// end.
func (e *Engine) Range(ctx context.Context, t tenant.ID, m logql.Metric, start, end time.Time, step time.Duration) (*Samples, error) {
	if step <= 0 || end.Before(start) {
		return nil, &fault.Error{Code: fault.BadQuery, Message: "step must be positive and end not before start"}
	}
	if onlyInstant(m) {
		return nil, &fault.Error{Code: fault.BadQuery, Message: "approx_topk is for instant queries; use topk"}
	}
	n := end.Sub(start)/step + 1
	if n > time.Duration(e.Limits.MaxPoints) {
		return nil, &fault.Error{Code: fault.BadQuery, Limit: "max_points", Message: fmt.Sprintf(
			"query has %d steps, more than %d, the limit max_points; choose a larger step", n, e.Limits.MaxPoints)}
	}
	return e.samples(ctx, t, m, steps{start, step, int(n)})
}

func (e *Engine) samples(ctx context.Context, t tenant.ID, m logql.Metric, at steps) (*Samples, error) {
	out := &Samples{Start: at.start, Step: at.step, Steps: at.n}
	var err error
	out.Stats, err = e.bounded(ctx, t, m, func(ctx context.Context, r *run) error {
		v, err := r.eval(ctx, m, at)
		if err != nil {
			return err
		}
		v.dropEmpty()
		v.sort()
		out.Series, out.Scalar = v.series, v.scalar
		r.stats.Series = int64(len(v.series))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func onlyInstant(m logql.Metric) bool {
	switch m := m.(type) {
	case *logql.Aggregation:
		return m.Op == "approx_topk" || onlyInstant(m.Inner)
	case *logql.LabelReplace:
		return onlyInstant(m.Inner)
	case *logql.Binary:
		return onlyInstant(m.Left) || onlyInstant(m.Right)
	}
	return false
}

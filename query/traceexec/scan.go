package traceexec

import (
	"context"
	"math"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Stats is what a query looked at.
type Stats struct {
	conn.Stats
	Traces, Spans int // evaluated here
}

// scan walks through the candidate traces of a plan, newest first, and gives
// each with its spans to see, which returns whether it wants more.
//
// The table is ordered by minute: the range is searched in windows from its end,
// each eight times as wide as the one before, so that what is frequent is found
// without reading the rest.
type scan struct {
	engine   *Engine
	tenant   tenant.ID
	plan     plan
	need     tracestore.Need
	from, to int64 // Unix ns, [from, to)
	batch    int
	see      func(*traceql.Trace) bool
	stats    Stats
	seen     map[[16]byte]bool
	// cut: a trace was evaluated on a part of its spans.
	cut bool
}

const (
	firstWindow = int64(5 * time.Minute)
	widening    = 8
	maxBatch    = 500
)

func (s *scan) run(ctx context.Context) error {
	s.seen = map[[16]byte]bool{}
	to, width := s.to, firstWindow
	if s.plan.byTrace() {
		width = math.MaxInt64
	}
	for to > s.from {
		from := s.from
		if uint64(to)-uint64(s.from) > uint64(width) {
			from = to - width
		}
		list, stats, err := s.engine.Traces.Candidates(ctx, s.tenant, tracestore.Search{From: from, To: to, Where: s.plan.where, Also: s.plan.also, Limit: s.batch})
		s.stats.Add(stats)
		if err != nil {
			return fault.Of(err)
		}
		fresh := s.fresh(list)
		if more, err := s.evaluate(ctx, fresh); err != nil || !more {
			return err
		}
		if len(list) < s.batch {
			to = from
			if width < math.MaxInt64/widening {
				width *= widening
			}
			continue
		}
		if to = list[len(list)-1].Start + 1; len(fresh) == 0 { // all of one moment
			s.batch *= 2
		}
		s.batch = min(s.batch*2, max(maxBatch, s.batch))
		if len(s.seen) >= s.engine.Limits.MaxTraces {
			return tooMany("max_traces", s.engine.Limits.MaxTraces, "traces looked at")
		}
	}
	return nil
}

// byTrace is whether the plan names a trace, of which it is known when it was.
func (p plan) byTrace() bool {
	for _, c := range parts(p.where) {
		if cmp, ok := c.(tracestore.Compare); ok && cmp.Field.Kind == tracestore.IDOfTrace && !cmp.Op.Negative() {
			return true
		}
	}
	return false
}

func (s *scan) fresh(list []tracestore.Candidate) (ids [][16]byte) {
	for _, c := range list {
		if !s.seen[c.TraceID] {
			s.seen[c.TraceID] = true
			ids = append(ids, c.TraceID)
		}
	}
	return ids
}

// evaluate reads the spans of some traces, in smaller parts where they are too
// many.
func (s *scan) evaluate(ctx context.Context, ids [][16]byte) (more bool, err error) {
	if len(ids) == 0 {
		return true, nil
	}
	spans, truncated, stats, err := s.engine.Traces.SpansOf(ctx, s.tenant, ids, s.need, s.engine.Limits.MaxSpans)
	s.stats.Add(stats)
	if err != nil {
		return false, fault.Of(err)
	}
	if truncated && len(ids) > 1 {
		half := len(ids) / 2
		if more, err := s.evaluate(ctx, ids[:half]); err != nil || !more {
			return more, err
		}
		return s.evaluate(ctx, ids[half:])
	}
	s.cut = s.cut || truncated
	byID := make(map[[16]byte][2]int, len(ids))
	for i := 0; i < len(spans); {
		j := i
		for j < len(spans) && spans[j].TraceID == spans[i].TraceID {
			j++
		}
		byID[spans[i].TraceID] = [2]int{i, j}
		i = j
	}
	for _, id := range ids {
		place, ok := byID[id]
		if !ok {
			continue
		}
		if err := cancelled(ctx); err != nil {
			return false, err
		}
		s.stats.Traces++
		s.stats.Spans += place[1] - place[0]
		if !s.see(traceql.NewTrace(spans[place[0]:place[1]])) {
			return false, nil
		}
	}
	return true, nil
}

package traceexec

import (
	"context"
	"math"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/spanset"
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
// The table is ordered by minute: the range is searched in windows from its end, the
// next as wide as what the last one had makes it likely to need, so that what is
// frequent is found without reading the rest, and what is rare in two or three steps.
// Traces are evaluated when a batch of them is found or there are no more: reading
// the spans of few traces costs a statement as much as reading those of many.
type scan struct {
	engine   *Engine
	tenant   tenant.ID
	plan     plan
	need     tracestore.Need
	from, to int64 // Unix ns, [from, to)
	batch    int
	see      func(*spanset.Trace) bool
	stats    Stats
	seen     map[[16]byte]bool
	// cut: a trace was evaluated on a part of its spans.
	cut bool
}

const (
	firstWindow = int64(5 * time.Minute)
	emptyWider  = 64  // by how much the next window is wider than one without candidates
	mostWider   = 512 // and than any other
	maxBatch    = 500
)

func (s *scan) run(ctx context.Context) error {
	s.seen = map[[16]byte]bool{}
	types, stats, err := s.engine.Traces.KeyTypes(ctx, s.tenant, s.from, s.to, s.need.Keys)
	s.stats.Add(stats)
	if err != nil {
		return fault.Of(err)
	}
	s.need.Types = types
	to, width := s.to, firstWindow
	if s.plan.byTrace() {
		width = math.MaxInt64
	}
	var waiting [][16]byte // found, but not evaluated
	for to > s.from {
		from := s.from
		if uint64(to)-uint64(s.from) > uint64(width) {
			from = to - width
		}
		wanted := s.batch - len(waiting)
		list, stats, err := s.engine.Traces.Candidates(ctx, s.tenant, tracestore.Search{From: from, To: to, Where: s.plan.where, Also: s.plan.also, Limit: wanted, Types: types})
		s.stats.Add(stats)
		if err != nil {
			return fault.Of(err)
		}
		fresh := s.fresh(list)
		waiting = append(waiting, fresh...)
		if len(list) < wanted {
			to, width = from, widened(width, len(list), wanted-len(list))
			continue
		}
		if more, err := s.evaluate(ctx, waiting); err != nil || !more {
			return err
		}
		waiting = nil
		if to = list[len(list)-1].Start + 1; len(fresh) == 0 { // all of one moment
			s.batch *= 2
		}
		s.batch = min(s.batch*2, max(maxBatch, s.batch))
		if len(s.seen) >= s.engine.Limits.MaxTraces {
			return tooMany("max_traces", s.engine.Limits.MaxTraces, "traces looked at")
		}
	}
	_, err = s.evaluate(ctx, waiting)
	return err
}

// widened is the width of the window behind one that had found candidates, while
// missing more are wanted.
func widened(width int64, found, missing int) int64 {
	wider := emptyWider
	if found > 0 {
		wider = min(max(2*missing/found, 2), mostWider)
	}
	if width > math.MaxInt64/int64(wider) {
		return math.MaxInt64
	}
	return width * int64(wider)
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
		if !s.see(spanset.NewTrace(spans[place[0]:place[1]])) {
			return false, nil
		}
	}
	return true, nil
}

package traceexec

import (
	"context"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/spanset"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Options of a search.
type Options struct {
	Start, End  time.Time
	Limit       int // traces; 20 where not given
	SpansPerSet int // spans returned of each spanset; 3 where not given
	// MinDuration and MaxDuration bound the trace's; 0 for no bound.
	MinDuration, MaxDuration time.Duration
}

// Found is the traces that match, the newest first.
type Found struct {
	Traces []TraceFound
	Stats  Stats
	// Partial says why there may be more, "" where there are not.
	Partial string
}

// TraceFound is one of them.
type TraceFound struct {
	TraceID               [16]byte
	RootService, RootName string
	Start                 int64 // Unix ns
	Duration              time.Duration
	Sets                  []SetFound
	Services              map[string]ServiceStats
}

// ServiceStats counts a service's spans in a trace.
type ServiceStats struct{ Spans, Errors int }

// SetFound is a spanset.
type SetFound struct {
	Attributes []spanset.Result
	Spans      []SpanFound // the first few of them
	Matched    int
}

// SpanFound is a span with the values of the fields the query mentions.
type SpanFound struct {
	SpanID   [8]byte
	Name     string
	Service  string
	Start    int64
	Duration uint64
	Fields   []FieldFound
}

// FieldFound is a field and its value.
type FieldFound struct {
	Field traceql.Field
	Value traceql.Value
}

// Defaults of a search.
const (
	DefaultLimit       = 20
	DefaultSpansPerSet = 3
)

// Search finds traces. Errors are *fault.Error.
func (e *Engine) Search(ctx context.Context, t tenant.ID, q *traceql.Query, o Options) (*Found, error) {
	if q.Metrics != nil {
		return nil, &fault.Error{Code: fault.BadQuery, Param: "q", Message: "is a metrics query, which has series and no traces; ask metrics/query_range"}
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.SpansPerSet <= 0 {
		o.SpansPerSet = DefaultSpansPerSet
	}
	list := fieldsOf(q)
	eval := spanset.NewEvaluator(q)
	found := &Found{}
	s := &scan{
		engine: e, tenant: t, plan: planPipeline(q.Pipeline), need: needOf(list),
		from: o.Start.UnixNano(), to: o.End.UnixNano(), batch: min(o.Limit, maxBatch),
	}
	s.see = func(tr *spanset.Trace) bool {
		if o.MinDuration > 0 && tr.Duration() < o.MinDuration || o.MaxDuration > 0 && tr.Duration() > o.MaxDuration {
			return true
		}
		if sets := eval.Eval(tr); len(sets) > 0 {
			found.Traces = append(found.Traces, summary(tr, sets, list, o.SpansPerSet))
		}
		return len(found.Traces) < o.Limit
	}
	err := s.run(ctx)
	found.Stats = s.stats
	if f := fault.Of(err); f != nil {
		if f.Code != fault.Limit || len(found.Traces) == 0 {
			return nil, f
		}
		found.Partial = f.Message
	}
	if s.cut {
		found.Partial = "a trace has more spans than a search evaluates; it was judged by the earliest of them"
	}
	return found, nil
}

func summary(tr *spanset.Trace, sets []spanset.Set, list []traceql.Field, spans int) TraceFound {
	root := &tr.Spans[tr.Root]
	out := TraceFound{
		TraceID: root.TraceID, RootService: root.Service, RootName: root.Name, Start: tr.Start, Duration: tr.Duration(),
		Services: map[string]ServiceStats{},
	}
	for i := range tr.Spans {
		st := out.Services[tr.Spans[i].Service]
		st.Spans++
		if tr.Spans[i].StatusCode == 2 {
			st.Errors++
		}
		out.Services[tr.Spans[i].Service] = st
	}
	for _, set := range sets {
		f := SetFound{Attributes: set.Attributes, Matched: len(set.Spans)}
		for _, i := range set.Spans[:min(spans, len(set.Spans))] {
			f.Spans = append(f.Spans, spanFound(tr, i, list))
		}
		out.Sets = append(out.Sets, f)
	}
	return out
}

func spanFound(tr *spanset.Trace, i int, list []traceql.Field) SpanFound {
	s := &tr.Spans[i]
	out := SpanFound{SpanID: s.SpanID, Name: s.Name, Service: s.Service, Start: s.Start, Duration: s.Duration}
	for _, f := range list {
		if f.Intrinsic == traceql.FieldName || f.Intrinsic == traceql.FieldDuration {
			continue
		}
		if v := tr.Value(i, f); v.Type != traceql.TypeNil {
			out.Fields = append(out.Fields, FieldFound{f, v})
		}
	}
	return out
}

// Condition is a query's condition on spans, for storage, and whether it says
// exactly what the query does.
func Condition(q *traceql.Query) (tracestore.Condition, bool) {
	p := planPipeline(q.Pipeline)
	return p.where, p.exact && len(p.also) == 0
}

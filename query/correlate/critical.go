package correlate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/spanset"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Stretch is a part of a trace's time and the span that the trace waited for
// then.
type Stretch struct {
	Span       int // index into the spans
	Start, End int64
}

// CriticalPath is the spans that decided when the root's work ended, as
// stretches in the order of time, which fill the root span without a gap.
//
// It goes back from the root's end: of a span's children the one that ended
// last was waited for, before it the one that ended last before that began,
// and what is between is the span's own. A child that outlives its parent
// counts until the parent's end.
func CriticalPath(spans []tracestore.Span) []Stretch {
	if len(spans) == 0 {
		return nil
	}
	tr := spanset.NewTrace(spans)
	kids := map[[8]byte][]int{}
	for i := range spans {
		if spans[i].SpanID != spans[i].Parent {
			kids[spans[i].Parent] = append(kids[spans[i].Parent], i)
		}
	}
	for _, list := range kids {
		slices.SortFunc(list, func(a, b int) int { return cmp.Compare(end(&spans[b]), end(&spans[a])) })
	}
	var path []Stretch
	type frame struct{ span, next int }
	root := tr.Root
	cursor := end(&spans[root])
	stack := []frame{{root, 0}}
	seen := make([]bool, len(spans))
	seen[root] = true
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		s := &spans[top.span]
		list := kids[s.SpanID]
		down := -1
		for down < 0 && top.next < len(list) {
			k := list[top.next]
			top.next++
			if until := min(end(&spans[k]), cursor); !seen[k] && spans[k].Start < cursor && until > s.Start && spans[k].Start < until {
				down = k
				if until < cursor {
					path = append(path, Stretch{top.span, until, cursor})
					cursor = until
				}
			}
		}
		if down >= 0 {
			seen[down] = true
			stack = append(stack, frame{down, 0})
			continue
		}
		if from := max(s.Start, spans[root].Start); from < cursor {
			path = append(path, Stretch{top.span, from, cursor})
			cursor = from
		}
		stack = stack[:len(stack)-1]
	}
	slices.Reverse(path)
	return path
}

func end(s *tracestore.Span) int64 { return s.Start + int64(min(s.Duration, 1<<62)) }

// PathShare is how much an operation adds to the critical paths of many traces.
type PathShare struct {
	Service, Name string
	Time          int64   // ns of all of them
	Share         float64 // of the time of all paths
	Traces        int
}

// PathOf is the critical path of an operation over its newest traces.
type PathOf struct {
	Traces int
	Time   int64 // ns, of all paths
	Shares []PathShare
}

// pathTraces is how many traces an operation's path is made of.
const pathTraces = 100

// PathOf adds up the critical paths of the newest traces of an operation, each
// from the operation's span down. Errors are *fault.Error.
func (c *Correlator) PathOf(ctx context.Context, t tenant.ID, service, name string, from, to time.Time) (*PathOf, error) {
	where := tracestore.And{
		tracestore.Compare{Field: tracestore.Field{Kind: tracestore.ServiceName}, Value: text(service)},
		tracestore.Compare{Field: tracestore.Field{Kind: tracestore.SpanName}, Value: text(name)},
	}
	found, _, err := c.Traces.Candidates(ctx, t, tracestore.Search{From: from.UnixNano(), To: to.UnixNano(), Where: where, Limit: pathTraces})
	if err != nil {
		return nil, fault.Of(err)
	}
	ids := make([][16]byte, len(found))
	for i := range found {
		ids[i] = found[i].TraceID
	}
	spans, cut, _, err := c.Traces.SpansOf(ctx, t, ids, tracestore.Need{}, 10*tracestore.MaxLimit)
	if err != nil {
		return nil, fault.Of(err)
	}
	if cut {
		return nil, &fault.Error{Code: fault.Limit, Limit: "max_spans", Message: "the operation's traces have too many spans; ask for a shorter time"}
	}
	out := &PathOf{}
	shares := map[[2]string]*PathShare{}
	for i := 0; i < len(spans); {
		j := i
		for j < len(spans) && spans[j].TraceID == spans[i].TraceID {
			j++
		}
		out.add(below(spans[i:j], service, name), shares)
		i = j
	}
	for _, s := range shares {
		if out.Time > 0 {
			s.Share = float64(s.Time) / float64(out.Time)
		}
		out.Shares = append(out.Shares, *s)
	}
	slices.SortFunc(out.Shares, func(a, b PathShare) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

func (p *PathOf) add(spans []tracestore.Span, shares map[[2]string]*PathShare) {
	path := CriticalPath(spans)
	if len(path) == 0 {
		return
	}
	p.Traces++
	counted := map[[2]string]bool{}
	for _, st := range path {
		s := &spans[st.Span]
		key := [2]string{s.Service, s.Name}
		share := shares[key]
		if share == nil {
			share = &PathShare{Service: s.Service, Name: s.Name}
			shares[key] = share
		}
		share.Time += st.End - st.Start
		p.Time += st.End - st.Start
		if !counted[key] {
			counted[key] = true
			share.Traces++
		}
	}
}

// below is the first span of an operation and those under it, as a trace of its
// own.
func below(spans []tracestore.Span, service, name string) []tracestore.Span {
	first := slices.IndexFunc(spans, func(s tracestore.Span) bool { return s.Service == service && s.Name == name })
	if first < 0 {
		return nil
	}
	root := spans[first]
	root.Parent = [8]byte{}
	out := []tracestore.Span{root}
	inside := map[[8]byte]bool{root.SpanID: true}
	for grown := true; grown; {
		grown = false
		for i := range spans {
			if i != first && inside[spans[i].Parent] && !inside[spans[i].SpanID] {
				inside[spans[i].SpanID] = true
				out = append(out, spans[i])
				grown = true
			}
		}
	}
	return out
}

// errNoAnchor is a request that names nothing to begin with.
var errNoAnchor = errors.New("names no span, trace, service, alert or labels to begin with")

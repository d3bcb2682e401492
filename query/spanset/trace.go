package spanset

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Trace is the spans of one trace with their tree. It is made by NewTrace and
// does not change.
type Trace struct {
	Spans      []tracestore.Span
	Start, End int64 // Unix ns
	Root       int   // index of the root span: the earliest without a parent, else the earliest
	parent     []int // index of the parent in the trace, -1 for none
	children   []int // number of children
	order      []int // indexes, parents before children
	left       []int // nested set, from 1
	right      []int
}

// NewTrace finds the tree of spans, which are all of one trace. A span whose
// parent is not among them begins a tree of its own; so does one of a ring.
func NewTrace(spans []tracestore.Span) *Trace {
	n := len(spans)
	t := &Trace{Spans: spans, parent: make([]int, n), children: make([]int, n), left: make([]int, n), right: make([]int, n), Root: -1}
	byID := make(map[[8]byte]int, n)
	for i := range spans {
		if j, ok := byID[spans[i].SpanID]; !ok || spans[i].Start < spans[j].Start {
			byID[spans[i].SpanID] = i
		}
	}
	kids := make([][]int, n)
	for i := range spans {
		s := &spans[i]
		if t.parent[i] = -1; s.Parent != [8]byte{} {
			if p, ok := byID[s.Parent]; ok && p != i {
				t.parent[i] = p
				kids[p] = append(kids[p], i)
			}
		}
		if i == 0 || s.Start < t.Start {
			t.Start = s.Start
		}
		t.End = max(t.End, s.Start+int64(min(s.Duration, 1<<62)))
		if t.Root < 0 || rootBefore(s, &spans[t.Root]) {
			t.Root = i
		}
	}
	t.number(kids)
	return t
}

// rootBefore tells which of two spans is rather the root.
func rootBefore(a, b *tracestore.Span) bool {
	if x, y := a.Parent == [8]byte{}, b.Parent == [8]byte{}; x != y {
		return x
	}
	return a.Start < b.Start
}

// number walks the tree, with a stack of its own: traces can be deep.
func (t *Trace) number(kids [][]int) {
	t.order = make([]int, 0, len(t.Spans))
	counter := 0
	walk := func(root int) {
		stack := []int{root}
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			if i < 0 {
				counter++
				t.right[^i] = counter
				stack = stack[:len(stack)-1]
				continue
			}
			stack[len(stack)-1] = ^i
			counter++
			t.left[i] = counter
			t.order = append(t.order, i)
			slices.SortFunc(kids[i], func(a, b int) int { return cmp.Compare(t.Spans[b].Start, t.Spans[a].Start) })
			for _, k := range kids[i] {
				if t.left[k] == 0 {
					stack = append(stack, k)
				}
			}
			t.children[i] = len(kids[i])
		}
	}
	for i := range t.Spans {
		if t.parent[i] < 0 {
			walk(i)
		}
	}
	for i := range t.Spans { // rings hang on nothing
		if t.left[i] == 0 {
			t.parent[i] = -1
			walk(i)
		}
	}
}

// Duration is the time from the first start to the last end.
func (t *Trace) Duration() time.Duration { return time.Duration(t.End - t.Start) }

// values gives each value of a field of the i-th span: none where it is
// absent, several for events, links and arrays.
func (t *Trace) values(i int, f traceql.Field) []traceql.Value {
	if f.Parent {
		p := t.parent[i]
		if p < 0 {
			return nil
		}
		f.Parent = false
		return t.values(p, f)
	}
	s := &t.Spans[i]
	switch f.Intrinsic {
	case traceql.NoIntrinsic:
		return attributeValues(s, f)
	case traceql.FieldEventName:
		return collect(s.Events, func(e *tracestore.Event) []traceql.Value { return one(traceql.String(e.Name)) })
	case traceql.FieldEventTimeSinceStart:
		return collect(s.Events, func(e *tracestore.Event) []traceql.Value {
			return one(traceql.Duration(time.Duration(e.Time - s.Start)))
		})
	case traceql.FieldLinkTraceID:
		return collect(s.Links, func(l *tracestore.Link) []traceql.Value { return one(traceql.String(hex.EncodeToString(l.TraceID[:]))) })
	case traceql.FieldLinkSpanID:
		return collect(s.Links, func(l *tracestore.Link) []traceql.Value { return one(traceql.String(hex.EncodeToString(l.SpanID[:]))) })
	}
	if v := t.intrinsic(i, f.Intrinsic); v.Type != traceql.TypeNil {
		return one(v)
	}
	return nil
}

func (t *Trace) intrinsic(i int, f traceql.Intrinsic) traceql.Value {
	s := &t.Spans[i]
	switch f {
	case traceql.FieldDuration:
		return traceql.Duration(time.Duration(min(s.Duration, 1<<63-1)))
	case traceql.FieldName:
		return traceql.String(s.Name)
	case traceql.FieldStatus:
		return traceql.StatusValue(s.StatusCode)
	case traceql.FieldStatusMessage:
		return traceql.String(s.StatusMessage)
	case traceql.FieldKind:
		return traceql.KindValue(s.Kind)
	case traceql.FieldSpanID:
		return traceql.String(hex.EncodeToString(s.SpanID[:]))
	case traceql.FieldParentID:
		if s.Parent == [8]byte{} {
			return traceql.Nil()
		}
		return traceql.String(hex.EncodeToString(s.Parent[:]))
	case traceql.FieldChildCount:
		return traceql.Int(int64(t.children[i]))
	case traceql.FieldNestedSetLeft:
		return traceql.Int(int64(t.left[i]))
	case traceql.FieldNestedSetRight:
		return traceql.Int(int64(t.right[i]))
	case traceql.FieldNestedSetParent:
		if t.parent[i] < 0 {
			return traceql.Int(-1)
		}
		return traceql.Int(int64(t.left[t.parent[i]]))
	case traceql.FieldTraceDuration:
		return traceql.Duration(t.Duration())
	case traceql.FieldRootName:
		return traceql.String(t.Spans[t.Root].Name)
	case traceql.FieldRootServiceName:
		return traceql.String(t.Spans[t.Root].Service)
	case traceql.FieldTraceID:
		return traceql.String(hex.EncodeToString(s.TraceID[:]))
	case traceql.FieldInstrumentationName:
		return traceql.String(s.Scope.Name)
	case traceql.FieldInstrumentationVersion:
		return traceql.String(s.Scope.Version)
	}
	return traceql.Nil()
}

func one(v traceql.Value) []traceql.Value { return []traceql.Value{v} }

func collect[T any](list []T, of func(*T) []traceql.Value) (values []traceql.Value) {
	for i := range list {
		values = append(values, of(&list[i])...)
	}
	return values
}

func attributeValues(s *tracestore.Span, f traceql.Field) []traceql.Value {
	switch f.Scope {
	case traceql.ScopeSpan:
		return lookup(s.Attributes, f.Name)
	case traceql.ScopeResource:
		return lookup(s.Resource.Attributes, f.Name)
	case traceql.ScopeInstrumentation:
		return lookup(s.Scope.Attributes, f.Name)
	case traceql.ScopeEvent:
		return collect(s.Events, func(e *tracestore.Event) []traceql.Value { return lookup(e.Attributes, f.Name) })
	case traceql.ScopeLink:
		return collect(s.Links, func(l *tracestore.Link) []traceql.Value { return lookup(l.Attributes, f.Name) })
	}
	if v := lookup(s.Attributes, f.Name); v != nil {
		return v
	}
	return lookup(s.Resource.Attributes, f.Name)
}

func lookup(kvs []attribute.KeyValue, key string) []traceql.Value {
	for i := range kvs {
		if kvs[i].Key == key {
			if v := traceql.OfAttribute(kvs[i].Value); v.Type == traceql.TypeArray {
				return v.List
			} else if v.Type != traceql.TypeNil {
				return one(v)
			}
			return nil
		}
	}
	return nil
}

// Value is a field of the i-th span as one value, an array where it has
// several, nil where it has none.
func (t *Trace) Value(i int, f traceql.Field) traceql.Value {
	switch v := t.values(i, f); len(v) {
	case 0:
		return traceql.Nil()
	case 1:
		return v[0]
	default:
		return traceql.Array(v)
	}
}

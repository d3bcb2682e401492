package traceql

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

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
func (t *Trace) values(i int, f Field) []Value {
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
	case NoIntrinsic:
		return attributeValues(s, f)
	case FieldEventName:
		return collect(s.Events, func(e *tracestore.Event) []Value { return one(String(e.Name)) })
	case FieldEventTimeSinceStart:
		return collect(s.Events, func(e *tracestore.Event) []Value { return one(Duration(time.Duration(e.Time - s.Start))) })
	case FieldLinkTraceID:
		return collect(s.Links, func(l *tracestore.Link) []Value { return one(String(hex.EncodeToString(l.TraceID[:]))) })
	case FieldLinkSpanID:
		return collect(s.Links, func(l *tracestore.Link) []Value { return one(String(hex.EncodeToString(l.SpanID[:]))) })
	}
	if v := t.intrinsic(i, f.Intrinsic); v.Type != TypeNil {
		return one(v)
	}
	return nil
}

func (t *Trace) intrinsic(i int, f Intrinsic) Value {
	s := &t.Spans[i]
	switch f {
	case FieldDuration:
		return Duration(time.Duration(min(s.Duration, 1<<63-1)))
	case FieldName:
		return String(s.Name)
	case FieldStatus:
		return StatusValue(s.StatusCode)
	case FieldStatusMessage:
		return String(s.StatusMessage)
	case FieldKind:
		return KindValue(s.Kind)
	case FieldSpanID:
		return String(hex.EncodeToString(s.SpanID[:]))
	case FieldParentID:
		if s.Parent == [8]byte{} {
			return Nil()
		}
		return String(hex.EncodeToString(s.Parent[:]))
	case FieldChildCount:
		return Int(int64(t.children[i]))
	case FieldNestedSetLeft:
		return Int(int64(t.left[i]))
	case FieldNestedSetRight:
		return Int(int64(t.right[i]))
	case FieldNestedSetParent:
		if t.parent[i] < 0 {
			return Int(-1)
		}
		return Int(int64(t.left[t.parent[i]]))
	case FieldTraceDuration:
		return Duration(t.Duration())
	case FieldRootName:
		return String(t.Spans[t.Root].Name)
	case FieldRootServiceName:
		return String(t.Spans[t.Root].Service)
	case FieldTraceID:
		return String(hex.EncodeToString(s.TraceID[:]))
	case FieldInstrumentationName:
		return String(s.Scope.Name)
	case FieldInstrumentationVersion:
		return String(s.Scope.Version)
	}
	return Nil()
}

func one(v Value) []Value { return []Value{v} }

func collect[T any](list []T, of func(*T) []Value) (values []Value) {
	for i := range list {
		values = append(values, of(&list[i])...)
	}
	return values
}

func attributeValues(s *tracestore.Span, f Field) []Value {
	switch f.Scope {
	case ScopeSpan:
		return lookup(s.Attributes, f.Name)
	case ScopeResource:
		return lookup(s.Resource.Attributes, f.Name)
	case ScopeInstrumentation:
		return lookup(s.Scope.Attributes, f.Name)
	case ScopeEvent:
		return collect(s.Events, func(e *tracestore.Event) []Value { return lookup(e.Attributes, f.Name) })
	case ScopeLink:
		return collect(s.Links, func(l *tracestore.Link) []Value { return lookup(l.Attributes, f.Name) })
	}
	if v := lookup(s.Attributes, f.Name); v != nil {
		return v
	}
	return lookup(s.Resource.Attributes, f.Name)
}

func lookup(kvs []attribute.KeyValue, key string) []Value {
	for i := range kvs {
		if kvs[i].Key == key {
			if v := OfAttribute(kvs[i].Value); v.Type == TypeArray {
				return v.List
			} else if v.Type != TypeNil {
				return one(v)
			}
			return nil
		}
	}
	return nil
}

// OfAttribute is an attribute's value. Bytes are their base64 text, maps their
// JSON.
func OfAttribute(v attribute.Value) Value {
	switch v.Kind {
	case attribute.Empty:
		return Nil()
	case attribute.Bool:
		return Bool(v.Bool())
	case attribute.Int:
		return Int(v.Int())
	case attribute.Double:
		return Float(v.Double())
	case attribute.Slice:
		list, _ := v.Any().([]any)
		values := make([]Value, 0, len(list))
		for _, e := range list {
			values = append(values, ofPlain(e))
		}
		return Array(values)
	}
	return String(v.Text())
}

func ofPlain(v any) Value {
	switch v := v.(type) {
	case string:
		return String(v)
	case bool:
		return Bool(v)
	case int64:
		return Int(v)
	case float64:
		return Float(v)
	case nil:
		return Nil()
	}
	text, _ := json.Marshal(v)
	return String(string(text))
}

// Value is a field of the i-th span as one value, an array where it has
// several, nil where it has none.
func (t *Trace) Value(i int, f Field) Value {
	switch v := t.values(i, f); len(v) {
	case 0:
		return Nil()
	case 1:
		return v[0]
	default:
		return Array(v)
	}
}

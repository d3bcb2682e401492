package traceql

import (
	"strconv"
	"strings"
)

// Scope is where a field is looked for.
type Scope uint8

// The scopes. ScopeNone looks at the span and then at its resource.
const (
	ScopeNone Scope = iota
	ScopeSpan
	ScopeResource
	ScopeEvent
	ScopeLink
	ScopeInstrumentation
	ScopeTrace
)

var scopeNames = [...]string{"", "span", "resource", "event", "link", "instrumentation", "trace"}

func (s Scope) String() string { return scopeNames[s] }

func scopeNamed(name string) (Scope, bool) {
	for i, n := range scopeNames {
		if n == name && n != "" {
			return Scope(i), true
		}
	}
	return ScopeNone, false
}

// Intrinsic is a field that every span has by itself; NoIntrinsic is an
// attribute.
type Intrinsic uint8

// The intrinsic fields.
const (
	NoIntrinsic Intrinsic = iota
	FieldDuration
	FieldName
	FieldStatus
	FieldStatusMessage
	FieldKind
	FieldSpanID
	FieldParentID
	FieldChildCount
	FieldNestedSetLeft
	FieldNestedSetRight
	FieldNestedSetParent
	FieldTraceDuration
	FieldRootName
	FieldRootServiceName
	FieldTraceID
	FieldEventName
	FieldEventTimeSinceStart
	FieldLinkTraceID
	FieldLinkSpanID
	FieldInstrumentationName
	FieldInstrumentationVersion
)

// intrinsics are their names: bare (empty where there is none) and behind a
// scope and a colon.
var intrinsics = [...]struct {
	id     Intrinsic
	bare   string
	scope  Scope
	scoped string
	typ    Type
}{
	{FieldDuration, "duration", ScopeSpan, "duration", TypeDuration},
	{FieldName, "name", ScopeSpan, "name", TypeString},
	{FieldStatus, "status", ScopeSpan, "status", TypeStatus},
	{FieldStatusMessage, "statusMessage", ScopeSpan, "statusMessage", TypeString},
	{FieldKind, "kind", ScopeSpan, "kind", TypeKind},
	{FieldSpanID, "", ScopeSpan, "id", TypeString},
	{FieldParentID, "parent", ScopeSpan, "parentID", TypeString},
	{FieldChildCount, "childCount", ScopeSpan, "childCount", TypeInt},
	{FieldNestedSetLeft, "nestedSetLeft", ScopeNone, "", TypeInt},
	{FieldNestedSetRight, "nestedSetRight", ScopeNone, "", TypeInt},
	{FieldNestedSetParent, "nestedSetParent", ScopeNone, "", TypeInt},
	{FieldTraceDuration, "traceDuration", ScopeTrace, "duration", TypeDuration},
	{FieldRootName, "rootName", ScopeTrace, "rootName", TypeString},
	{FieldRootServiceName, "rootServiceName", ScopeTrace, "rootService", TypeString},
	{FieldTraceID, "", ScopeTrace, "id", TypeString},
	{FieldEventName, "", ScopeEvent, "name", TypeString},
	{FieldEventTimeSinceStart, "", ScopeEvent, "timeSinceStart", TypeDuration},
	{FieldLinkTraceID, "", ScopeLink, "traceID", TypeString},
	{FieldLinkSpanID, "", ScopeLink, "spanID", TypeString},
	{FieldInstrumentationName, "", ScopeInstrumentation, "name", TypeString},
	{FieldInstrumentationVersion, "", ScopeInstrumentation, "version", TypeString},
}

func scopedNames(s Scope) (names []string) {
	for _, in := range intrinsics {
		if in.scope == s && in.scoped != "" {
			names = append(names, s.String()+":"+in.scoped)
		}
	}
	return names
}

// Field names something of a span: an intrinsic field or an attribute.
type Field struct {
	Intrinsic Intrinsic
	Scope     Scope  // of an attribute
	Parent    bool   // of the parent span
	Name      string // of an attribute
	Colon     bool   // an intrinsic written with scope and colon
	at        int
}

// FieldNamed reads a field's name as it stands in a query.
func FieldNamed(name string) (Field, bool) {
	tokens, err := lex(name)
	if err != nil || len(tokens) != 2 {
		return Field{}, false
	}
	switch t := tokens[0]; t.kind {
	case tokenField:
		return t.field, true
	case tokenWord:
		if in, ok := intrinsicNamed(t.text); ok {
			return Field{Intrinsic: in}, true
		}
	}
	return Field{}, false
}

func intrinsicNamed(bare string) (Intrinsic, bool) {
	for _, in := range intrinsics {
		if in.bare == bare && bare != "" {
			return in.id, true
		}
	}
	return NoIntrinsic, false
}

// IntrinsicNames are the names of all intrinsic fields as tag lists have them:
// bare where there is one.
func IntrinsicNames() (bare, scoped []string) {
	for _, in := range intrinsics {
		if strings.HasPrefix(in.bare, "nestedSet") {
			continue
		}
		if in.bare != "" && in.id != FieldParentID {
			bare = append(bare, in.bare)
		}
		if in.scoped != "" {
			scoped = append(scoped, in.scope.String()+":"+in.scoped)
		}
	}
	return bare, scoped
}

// Same tells whether two fields mean the same, however they are written.
func (f Field) Same(o Field) bool {
	f.Colon, o.Colon, f.at, o.at = false, false, 0, 0
	return f == o
}

// Type is an intrinsic field's type, TypeUnknown for an attribute.
func (f Field) Type() Type {
	for _, in := range intrinsics {
		if in.id == f.Intrinsic {
			return in.typ
		}
	}
	return TypeUnknown
}

// String is the field as a query has it.
func (f Field) String() string {
	for _, in := range intrinsics {
		if in.id != f.Intrinsic {
			continue
		}
		if f.Colon || in.bare == "" {
			return in.scope.String() + ":" + in.scoped
		}
		return in.bare
	}
	name := f.Name
	if strings.ContainsFunc(name, func(r rune) bool { return !isAttributeRune(r) }) || (f.Parent && f.Scope == ScopeNone) && ambiguous(name) ||
		f.Scope == ScopeNone && !f.Parent && name != "" && isDigit(name[0]) {
		name = strconv.Quote(name)
	}
	prefix := ""
	if f.Parent {
		prefix = "parent."
	}
	switch {
	case f.Scope != ScopeNone:
		return prefix + f.Scope.String() + "." + name
	case f.Parent:
		return prefix + name
	}
	return "." + name
}

// ambiguous names would be read as a scope behind "parent.".
func ambiguous(name string) bool {
	return strings.HasPrefix(name, "span.") || strings.HasPrefix(name, "resource.")
}

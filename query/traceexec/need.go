package traceexec

import (
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// fields are the fields a query mentions, each once, in the order of mention.
type fields struct{ list []traceql.Field }

func (fs *fields) add(f traceql.Field) {
	for _, o := range fs.list {
		if o.Same(f) {
			return
		}
	}
	fs.list = append(fs.list, f)
}

func fieldsOf(q *traceql.Query) []traceql.Field {
	fs := &fields{}
	fs.pipeline(q.Pipeline)
	if m := q.Metrics; m != nil {
		if m.Arg != nil {
			fs.add(*m.Arg)
		}
		for _, f := range m.By {
			fs.add(f)
		}
		if m.Compare != nil {
			fs.expr(m.Compare.Selection.Condition)
		}
	}
	return fs.list
}

func (fs *fields) pipeline(p traceql.Pipeline) {
	for _, s := range p.Stages {
		switch s := s.(type) {
		case traceql.Spans:
			fs.spans(s.Expr)
		case traceql.GroupBy:
			fs.expr(s.By)
		case traceql.Select:
			for _, f := range s.Fields {
				fs.add(f)
			}
		case traceql.ScalarFilter:
			fs.scalar(s.Left)
			fs.scalar(s.Right)
		case traceql.Scalar:
			fs.scalar(s.Expr)
		}
	}
}

func (fs *fields) spans(e traceql.SpansExpr) {
	switch e := e.(type) {
	case traceql.Filter:
		fs.expr(e.Condition)
	case traceql.Structural:
		fs.spans(e.Left)
		fs.spans(e.Right)
	case traceql.Nested:
		fs.pipeline(e.Pipeline)
	}
}

func (fs *fields) scalar(e traceql.ScalarExpr) {
	switch e := e.(type) {
	case traceql.Aggregate:
		fs.expr(e.Arg)
	case traceql.ScalarOp:
		fs.scalar(e.Left)
		fs.scalar(e.Right)
	case traceql.Nested:
		fs.pipeline(e.Pipeline)
	}
}

func (fs *fields) expr(e traceql.Expr) {
	switch e := e.(type) {
	case traceql.Field:
		fs.add(e)
	case traceql.Unary:
		fs.expr(e.X)
	case traceql.Binary:
		fs.expr(e.Left)
		fs.expr(e.Right)
	}
}

// needOf is what must be read of spans to evaluate the fields.
func needOf(list []traceql.Field) (n tracestore.Need) {
	for _, f := range list {
		switch f.Intrinsic {
		case traceql.FieldKind:
			n.Parts |= tracestore.Kinds
		case traceql.FieldStatusMessage:
			n.Parts |= tracestore.Messages
		case traceql.FieldInstrumentationName, traceql.FieldInstrumentationVersion:
			n.Parts |= tracestore.Scopes
		case traceql.FieldEventName, traceql.FieldEventTimeSinceStart:
			n.Parts |= tracestore.Events
		case traceql.FieldLinkSpanID, traceql.FieldLinkTraceID:
			n.Parts |= tracestore.Links
		case traceql.NoIntrinsic:
			n.Parts |= partOf[f.Scope]
			if f.Scope == traceql.ScopeSpan || f.Scope == traceql.ScopeNone {
				n.Keys = append(n.Keys, f.Name)
			}
		}
	}
	return n
}

// partOf is where attributes of a scope are; those of spans are read by their keys.
var partOf = map[traceql.Scope]tracestore.Parts{
	traceql.ScopeNone: tracestore.Resources, traceql.ScopeResource: tracestore.Resources, traceql.ScopeInstrumentation: tracestore.Scopes,
	traceql.ScopeEvent: tracestore.Events, traceql.ScopeLink: tracestore.Links,
}

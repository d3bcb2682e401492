package traceexec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Tags are the names of the attributes of one scope.
type Tags struct {
	Scope string // one of TagScopes
	Names []string
}

// TagScopes are the scopes of fields, as a request names them.
var TagScopes = []string{"span", "resource", "event", "link", "instrumentation", "intrinsic"}

// Tags lists names by scope; scope "" or "none" is all of them.
func (e *Engine) Tags(ctx context.Context, t tenant.ID, scope string, from, to time.Time, limit int) (out []Tags, err error) {
	want := func(s string) bool { return scope == "" || scope == "none" || scope == s }
	if scope != "" && scope != "none" && !slices.Contains(TagScopes, scope) {
		return nil, fault.Param("scope", fmt.Errorf("%q is not one of %v", scope, TagScopes))
	}
	for _, of := range []string{"span", "event", "link"} {
		if !want(of) {
			continue
		}
		read := func() (tracestore.Names, error) { return e.Traces.ListedKeys(ctx, t, of, from, to, limit) }
		if of == "span" {
			read = func() (tracestore.Names, error) { return e.Traces.SpanKeys(ctx, t, from, to, limit) }
		}
		names, err := read()
		if err != nil {
			return nil, fault.Of(err)
		}
		if of == "span" || scope == of || len(names.Values) > 0 {
			out = append(out, Tags{of, names.Values})
		}
	}
	if want("resource") {
		names, err := e.Resources.LabelNames(ctx, t, tracestore.Tracing(from, to), limit)
		if err != nil {
			return nil, fault.Of(err)
		}
		out = append(out, Tags{"resource", names.Values})
	}
	if want("instrumentation") {
		names, err := e.Resources.ScopeKeys(ctx, t, from, to, limit)
		if err != nil {
			return nil, fault.Of(err)
		}
		if scope != "" && scope != "none" || len(names.Values) > 0 {
			out = append(out, Tags{"instrumentation", names.Values})
		}
	}
	if want("intrinsic") {
		bare, scoped := traceql.IntrinsicNames()
		names := append(bare, scoped...)
		slices.Sort(names)
		out = append(out, Tags{"intrinsic", names})
	}
	return out, nil
}

// sampledSpans is how many spans a list of values is made of, where it cannot be
// read from the values that were written down.
const sampledSpans = 100_000

// TagValues lists the values of a field in spans that the query, if there is one,
// selects. It reads what was written down when spans came, which knows values by
// service and hour; only what a query selects otherwise, and values of before they
// were written down, are looked for in spans, a bounded number of them, and come
// with the most frequent first.
func (e *Engine) TagValues(ctx context.Context, t tenant.ID, f traceql.Field, q *traceql.Query, from, to time.Time, limit int) ([]traceql.Value, error) {
	switch f.Intrinsic {
	case traceql.FieldStatus:
		return words(traceql.StatusNames(), traceql.StatusValue), nil
	case traceql.FieldKind:
		return words(traceql.KindNames(), traceql.KindValue), nil
	case traceql.FieldRootName:
		f = traceql.Field{Intrinsic: traceql.FieldName}
	case traceql.FieldRootServiceName:
		f = traceql.Field{Scope: traceql.ScopeResource, Name: "service.name"}
	}
	field, ok := fieldOf(f)
	if f.Intrinsic == traceql.NoIntrinsic && f.Scope == traceql.ScopeLink && !f.Parent {
		field, ok = tracestore.Field{Kind: tracestore.LinkAttribute, Key: f.Name}, true
	}
	if !ok {
		return nil, nil
	}
	where := tracestore.Condition(tracestore.All{})
	if q != nil {
		where, _ = Condition(q)
	}
	services, byService := servicesIn(where)
	if byService && len(services) == 0 && (field.Kind == tracestore.ServiceName || field.Kind == tracestore.ResourceAttribute) {
		return e.resourceValues(ctx, t, f, from, to, limit)
	}
	if byService && field.IsListed() {
		list, _, err := e.Traces.ListedValues(ctx, t, tracestore.Listed{From: from.UnixNano(), To: to.UnixNano(), Field: field, Services: services, Limit: limit})
		if err != nil {
			return nil, fault.Of(err)
		}
		values := valuesOf(list)
		if field.Kind == tracestore.AnyAttribute && len(services) == 0 {
			more, err := e.resourceValues(ctx, t, f, from, to, limit)
			if err != nil {
				return nil, err
			}
			values = append(values, more...)
			values = values[:min(len(values), limit)]
		}
		if len(values) > 0 {
			return values, nil
		}
	}
	if !field.Groupable() {
		return nil, nil
	}
	list, _, err := e.Traces.Values(ctx, t, from.UnixNano(), to.UnixNano(), where, field, sampledSpans, limit)
	if err != nil {
		return nil, fault.Of(err)
	}
	groups := make([]tracestore.GroupValue, len(list))
	for i := range list {
		groups[i] = list[i].GroupValue
	}
	return valuesOf(groups), nil
}

func valuesOf(list []tracestore.GroupValue) (values []traceql.Value) {
	for _, v := range list {
		if v.Type != "" && v.Type != "other" {
			values = append(values, groupValue(v))
		}
	}
	return values
}

// servicesIn are the services that a condition is for, if it says nothing else;
// none of them is all.
func servicesIn(c tracestore.Condition) (services []string, ok bool) {
	switch c := c.(type) {
	case tracestore.All:
		return nil, true
	case tracestore.Compare:
		if c.Field.Kind == tracestore.ServiceName && c.Op == attrcol.Equal {
			return []string{c.Value.Str}, true
		}
	case tracestore.Or:
		for _, one := range c {
			more, ok := servicesIn(one)
			if !ok || len(more) == 0 {
				return nil, false
			}
			services = append(services, more...)
		}
		return services, len(services) > 0
	case tracestore.And:
		if len(c) == 1 {
			return servicesIn(c[0])
		}
	}
	return nil, false
}

// resourceValues reads no spans.
func (e *Engine) resourceValues(ctx context.Context, t tenant.ID, f traceql.Field, from, to time.Time, limit int) ([]traceql.Value, error) {
	names, err := e.Resources.LabelValues(ctx, t, f.Name, tracestore.Tracing(from, to), limit)
	if err != nil {
		return nil, fault.Of(err)
	}
	var values []traceql.Value
	for _, text := range names.Values {
		values = append(values, traceql.String(text))
	}
	return values, nil
}

func words(names []string, of func(uint8) traceql.Value) (values []traceql.Value) {
	for i := range names {
		values = append(values, of(uint8(i)))
	}
	return values
}

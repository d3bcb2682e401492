package traceexec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceql"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// Tags are the names of the attributes of one scope.
type Tags struct {
	Scope string // span, resource, instrumentation or intrinsic
	Names []string
}

// TagScopes are the scopes that Tags knows, as a request names them.
var TagScopes = []string{"span", "resource", "event", "link", "instrumentation", "intrinsic"}

// Tags lists names by scope; scope "" or "none" is all of them.
func (e *Engine) Tags(ctx context.Context, t tenant.ID, scope string, from, to time.Time, limit int) (out []Tags, err error) {
	want := func(s string) bool { return scope == "" || scope == "none" || scope == s }
	if scope != "" && scope != "none" && !slices.Contains(TagScopes, scope) {
		return nil, fault.Param("scope", fmt.Errorf("%q is not one of %v", scope, TagScopes))
	}
	if want("span") {
		names, err := e.Traces.Keys(ctx, t, from.UnixNano(), to.UnixNano(), limit)
		if err != nil {
			return nil, fault.Of(err)
		}
		out = append(out, Tags{"span", names.Values})
	}
	if want("resource") {
		names, err := e.Resources.LabelNames(ctx, t, from, to, limit)
		if err != nil {
			return nil, fault.Of(err)
		}
		out = append(out, Tags{"resource", names.Values})
	}
	if want("intrinsic") {
		bare, scoped := traceql.IntrinsicNames()
		names := append(bare, scoped...)
		slices.Sort(names)
		out = append(out, Tags{"intrinsic", names})
	}
	return out, nil
}

// sampledSpans is how many spans a list of values is made of.
const sampledSpans = 100_000

// TagValues lists the values of a field, the most frequent first, in spans that
// the query, if there is one, selects.
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
	if !ok || !field.Groupable() {
		return nil, nil
	}
	where := tracestore.Condition(tracestore.All{})
	if q != nil {
		where, _ = Condition(q)
	}
	if _, all := where.(tracestore.All); all && (field.Kind == tracestore.ServiceName || field.Kind == tracestore.ResourceAttribute) {
		return e.resourceValues(ctx, t, f, from, to, limit)
	}
	list, _, err := e.Traces.Values(ctx, t, from.UnixNano(), to.UnixNano(), where, field, sampledSpans, limit)
	if err != nil {
		return nil, fault.Of(err)
	}
	var values []traceql.Value
	for _, v := range list {
		if v.Type != "" && v.Type != "other" {
			values = append(values, groupValue(v.GroupValue))
		}
	}
	return values, nil
}

// resourceValues reads no spans.
func (e *Engine) resourceValues(ctx context.Context, t tenant.ID, f traceql.Field, from, to time.Time, limit int) ([]traceql.Value, error) {
	names, err := e.Resources.LabelValues(ctx, t, f.Name, from, to, limit)
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

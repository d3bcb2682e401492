package tempoapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

const maxTags = 10_000

// listed are the metrics of a list: clients take the jobs for progress.
func listed() metricsJSON { return metricsJSON{Completed: 1, Total: 1} }

func (a *api) listTags(r *http.Request) ([]traceexec.Tags, error) {
	form := r.URL.Query()
	start, end, err := a.window(form)
	if err != nil {
		return nil, err
	}
	limit, err := number(form, "limit", 1000, maxTags)
	if err != nil {
		return nil, err
	}
	return a.Engine.Tags(r.Context(), tenantOf(r), form.Get("scope"), start, end, limit)
}

// tags is one list of names, those of intrinsic fields only when asked for.
func (a *api) tags(w http.ResponseWriter, r *http.Request) error {
	list, err := a.listTags(r)
	if err != nil {
		return err
	}
	names := []string{}
	for _, t := range list {
		if t.Scope != "intrinsic" || r.URL.Query().Get("scope") == "intrinsic" {
			names = append(names, t.Names...)
		}
	}
	slices.Sort(names)
	return writeJSON(w, map[string]any{"tagNames": slices.Compact(names), "metrics": listed()})
}

func (a *api) tagsV2(w http.ResponseWriter, r *http.Request) error {
	list, err := a.listTags(r)
	if err != nil {
		return err
	}
	type scope struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	scopes := []scope{}
	for _, t := range list {
		scopes = append(scopes, scope{t.Scope, append([]string{}, t.Names...)})
	}
	return writeJSON(w, map[string]any{"scopes": scopes, "metrics": listed()})
}

func (a *api) values(r *http.Request, f traceql.Field) ([]traceql.Value, error) {
	form := r.URL.Query()
	start, end, err := a.window(form)
	if err != nil {
		return nil, err
	}
	limit, err := number(form, "limit", 1000, maxTags)
	if err != nil {
		return nil, err
	}
	q, err := filterOf(form)
	if err != nil {
		return nil, err
	}
	return a.Engine.TagValues(r.Context(), tenantOf(r), f, q, start, end, limit)
}

// filterOf is the query that values must go with. A query that is being typed
// is not finished, and then filters nothing.
func filterOf(form url.Values) (*traceql.Query, error) {
	text := form.Get("q")
	if text == "" {
		return nil, nil
	}
	q, err := traceql.Parse(text)
	if err != nil {
		return nil, nil //nolint:nilerr // see above
	}
	return q, nil
}

// tagValues names the attribute without a scope.
func (a *api) tagValues(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	f, ok := traceql.FieldNamed(name)
	if !ok {
		f = traceql.Field{Name: name}
	}
	if name == "service.name" {
		f = traceql.Field{Scope: traceql.ScopeResource, Name: name}
	}
	list, err := a.values(r, f)
	if err != nil {
		return err
	}
	texts := []string{}
	for _, v := range list {
		texts = append(texts, v.Text())
	}
	return writeJSON(w, map[string]any{"tagValues": texts, "metrics": listed()})
}

// tagValuesV2 names the field as TraceQL does.
func (a *api) tagValuesV2(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	f, ok := traceql.FieldNamed(name)
	if !ok {
		return fault.Param("tag", fmt.Errorf("%q is no field; want one such as .http.route, resource.service.name or name", name))
	}
	list, err := a.values(r, f)
	if err != nil {
		return err
	}
	type typed struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	values := []typed{}
	for _, v := range list {
		values = append(values, typed{typeName(v.Type), v.Text()})
	}
	return writeJSON(w, map[string]any{"tagValues": values, "metrics": listed()})
}

// typeName tells a client how to write a value: words of the language are
// keywords, strings want quotes.
func typeName(t traceql.Type) string {
	switch t {
	case traceql.TypeInt:
		return "int"
	case traceql.TypeFloat:
		return "float"
	case traceql.TypeBool:
		return "bool"
	case traceql.TypeDuration:
		return "duration"
	case traceql.TypeStatus, traceql.TypeKind:
		return "keyword"
	}
	return "string"
}

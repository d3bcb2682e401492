package promapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

func (a *api) formatQuery(_ *http.Request, form url.Values) answer {
	text, err := a.Language.Format(form.Get("query"))
	if err != nil {
		return failed(fault.Param("query", err))
	}
	return value(text)
}

func (a *api) parseQuery(_ *http.Request, form url.Values) answer {
	tree, err := a.Language.Tree(form.Get("query"))
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return failed(f)
	}
	if err != nil {
		return failed(fault.Param("query", err))
	}
	return answer{encode: func(e encoder) { e.WriteRaw(string(tree)) }}
}

func (a *api) exemplars(r *http.Request, form url.Values) answer {
	w, err := parseWindow(form)
	if err != nil {
		return failed(err)
	}
	found, err := a.Engine.Exemplars(r.Context(), tenant.FromContext(r.Context()), form.Get("query"), w.start, w.end, a.MaxExemplars)
	if err != nil {
		return failed(err)
	}
	return answer{encode: func(e encoder) { e.exemplars(found) }}
}

package nativeapi

import (
	"net/http"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/nativearrow"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
)

// lines answers a LogQL query of lines.
func (a *api) lines(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "query", "start", "end", "limit", "direction", "cursor")
	if err != nil {
		return err
	}
	query, err := logql.ParseLog(form.Get("query"))
	if err != nil {
		return logexec.Failure(err)
	}
	win, err := a.linesWindow(form)
	if err != nil {
		return err
	}
	res, err := a.LogQL.Lines(r.Context(), tenantOf(r), query, win)
	if err != nil {
		return err
	}
	if nativearrow.Wanted(r) {
		return nativearrow.Writer{Logger: a.Logger}.Lines(w, &res)
	}
	nativejson.Write(w, http.StatusOK, nativejson.LinesOf(&res))
	return nil
}

func (a *api) linesWindow(form url.Values) (logexec.Window, error) {
	w, err := nativeparam.WindowOf(form, a.Now())
	if err != nil {
		return logexec.Window{}, err
	}
	page, err := a.logPage(form)
	return logexec.Window{From: w.Start, To: w.End, Limit: page.Limit, Forward: page.Forward, After: page.After}, err
}

// selected is the records of a LogQL selector.
func selected(match string) (*logql.Log, error) {
	matchers, err := logql.ParseSelector(match)
	if err != nil {
		return nil, logexec.Failure(err)
	}
	return &logql.Log{Matchers: matchers}, nil
}

package nativeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// checkRequest is the body of POST /api/v1/query/check.
type checkRequest struct {
	Language string `json:"language"`
	Query    string `json:"query"`
}

// check reads an expression without evaluating it.
func (a *api) check(w http.ResponseWriter, r *http.Request) error {
	if _, err := nativeparam.Form(r); err != nil {
		return err
	}
	var req checkRequest
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, nativeparam.MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return nativeparam.BodyError(err)
	}
	if req.Language == "" {
		req.Language = language.PromQL
	}
	parse := language.All(a.Metrics.Features())[req.Language]
	if parse == nil {
		return fault.Param("language", fmt.Errorf("%q is not one of %s", req.Language, strings.Join(language.Names(), ", ")))
	}
	if req.Query == "" {
		return fault.Param("query", errors.New("is empty"))
	}
	if text, kind := searchOf(req.Language, req.Query); kind != "" {
		nativejson.Write(w, http.StatusOK, nativejson.Checked{Language: req.Language, Query: text, Kind: kind})
		return nil
	}
	expr, err := parse(req.Query)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.Checked{Language: req.Language, Query: expr.Text, Kind: expr.Kind})
	return nil
}

// Kinds of queries that find something instead of making series.
const (
	findsLines  language.Kind = "lines"
	findsTraces language.Kind = "traces"
)

// searchOf is how LogQL prints a query of lines, or TraceQL a search of traces;
// no kind for what is neither. A query that is wrong is left to its language,
// which says where.
func searchOf(name, text string) (printed string, kind language.Kind) {
	switch name {
	case language.LogQL:
		if e, err := logql.Parse(text); err == nil {
			if l, ok := e.(*logql.Log); ok {
				return l.String(), findsLines
			}
		}
	case language.TraceQL:
		if q, err := traceql.Parse(text); err == nil && q.Metrics == nil {
			return q.String(), findsTraces
		}
	}
	return "", ""
}

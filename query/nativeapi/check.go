package nativeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/language"
)

// checkRequest is the body of POST /api/v1/query/check.
type checkRequest struct {
	Language string `json:"language"`
	Query    string `json:"query"`
}

// checkedBody says what an expression is that is right.
type checkedBody struct {
	Language string        `json:"language"`
	Query    string        `json:"query"`
	Kind     language.Kind `json:"kind"`
}

// check reads an expression without evaluating it.
func (a *api) check(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	var req checkRequest
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQueryBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return bodyError(err)
	}
	if req.Language == "" {
		req.Language = language.PromQL
	}
	parse := language.All()[req.Language]
	if parse == nil {
		return fault.Param("language", fmt.Errorf("%q is not one of %s", req.Language, strings.Join(language.Names(), ", ")))
	}
	if req.Query == "" {
		return fault.Param("query", errors.New("is empty"))
	}
	expr, err := parse(req.Query)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, checkedBody{req.Language, expr.Text, expr.Kind})
	return nil
}

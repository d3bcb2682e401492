package nativeapi

import (
	"errors"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
)

const (
	defaultJoined = 100
	maxJoined     = 5_000
)

// join answers a query over three signals.
func (a *api) join(w http.ResponseWriter, r *http.Request) error {
	form, win, limit, err := a.bounded(r, defaultJoined, maxJoined, "q", "explain")
	if err != nil {
		return err
	}
	if form.Get("q") == "" {
		return fault.Param("q", errors.New(`is empty; want a query such as { status = error } | logs |= "timeout"`))
	}
	ctx, explain, err := explaining(r.Context(), form)
	if err != nil {
		return err
	}
	found, err := a.Joins.Query(ctx, tenantOf(r), form.Get("q"), win.Start, win.End, limit)
	if err != nil {
		return err
	}
	body := nativejson.JoinedOf(found, a.Metrics.Labels)
	body.Explain = explain.as(found.Plan)
	nativejson.Write(w, http.StatusOK, body)
	return nil
}

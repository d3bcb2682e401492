package nativeapi

import (
	"encoding/binary"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

func traceIDOf(r *http.Request) ([16]byte, error) {
	if _, err := nativeparam.Form(r); err != nil {
		return [16]byte{}, err
	}
	id, err := nativeparam.TraceID(r.PathValue("id"))
	if err != nil {
		return id, fault.Param("id", err)
	}
	return id, nil
}

// trace answers a trace or, of one that is larger than the limit, a page of it.
func (a *api) trace(w http.ResponseWriter, r *http.Request) error {
	form, err := nativeparam.Form(r, "limit", "cursor")
	if err != nil {
		return err
	}
	id, err := nativeparam.TraceID(r.PathValue("id"))
	if err != nil {
		return fault.Param("id", err)
	}
	limit, err := nativeparam.Limit(form, a.Correlator.MaxSpans, max(a.Correlator.MaxSpans, tracestore.DefaultLimit))
	if err != nil {
		return err
	}
	var after *tracestore.SpanCursor
	if text := form.Get("cursor"); text != "" {
		c, err := nativeparam.CursorOf(text)
		if err != nil {
			return fault.Param("cursor", err)
		}
		after = &tracestore.SpanCursor{Start: c.Time}
		binary.BigEndian.PutUint64(after.SpanID[:], c.ID)
	}
	t, err := a.Correlator.TracePage(r.Context(), tenantOf(r), id, after, limit)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.NewRenderer().Trace(id, t))
	return nil
}

func (a *api) context(w http.ResponseWriter, r *http.Request) error {
	id, err := traceIDOf(r)
	if err != nil {
		return err
	}
	c, err := a.Correlator.Context(r.Context(), tenantOf(r), id)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.ContextOf(id, c, a.Metrics.Labels))
	return nil
}

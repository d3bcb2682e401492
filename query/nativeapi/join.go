package nativeapi

import (
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/joinexec"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
)

type joinedGroup struct {
	Values    map[string]string `json:"values"`
	Traces    uint64            `json:"traces"`
	Spans     uint64            `json:"spans"`
	Logs      uint64            `json:"logs"`
	Exemplars uint64            `json:"exemplars"`
	Example   *example          `json:"example"`
}

type joinBody struct {
	Signal    string              `json:"signal"`
	Groups    []joinedGroup       `json:"groups"`
	Spans     []span              `json:"spans"`
	Logs      []logRecord         `json:"logs"`
	Exemplars []exemplarItem      `json:"exemplars"`
	Truncated bool                `json:"truncated"`
	Stats     readStats           `json:"stats"`
	Explain   *explained.Document `json:"explain,omitempty"`
}

type readStats struct {
	RowsRead  uint64 `json:"rows_read"`
	BytesRead uint64 `json:"bytes_read"`
	ElapsedMS int64  `json:"elapsed_ms"`
}

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
	body := a.joinBody(found)
	body.Explain = explain.as(found.Plan)
	writeJSON(w, http.StatusOK, body)
	return nil
}

func (a *api) joinBody(found *joinexec.Found) *joinBody {
	out := &joinBody{
		Signal: found.Signal, Truncated: found.Truncated,
		Groups: []joinedGroup{}, Spans: []span{}, Logs: []logRecord{}, Exemplars: []exemplarItem{},
		Stats: readStats{found.Stats.Rows, found.Stats.Bytes, found.Stats.Elapsed.Milliseconds()},
	}
	for i := range found.Groups {
		g := &found.Groups[i]
		item := joinedGroup{Values: map[string]string{}, Traces: g.Traces, Spans: g.Spans, Logs: g.Records, Exemplars: g.Exemplars, Example: exampleOf(g.Example)}
		for k, v := range g.Values {
			item.Values[found.By[k].String()] = traceexec.Grouped(v).Text()
		}
		out.Groups = append(out.Groups, item)
	}
	render := newRenderer()
	for i := range found.Spans {
		s := render.span(&found.Spans[i])
		s.TraceID = hex.EncodeToString(found.Spans[i].TraceID[:])
		out.Spans = append(out.Spans, s)
	}
	out.Logs = append(out.Logs, render.logs(&logstore.Result{Rows: found.Records}).Records...)
	out.Exemplars = append(out.Exemplars, render.exemplars(&metricstore.Exemplars{Rows: found.Exemplars}, a.Metrics.Labels).Items...)
	return out
}

package tempoapi

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// The shapes of a search's answer; 64-bit integers are strings, as in
// protobuf's JSON.
type (
	keyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
	spanJSON struct {
		SpanID     string     `json:"spanID"`
		Name       string     `json:"name,omitempty"`
		Start      string     `json:"startTimeUnixNano"`
		Duration   string     `json:"durationNanos"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	spanSetJSON struct {
		Spans      []spanJSON `json:"spans"`
		Matched    int        `json:"matched"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	serviceJSON struct {
		Spans  int `json:"spanCount"`
		Errors int `json:"errorCount,omitempty"`
	}
	traceJSON struct {
		TraceID     string                 `json:"traceID"`
		RootService string                 `json:"rootServiceName"`
		RootName    string                 `json:"rootTraceName"`
		Start       string                 `json:"startTimeUnixNano"`
		DurationMS  int64                  `json:"durationMs,omitempty"`
		SpanSet     *spanSetJSON           `json:"spanSet,omitempty"`
		SpanSets    []spanSetJSON          `json:"spanSets,omitempty"`
		Services    map[string]serviceJSON `json:"serviceStats,omitempty"`
	}
	metricsJSON struct {
		Traces    int    `json:"inspectedTraces,omitempty"`
		Spans     string `json:"inspectedSpans,omitempty"`
		Bytes     string `json:"inspectedBytes,omitempty"`
		Completed int    `json:"completedJobs"`
		Total     int    `json:"totalJobs"`
	}
	searchJSON struct {
		Traces  []traceJSON `json:"traces"`
		Metrics metricsJSON `json:"metrics"`
		Status  string      `json:"status,omitempty"`
		Message string      `json:"message,omitempty"`
	}
)

// value is a TraceQL value as an OTLP AnyValue.
func value(v traceql.Value) map[string]any {
	switch v.Type {
	case traceql.TypeInt:
		return map[string]any{"intValue": strconv.FormatInt(v.Int, 10)}
	case traceql.TypeFloat:
		return map[string]any{"doubleValue": v.Float}
	case traceql.TypeBool:
		return map[string]any{"boolValue": v.Int != 0}
	case traceql.TypeArray:
		list := make([]map[string]any, len(v.List))
		for i, e := range v.List {
			list[i] = value(e)
		}
		return map[string]any{"arrayValue": map[string]any{"values": list}}
	}
	return map[string]any{"stringValue": v.Text()}
}

func (a *api) search(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	var o traceexec.Options
	var err error
	if o.Start, o.End, err = a.window(form); err != nil {
		return err
	}
	if o.Limit, err = number(form, "limit", traceexec.DefaultLimit, a.MaxLimit); err != nil {
		return err
	}
	if o.SpansPerSet, err = number(form, "spss", traceexec.DefaultSpansPerSet, 1000); err != nil {
		return err
	}
	if o.MinDuration, err = fault.Optional(form, "minDuration", 0, timetext.Positive); err != nil {
		return err
	}
	if o.MaxDuration, err = fault.Optional(form, "maxDuration", 0, timetext.Positive); err != nil {
		return err
	}
	text := form.Get("q")
	if tags := form.Get("tags"); text == "" {
		if text, err = tagsQuery(tags); err != nil {
			return fault.Param("tags", err)
		}
	} else if tags != "" {
		return fault.Param("tags", errors.New("does not go with q"))
	}
	if text == "{  }" {
		text = "{ }"
	}
	q, err := traceexec.Parse(text)
	if err != nil {
		return err
	}
	found, err := a.Engine.Search(r.Context(), tenantOf(r), q, o)
	if err != nil {
		return err
	}
	return writeJSON(w, searchBody(found))
}

func searchBody(found *traceexec.Found) searchJSON {
	body := searchJSON{Traces: []traceJSON{}, Metrics: metricsOf(found.Stats)}
	if found.Partial != "" {
		body.Status, body.Message = "PARTIAL", found.Partial
		body.Metrics.Completed = 0 // all that an answer over gRPC can tell of it
	}
	for i := range found.Traces {
		t := &found.Traces[i]
		out := traceJSON{
			TraceID: hex.EncodeToString(t.TraceID[:]), RootService: t.RootService, RootName: t.RootName,
			Start: strconv.FormatInt(t.Start, 10), DurationMS: t.Duration.Milliseconds(), Services: map[string]serviceJSON{},
		}
		for name, s := range t.Services {
			out.Services[name] = serviceJSON(s)
		}
		for _, set := range t.Sets {
			out.SpanSets = append(out.SpanSets, spanSet(set))
		}
		out.SpanSet = &out.SpanSets[0]
		body.Traces = append(body.Traces, out)
	}
	return body
}

func metricsOf(s traceexec.Stats) metricsJSON {
	return metricsJSON{Traces: s.Traces, Spans: strconv.Itoa(s.Spans), Bytes: strconv.FormatUint(s.Bytes, 10), Completed: 1, Total: 1}
}

func spanSet(set traceexec.SetFound) spanSetJSON {
	out := spanSetJSON{Spans: []spanJSON{}, Matched: set.Matched}
	for _, at := range set.Attributes {
		out.Attributes = append(out.Attributes, keyValue{at.Name, value(at.Value)})
	}
	for _, s := range set.Spans {
		sp := spanJSON{SpanID: hex.EncodeToString(s.SpanID[:]), Name: s.Name, Start: strconv.FormatInt(s.Start, 10), Duration: strconv.FormatUint(s.Duration, 10)}
		for _, f := range s.Fields {
			sp.Attributes = append(sp.Attributes, keyValue{fieldKey(f.Field), value(f.Value)})
		}
		out.Spans = append(out.Spans, sp)
	}
	return out
}

// fieldKey is a field's name without its scope, as search answers have it.
func fieldKey(f traceql.Field) string {
	if f.Intrinsic == traceql.NoIntrinsic {
		return f.Name
	}
	return f.String()
}

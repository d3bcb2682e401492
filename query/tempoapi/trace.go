package tempoapi

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

const protobuf = "application/protobuf"

func (a *api) read(r *http.Request) (tracestore.Result, error) {
	id, err := traceexec.ParseTraceID(r.PathValue("id"))
	if err != nil {
		return tracestore.Result{}, err
	}
	res, err := a.Traces.Trace(r.Context(), tenantOf(r), id, tracestore.MaxLimit)
	if errors.Is(err, tracestore.ErrNotFound) {
		return res, &fault.Error{Code: fault.NotFound, Message: "trace not found", Err: err}
	}
	return res, err
}

// partial says what is missing of a trace, "" where nothing is.
func partial(res tracestore.Result) string {
	if !res.Truncated {
		return ""
	}
	return fmt.Sprintf("the trace has %d spans; these are its first %d", res.Total, len(res.Spans))
}

// trace answers the message Trace: batches of spans.
func (a *api) trace(w http.ResponseWriter, r *http.Request) error {
	res, err := a.read(r)
	if err != nil {
		return err
	}
	traces := otlp(res.Spans)
	if text := partial(res); text != "" {
		w.Header().Set("X-Trefoil-Partial", text)
	}
	if strings.Contains(r.Header.Get("Accept"), protobuf) {
		return writeProto(w, traces, nil)
	}
	spans, err := resourceSpans(traces)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"batches": spans})
}

// statusPartial is the number of PARTIAL in the answer's status.
const statusPartial = 1

// traceV2 answers the message TraceByIDResponse: a trace, what it cost, and
// whether it is all.
func (a *api) traceV2(w http.ResponseWriter, r *http.Request) error {
	res, err := a.read(r)
	if err != nil {
		return err
	}
	traces, text := otlp(res.Spans), partial(res)
	if strings.Contains(r.Header.Get("Accept"), protobuf) {
		return writeProto(w, traces, func(trace []byte) []byte {
			b := protowire.AppendTag(nil, 1, protowire.BytesType)
			b = protowire.AppendBytes(b, trace)
			if text != "" {
				b = protowire.AppendTag(b, 3, protowire.VarintType)
				b = protowire.AppendVarint(b, statusPartial)
				b = protowire.AppendTag(b, 4, protowire.BytesType)
				b = protowire.AppendString(b, text)
			}
			return b
		})
	}
	spans, err := resourceSpans(traces)
	if err != nil {
		return err
	}
	body := map[string]any{"trace": map[string]any{"resourceSpans": spans}, "metrics": map[string]any{"inspectedBytes": fmt.Sprint(res.Stats.Bytes)}}
	if text != "" {
		body["status"], body["message"] = "PARTIAL", text
	}
	return writeJSON(w, body)
}

func writeProto(w http.ResponseWriter, traces ptrace.Traces, wrap func([]byte) []byte) error {
	b, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		return fmt.Errorf("tempoapi: encode trace: %w", err)
	}
	if wrap != nil {
		b = wrap(b)
	}
	w.Header().Set("Content-Type", protobuf)
	w.Write(b)
	return nil
}

// resourceSpans is the JSON of protobuf's own mapping: IDs are in base64, which
// OTLP's JSON has in hexadecimal.
func resourceSpans(traces ptrace.Traces) (any, error) {
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	if err != nil {
		return nil, fmt.Errorf("tempoapi: encode trace: %w", err)
	}
	var body map[string]any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		return nil, fmt.Errorf("tempoapi: encode trace: %w", err)
	}
	base64IDs(body)
	if body["resourceSpans"] == nil {
		return []any{}, nil
	}
	return body["resourceSpans"], nil
}

func base64IDs(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			base64IDs(e)
		}
	case map[string]any:
		for key, e := range v {
			switch key {
			case "traceId", "spanId", "parentSpanId":
				if text, ok := e.(string); ok {
					raw, _ := hex.DecodeString(text)
					v[key] = base64.StdEncoding.EncodeToString(raw)
				}
			case "attributes": // a user's map may have such keys
			default:
				base64IDs(e)
			}
		}
	}
}

// otlp is spans as they were sent, one group a resource and scope.
func otlp(spans []tracestore.Span) ptrace.Traces {
	traces := ptrace.NewTraces()
	type place struct{ resource, scope uint64 }
	resources, scopes := map[uint64]ptrace.ResourceSpans{}, map[place]ptrace.ScopeSpans{}
	for i := range spans {
		s := &spans[i]
		rs, ok := resources[s.Resource.ID]
		if !ok {
			rs = traces.ResourceSpans().AppendEmpty()
			rs.SetSchemaUrl(s.Resource.SchemaURL)
			attributes(rs.Resource().Attributes(), s.Resource.Attributes)
			rs.Resource().SetDroppedAttributesCount(s.Resource.Dropped)
			resources[s.Resource.ID] = rs
		}
		ss, ok := scopes[place{s.Resource.ID, s.Scope.ID}]
		if !ok {
			ss = rs.ScopeSpans().AppendEmpty()
			ss.SetSchemaUrl(s.Scope.SchemaURL)
			ss.Scope().SetName(s.Scope.Name)
			ss.Scope().SetVersion(s.Scope.Version)
			attributes(ss.Scope().Attributes(), s.Scope.Attributes)
			scopes[place{s.Resource.ID, s.Scope.ID}] = ss
		}
		span(ss.Spans().AppendEmpty(), s)
	}
	return traces
}

func span(to ptrace.Span, s *tracestore.Span) {
	to.SetTraceID(s.TraceID)
	to.SetSpanID(s.SpanID)
	to.SetParentSpanID(s.Parent)
	to.TraceState().FromRaw(s.TraceState)
	to.SetFlags(s.Flags)
	to.SetName(s.Name)
	to.SetKind(ptrace.SpanKind(s.Kind))
	to.SetStartTimestamp(pcommon.Timestamp(s.Start))
	to.SetEndTimestamp(pcommon.Timestamp(uint64(s.Start) + s.Duration))
	to.Status().SetCode(ptrace.StatusCode(s.StatusCode))
	to.Status().SetMessage(s.StatusMessage)
	to.SetDroppedAttributesCount(s.DroppedAttributes)
	to.SetDroppedEventsCount(s.DroppedEvents)
	to.SetDroppedLinksCount(s.DroppedLinks)
	attributes(to.Attributes(), s.Attributes)
	for i := range s.Events {
		e := to.Events().AppendEmpty()
		e.SetTimestamp(pcommon.Timestamp(s.Events[i].Time))
		e.SetName(s.Events[i].Name)
		e.SetDroppedAttributesCount(s.Events[i].Dropped)
		attributes(e.Attributes(), s.Events[i].Attributes)
	}
	for i := range s.Links {
		l := to.Links().AppendEmpty()
		l.SetTraceID(s.Links[i].TraceID)
		l.SetSpanID(s.Links[i].SpanID)
		l.TraceState().FromRaw(s.Links[i].TraceState)
		l.SetFlags(s.Links[i].Flags)
		l.SetDroppedAttributesCount(s.Links[i].Dropped)
		attributes(l.Attributes(), s.Links[i].Attributes)
	}
}

func attributes(to pcommon.Map, kvs []attribute.KeyValue) {
	to.EnsureCapacity(len(kvs))
	for _, kv := range kvs {
		v := to.PutEmpty(kv.Key)
		switch kv.Value.Kind {
		case attribute.String:
			v.SetStr(kv.Value.Str)
		case attribute.Bool:
			v.SetBool(kv.Value.Bool())
		case attribute.Int:
			v.SetInt(kv.Value.Int())
		case attribute.Double:
			v.SetDouble(kv.Value.Double())
		case attribute.Bytes:
			v.SetEmptyBytes().FromRaw([]byte(kv.Value.Str))
		case attribute.Slice, attribute.Map:
			if v.FromRaw(kv.Value.Any()) != nil {
				v.SetStr(kv.Value.Text())
			}
		}
	}
}

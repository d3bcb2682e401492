package tempogrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // requests and answers may be compressed
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// Service is the service's name, and what its paths begin with behind a slash.
const Service = "tempopb.StreamingQuerier"

// maxRequest bounds a request, in bytes.
const maxRequest = 1 << 20

// call is one method of the service as a request of the HTTP API.
type call struct {
	name, request, answer string
	list                  string // the field of the answer that may be long
	path                  func(in wire) string
	// form names parameters by the request's fields.
	form map[string]string
}

var calls = []call{
	{"Search", "SearchRequest", "SearchResponse", "traces", at("/api/search"), map[string]string{
		"query": "q", "limit": "limit", "spansPerSpanSet": "spss", "start": "start", "end": "end",
	}},
	{"SearchTags", "SearchTagsRequest", "SearchTagsResponse", "tagNames", at("/api/search/tags"), tagsForm},
	{"SearchTagsV2", "SearchTagsRequest", "SearchTagsV2Response", "scopes", at("/api/v2/search/tags"), tagsForm},
	{"SearchTagValues", "SearchTagValuesRequest", "SearchTagValuesResponse", "tagValues", valuesAt("/api/search/tag/"), valuesForm},
	{"SearchTagValuesV2", "SearchTagValuesRequest", "SearchTagValuesV2Response", "tagValues", valuesAt("/api/v2/search/tag/"), valuesForm},
	{"MetricsQueryRange", "QueryRangeRequest", "QueryRangeResponse", "series", at("/api/metrics/query_range"), map[string]string{
		"query": "q", "start": "start", "end": "end", "exemplars": "exemplars",
	}},
	{"MetricsQueryInstant", "QueryInstantRequest", "QueryInstantResponse", "series", at("/api/metrics/query"), map[string]string{
		"query": "q", "start": "start", "end": "end",
	}},
}

var (
	tagsForm   = map[string]string{"scope": "scope", "query": "q", "start": "start", "end": "end", "maxTagsPerScope": "limit"}
	valuesForm = map[string]string{"query": "q", "start": "start", "end": "end", "maxTagValues": "limit"}
)

func at(path string) func(wire) string { return func(wire) string { return path } }

func valuesAt(prefix string) func(wire) string {
	return func(in wire) string { return prefix + url.PathEscape(in.text("tagName")) + "/values" }
}

// Handler serves the service over HTTP/2. api is the HTTP API of Tempo, from
// /api on; tenant and deadline come with the request's context. A call is answered
// when all of the answer is there, mostly in one message.
func Handler(api http.Handler) http.Handler {
	messages, err := describe()
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}) // only a wrong table is
	}
	desc := grpc.ServiceDesc{ServiceName: Service, HandlerType: (*any)(nil)}
	for _, c := range calls {
		in, out := messages.ByName(protoreflect.Name(c.request)), messages.ByName(protoreflect.Name(c.answer))
		desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: c.name, ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			request, answer := dynamicpb.NewMessage(in), dynamicpb.NewMessage(out)
			if err := stream.RecvMsg(request); err != nil {
				return err
			}
			if err := c.serve(stream.Context(), api, wire{request}, answer); err != nil {
				return err
			}
			return send(stream, answer, c.list)
		}})
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest))
	server.RegisterService(&desc, nil)
	return server
}

// mostBytes is about how large a message gets: clients take four MiB, unless told to
// take more, and add up what comes.
const mostBytes = 1 << 20

// send sends an answer, in several messages if its list is long. What is beside the
// list is in each.
func send(stream grpc.ServerStream, answer *dynamicpb.Message, list string) error {
	field := answer.Descriptor().Fields().ByName(protoreflect.Name(list))
	all := answer.Get(field).List()
	if proto.Size(answer) <= mostBytes || all.Len() < 2 {
		return stream.SendMsg(answer)
	}
	answer = proto.Clone(answer).(*dynamicpb.Message)
	for next := 0; next < all.Len(); {
		answer.Clear(field)
		part := answer.Mutable(field).List()
		for size := 0; next < all.Len() && size < mostBytes; next++ {
			v := all.Get(next)
			part.Append(v)
			size += sizeOf(field, v)
		}
		if err := stream.SendMsg(answer); err != nil {
			return err
		}
	}
	return nil
}

func sizeOf(f protoreflect.FieldDescriptor, v protoreflect.Value) int {
	if f.Kind() == protoreflect.MessageKind {
		return proto.Size(v.Message().Interface())
	}
	return len(v.String())
}

func (c call) serve(ctx context.Context, api http.Handler, in wire, answer proto.Message) error {
	form := in.form(c.form)
	switch c.request {
	case "SearchRequest":
		in.search(form)
	case "QueryRangeRequest":
		if ns := in.number("step"); ns > 0 {
			form.Set("step", strconv.FormatUint(ns, 10)+"ns")
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.path(in)+"?"+form.Encode(), nil)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	w := &recorded{header: http.Header{}}
	api.ServeHTTP(w, r)
	if w.status != http.StatusOK && w.status != 0 {
		return status.Error(codeOf(w.status), strings.TrimSpace(w.body.String()))
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(w.body.Bytes(), answer); err != nil {
		return status.Error(codes.Internal, "tempogrpc: answer: "+err.Error())
	}
	return nil
}

// codeOf is the gRPC code of an HTTP status.
func codeOf(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return codes.InvalidArgument
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return codes.Unavailable
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return codes.DeadlineExceeded
	case http.StatusNotImplemented:
		return codes.Unimplemented
	case fault.Canceled.Status():
		return codes.Canceled
	}
	return codes.Internal
}

// wire reads a request by the names of its fields.
type wire struct{ *dynamicpb.Message }

func (m wire) get(name string) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func (m wire) text(name string) string   { return m.get(name).String() }
func (m wire) number(name string) uint64 { return m.get(name).Uint() }

// form has what is set of the fields, under the parameters' names.
func (m wire) form(names map[string]string) url.Values {
	out := url.Values{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if name, ok := names[string(f.Name())]; ok {
			out.Set(name, v.String())
		}
		return true
	})
	return out
}

// search adds what a search says in another way than the HTTP API.
func (m wire) search(form url.Values) {
	for field, name := range map[string]string{"minDurationMs": "minDuration", "maxDurationMs": "maxDuration"} {
		if ms := m.number(field); ms > 0 {
			form.Set(name, strconv.FormatUint(ms, 10)+"ms")
		}
	}
	var tags []string
	m.get("tags").Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		quoted, err := json.Marshal(v.String())
		if err == nil {
			tags = append(tags, k.String()+"="+string(quoted))
		}
		return true
	})
	if len(tags) > 0 {
		form.Set("tags", strings.Join(tags, " "))
	}
}

// recorded keeps an answer.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorded) Header() http.Header { return w.header }
func (w *recorded) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorded) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

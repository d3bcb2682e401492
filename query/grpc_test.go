package query_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// wireCodec sends and takes the bytes of messages, so that what a test says of
// them are the numbers on the wire.
type wireCodec struct{}

func (wireCodec) Name() string { return proto.Name }
func (wireCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}
func (wireCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = wireCodec{}

// fieldsOf is a message by the numbers of its fields: numbers as text, bytes as
// they are.
func fieldsOf(t *testing.T, b []byte) map[protowire.Number][]string {
	t.Helper()
	out := map[protowire.Number][]string{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("no message: %v", protowire.ParseError(n))
		}
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			out[number], b = append(out[number], string(v)), b[n:]
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			out[number], b = append(out[number], fmt.Sprint(v)), b[n:]
		case protowire.Fixed64Type:
			v, n := protowire.ConsumeFixed64(b)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			out[number], b = append(out[number], fmt.Sprintf("%x", v)), b[n:]
		default:
			t.Fatalf("field %d is of wire type %d", number, kind)
		}
	}
	return out
}

// asked is a message of texts and numbers by their fields.
func asked(parts ...any) []byte {
	var b []byte
	for i := 0; i < len(parts); i += 2 {
		number := protowire.Number(parts[i].(int))
		switch v := parts[i+1].(type) {
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
		case int64:
			b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
		}
	}
	return b
}

// dial is a connection whose calls send and take bytes.
func (f *fixture) dial() *grpc.ClientConn {
	f.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(f.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wireCodec{})))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	return conn
}

// ask begins a call of Tempo's.
func ask(ctx context.Context, conn *grpc.ClientConn, tenant, method string, request []byte) (grpc.ClientStream, error) {
	stream, err := conn.NewStream(metadata.AppendToOutgoingContext(ctx, "x-scope-orgid", tenant), &grpc.StreamDesc{ServerStreams: true}, "/tempopb.StreamingQuerier/"+method)
	if err == nil {
		err = stream.SendMsg(&request)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	return stream, err
}

// A call that is canceled ends its statement.
func TestTempoCallCanceled(t *testing.T) {
	f := newFixture(t, nil)
	f.open("a", "alpha", 1)
	f.endless("spans")
	conn := f.dial()
	from, to := epoch.Unix()-60, epoch.Unix()+600
	for method, request := range map[string][]byte{
		"Search":              asked(8, "{}", 5, from, 6, to),
		"MetricsQueryInstant": asked(1, "{} | rate()", 2, from*int64(time.Second), 3, to*int64(time.Second)),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := ask(ctx, conn, "a", method, request)
		if err != nil {
			t.Fatal(method, err)
		}
		f.statements(method+" before", func(n uint64) bool { return n > 0 })
		cancel()
		var answer []byte
		if err := stream.RecvMsg(&answer); status.Code(err) != codes.Canceled {
			t.Errorf("%s ended with %v", method, err)
		}
		f.statements(method+" after", func(n uint64) bool { return n == 0 })
	}
}

// Grafana's Tempo source, where streaming is on, asks these calls over gRPC on the
// port of the HTTP API.
func TestTempoStreams(t *testing.T) {
	s := newFixture(t, nil).open("a", "alpha", 1)
	conn := s.dial()
	from, to := epoch.Unix()-60, epoch.Unix()+600
	// last is the last answer of a stream.
	last := func(tenant, method string, request []byte) (answer []byte, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stream, err := ask(ctx, conn, tenant, method, request)
		if err != nil {
			return nil, err
		}
		for {
			var next []byte
			if err := stream.RecvMsg(&next); err == io.EOF {
				return answer, nil
			} else if err != nil {
				return nil, err
			}
			answer = next
		}
	}
	get := func(method string, request []byte) map[protowire.Number][]string {
		t.Helper()
		answer, err := last("a", method, request)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return fieldsOf(t, answer)
	}

	// As the HTTP API answers.
	var http struct {
		Traces []struct {
			TraceID, RootServiceName, RootTraceName, StartTimeUnixNano string
			DurationMs                                                 int
			SpanSets                                                   []struct {
				Spans []struct{ SpanID, Name string }
			}
		}
	}
	s.get("/tempo/api/search?q=%7B%7D&"+around, &http)
	traces := get("Search", asked(8, "{}", 5, from, 6, to, 4, int64(20), 9, int64(3)))
	if len(http.Traces) != 1 || len(traces[1]) != 1 {
		t.Fatalf("%d traces over HTTP, %d over gRPC", len(http.Traces), len(traces[1]))
	}
	got, want := fieldsOf(t, []byte(traces[1][0])), http.Traces[0]
	if got[1][0] != want.TraceID || got[1][0] != hex.EncodeToString(s.trace[:]) || got[2][0] != want.RootServiceName || got[3][0] != want.RootTraceName ||
		got[4][0] != want.StartTimeUnixNano || want.DurationMs > 0 && got[5][0] != fmt.Sprint(want.DurationMs) || len(got[8]) == 0 {
		t.Errorf("trace %q, want %+v", got, want)
	}
	if set := fieldsOf(t, []byte(got[7][0])); fieldsOf(t, []byte(set[1][0]))[1][0] != want.SpanSets[0].Spans[0].SpanID {
		t.Errorf("span sets %q, want %+v", set, want.SpanSets)
	}
	if m := fieldsOf(t, []byte(traces[2][0])); m[4][0] != "1" || m[5][0] != "1" {
		t.Errorf("metrics %q, want one job of one done", m)
	}
	// Narrowed down by tags and by duration, as the form does.
	if n := len(get("Search", asked(1, string(asked(1, "service.name", 2, "nobody")), 5, from, 6, to))[1]); n != 0 {
		t.Errorf("%d traces of nobody", n)
	}
	if n := len(get("Search", asked(8, "{}", 2, int64(3_600_000), 5, from, 6, to))[1]); n != 0 {
		t.Errorf("%d traces of an hour", n)
	}

	tags := get("SearchTags", asked(3, from, 4, to))
	if !slices.Contains(tags[1], "service.name") {
		t.Errorf("tags %q", tags)
	}
	if m := fieldsOf(t, []byte(tags[2][0])); m[2][0] != "1" || m[3][0] != "1" { // of all jobs, as clients show progress
		t.Errorf("metrics of tags %q", m)
	}
	scopes := get("SearchTagsV2", asked(1, "resource", 3, from, 4, to))[1]
	if len(scopes) != 1 || fieldsOf(t, []byte(scopes[0]))[1][0] != "resource" || !slices.Contains(fieldsOf(t, []byte(scopes[0]))[2], "service.name") {
		t.Errorf("scopes %q", scopes)
	}
	service := want.RootServiceName
	if values := get("SearchTagValues", asked(1, "service.name", 4, from, 5, to))[1]; !slices.Contains(values, service) {
		t.Errorf("values %q, want %s among them", values, service)
	}
	typed := get("SearchTagValuesV2", asked(1, "resource.service.name", 4, from, 5, to))[1]
	if !slices.ContainsFunc(typed, func(v string) bool { f := fieldsOf(t, []byte(v)); return f[1][0] == "string" && f[2][0] == service }) {
		t.Errorf("typed values %q, want %s among them", typed, service)
	}

	ns := func(seconds int64) int64 { return seconds * int64(time.Second) }
	series := get("MetricsQueryRange", asked(1, "{} | count_over_time() by (resource.service.name)", 2, ns(from), 3, ns(to), 4, int64(time.Minute)))[1]
	if len(series) == 0 || len(fieldsOf(t, []byte(series[0]))[2]) == 0 {
		t.Errorf("series %q", series)
	}
	if instant := get("MetricsQueryInstant", asked(1, "{} | count_over_time()", 2, ns(from), 3, ns(to)))[1]; len(instant) != 1 || len(fieldsOf(t, []byte(instant[0]))[2]) != 1 {
		t.Errorf("instant %q", instant)
	}

	// Another tenant sees nothing; mistakes and what is not there have their codes.
	if answer, err := last("b", "Search", asked(8, "{}", 5, from, 6, to)); err != nil || len(fieldsOf(t, answer)[1]) != 0 {
		t.Errorf("another tenant: %q, %v", answer, err)
	}
	for _, wrong := range []struct {
		method  string
		request []byte
		code    codes.Code
		says    string
	}{
		{"Search", asked(8, "{ status = }", 5, from, 6, to), codes.InvalidArgument, "1:12"},
		{"SearchTagValuesV2", asked(1, "no field", 4, from, 5, to), codes.InvalidArgument, "is no field"},
		{"MetricsQueryRange", asked(2, ns(from), 3, ns(to)), codes.InvalidArgument, "is empty"},
		{"Search", []byte{0xff}, codes.Internal, ""},
		{"Pull", nil, codes.Unimplemented, ""},
	} {
		_, err := last("a", wrong.method, wrong.request)
		if st := status.Convert(err); err == nil || st.Code() != wrong.code || !strings.Contains(st.Message(), wrong.says) {
			t.Errorf("%s: %v, want %s with %q", wrong.method, err, wrong.code, wrong.says)
		}
	}
}

package tempogrpc

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// A client that takes messages of the usual size gets an answer that is larger, in
// messages it adds up; compressed too.
func TestLongAnswers(t *testing.T) {
	const most = 4 << 20 // of a message, where a client says nothing
	names := make([]string, 300)
	for i := range names {
		names[i] = fmt.Sprint(i, strings.Repeat("x", 32<<10))
	}
	const beside = `"metrics":{"completedJobs":1,"totalJobs":1}`
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/search/tags":
			fmt.Fprintf(w, `{"tagNames":["%s"],%s}`, strings.Join(names, `","`), beside)
		case "/api/search":
			fmt.Fprintf(w, `{"traces":[{"traceID":"%s"}],%s}`, strings.Join(names, `"},{"traceID":"`), beside)
		default:
			fmt.Fprintf(w, `{"series":[],%s}`, beside)
		}
	})
	server := httptest.NewUnstartedServer(Handler(api))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	conn, err := grpc.NewClient(strings.TrimPrefix(server.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	messages, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		parts := map[string]int{"Search": len(names), "SearchTags": len(names), "MetricsQueryRange": 0}
		want, ok := parts[c.name]
		if !ok {
			continue
		}
		for _, options := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
			stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/"+Service+"/"+c.name, options...)
			if err == nil {
				err = stream.SendMsg(dynamicpb.NewMessage(messages.ByName(protoreflect.Name(c.request))))
			}
			if err == nil {
				err = stream.CloseSend()
			}
			var got []string
			answers := 0
			for err == nil {
				answer := dynamicpb.NewMessage(messages.ByName(protoreflect.Name(c.answer)))
				if err = stream.RecvMsg(answer); err != nil {
					break
				}
				answers++
				fields := answer.Descriptor().Fields()
				if n := proto.Size(answer); n > most || !answer.Has(fields.ByName("metrics")) {
					t.Errorf("%s: a message of %d bytes, %d fields", c.name, n, fields.Len())
				}
				list := answer.Get(fields.ByName(protoreflect.Name(c.list))).List()
				for i := range list.Len() {
					if fields.ByName(protoreflect.Name(c.list)).Kind() == protoreflect.MessageKind {
						got = append(got, wire{list.Get(i).Message().Interface().(*dynamicpb.Message)}.text("traceID"))
					} else {
						got = append(got, list.Get(i).String())
					}
				}
			}
			if err != io.EOF || len(got) != want || want > 0 && (answers < 3 || strings.Join(got, "") != strings.Join(names, "")) || want == 0 && answers != 1 {
				t.Errorf("%s: %d messages with %d of %d, in order %v: %v", c.name, answers, len(got), want, strings.Join(got, "") == strings.Join(names, ""), err)
			}
		}
	}
}

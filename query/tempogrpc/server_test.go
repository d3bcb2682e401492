package tempogrpc

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

func TestSchemaHoldsTogether(t *testing.T) {
	messages, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		in, out := messages.ByName(protoreflect.Name(c.request)), messages.ByName(protoreflect.Name(c.answer))
		if in == nil || out == nil {
			t.Fatalf("%s: %s or %s is no message", c.name, c.request, c.answer)
		}
		for field := range c.form {
			if in.Fields().ByName(protoreflect.Name(field)) == nil {
				t.Errorf("%s has no field %s", c.request, field)
			}
		}
	}
}

// Whatever a request holds, it asks one path of the HTTP API, with parameters that
// can be read.
func FuzzRequest(f *testing.F) {
	messages, err := describe()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("\x0a\x08../../up\x42\x02{}"))
	f.Add([]byte("\x0a\x10\x0a\x0cservice.name\x12\x00\x10\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range calls {
			in := dynamicpb.NewMessage(messages.ByName(protoreflect.Name(c.request)))
			if proto.Unmarshal(b, in) != nil {
				continue
			}
			asked := 0
			api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				if _, err := r.URL.Query(), r.ParseForm(); err != nil || !strings.HasPrefix(r.URL.Path, c.path(wire{dynamicpb.NewMessage(in.Descriptor())})[:5]) {
					t.Errorf("%s asks %s, %v", c.name, r.URL, err)
				}
				_, _ = io.WriteString(w, "{}")
			})
			out := dynamicpb.NewMessage(messages.ByName(protoreflect.Name(c.answer)))
			if err := c.serve(t.Context(), api, wire{in}, out); err != nil || asked != 1 {
				t.Errorf("%s: %d requests, %v", c.name, asked, err)
			}
		}
	})
}

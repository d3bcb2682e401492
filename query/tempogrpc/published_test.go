package tempogrpc

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	protoComment = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	protoMessage = regexp.MustCompile(`(?s)message\s+(\w+)\s*\{(.*?)\n\}`)
	protoField   = regexp.MustCompile(`(?m)^\s*(repeated\s+)?(map<\w+,\s*[\w.]+>|[\w.]+)\s+(\w+)\s*=\s*(\d+)`)
	protoGone    = regexp.MustCompile(`(?m)^\s*reserved\s+(\d+)\s*;`)
	protoCall    = regexp.MustCompile(`rpc\s+(\w+)\s*\(\s*(\w+)\s*\)\s*returns\s*\(\s*stream\s+(\w+)\s*\)`)
)

// TestPublishedProtocol compares the table of messages with Tempo's published
// protocol, of which TREFOIL_TEMPO_PROTO says where it is (pkg/tempopb/tempo.proto
// of a checkout): the same calls, and under each number the same kind of field.
// A client generated from that file then reads what is written here.
func TestPublishedProtocol(t *testing.T) {
	path := os.Getenv("TREFOIL_TEMPO_PROTO")
	if path == "" {
		t.Skip("TREFOIL_TEMPO_PROTO names no tempo.proto")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	published := protoComment.ReplaceAllString(string(raw), "")

	streams := map[string][2]string{}
	for _, m := range protoCall.FindAllStringSubmatch(published, -1) {
		streams[m[1]] = [2]string{m[2], m[3]}
	}
	for _, c := range calls {
		if streams[c.name] != [2]string{c.request, c.answer} {
			t.Errorf("%s takes %s and answers %s; published is %q", c.name, c.request, c.answer, streams[c.name])
		}
		delete(streams, c.name)
	}
	for name := range streams {
		t.Errorf("the published call %s is not served", name)
	}

	fields := map[string]string{} // "Message 3" to "repeated string name"
	for _, m := range protoMessage.FindAllStringSubmatch(published, -1) {
		for _, f := range protoField.FindAllStringSubmatch(m[2], -1) {
			kind := f[2]
			if strings.HasPrefix(kind, "map<") {
				kind = "repeated " + mapTo + strings.TrimSpace(kind[strings.Index(kind, ",")+1:len(kind)-1])
			} else if f[1] != "" {
				kind = "repeated " + kind[strings.LastIndex(kind, ".")+1:]
			}
			fields[m[1]+" "+f[4]] = plainName(kind + " " + f[3])
		}
		for _, f := range protoGone.FindAllStringSubmatch(m[2], -1) {
			fields[m[1]+" "+f[1]] = gone
		}
	}
	compared := 0
	for _, m := range schema {
		switch m.name {
		case "KeyValue", "AnyValue", "ArrayValue":
			continue // OTLP's, in a file of its own
		}
		for _, f := range m.fields {
			want := f.kind + " " + f.name
			if f.many {
				want = "repeated " + want
			}
			if got := fields[fmt.Sprintf("%s %d", m.name, f.number)]; got != gone && got != plainName(want) {
				t.Errorf("%s, field %d is %q; published is %q", m.name, f.number, want, got)
			}
			compared++
		}
	}
	if compared < 50 {
		t.Errorf("only %d fields were compared", compared)
	}
}

// gone is what is published of a field that older clients still read.
const gone = "reserved"

func plainName(field string) string { return strings.ToLower(strings.ReplaceAll(field, "_", "")) }

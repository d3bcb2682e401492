package otlp

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
)

// way is one of the ways a request can come in.
type way struct {
	name, contentType, encoding string // HTTP
	options                     []grpc.CallOption
}

func ways() []way {
	var all []way
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		all = append(all,
			way{name: "by-http-protobuf-" + encoding, contentType: protobufType, encoding: encoding},
			way{name: "by-http-json-" + encoding, contentType: jsonType, encoding: encoding})
	}
	return append(all,
		way{name: "by-grpc"},
		way{name: "by-grpc-gzip", options: []grpc.CallOption{grpc.UseCompressor("gzip")}},
		way{name: "by-grpc-zstd", options: []grpc.CallOption{grpc.UseCompressor("zstd")}})
}

// export sends the three sample requests under the way's name as the service.
func (s *stack) export(t *testing.T, w way, now time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	logs := plogotlp.NewExportRequestFromLogs(sampleLogs(now, w.name))
	metrics := pmetricotlp.NewExportRequestFromMetrics(sampleMetrics(now, w.name))
	traces := ptraceotlp.NewExportRequestFromTraces(sampleTraces(now, w.name))
	if w.contentType == "" {
		if _, err := plogotlp.NewGRPCClient(s.client).Export(ctx, logs, w.options...); err != nil {
			t.Fatal(err)
		}
		if _, err := pmetricotlp.NewGRPCClient(s.client).Export(ctx, metrics, w.options...); err != nil {
			t.Fatal(err)
		}
		if _, err := ptraceotlp.NewGRPCClient(s.client).Export(ctx, traces, w.options...); err != nil {
			t.Fatal(err)
		}
		return
	}
	for path, req := range map[string]interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}{"/v1/logs": logs, "/v1/metrics": metrics, "/v1/traces": traces} {
		marshal := req.MarshalProto
		if w.contentType == jsonType {
			marshal = req.MarshalJSON
		}
		s.post(t, ctx, path, w, compress(t, w.encoding, must(t)(marshal())))
	}
}

func (s *stack) post(t *testing.T, ctx context.Context, path string, w way, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.contentType)
	req.Header.Set("Content-Encoding", w.encoding)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || len(answer) > 2 {
		t.Fatalf("%s: %d %s", path, resp.StatusCode, answer)
	}
}

var update = flag.Bool("update", false, "rewrite goldens")

// TestWhatWasSentComesBack sends every signal in every way and reads each
// column back. The expectation is the same for all of them.
func TestWhatWasSentComesBack(t *testing.T) {
	const golden = "testdata/comes-back.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	s := newStack(t, "", 0)
	now := time.Now().UTC().Truncate(time.Hour).Add(12*time.Minute + 567891234*time.Nanosecond)
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			s.export(t, w, now)
			replace := strings.NewReplacer("$service", w.name, "$now", strconv.FormatInt(now.UnixNano(), 10))
			for i := 0; i < len(archive.Files); i += 2 {
				query, want := archive.Files[i], &archive.Files[i+1]
				got := strings.Join(s.Lines(t, replace.Replace(string(query.Data))), "\n") + "\n"
				got = strings.ReplaceAll(got, w.name, "$service")
				if *update {
					want.Data = []byte(got)
				}
				if got != string(want.Data) {
					t.Errorf("%s\ngot\n%swant\n%s", query.Name, got, want.Data)
				}
			}
		})
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

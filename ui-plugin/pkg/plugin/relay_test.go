package plugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
)

// The relay is the least a plugin can be: it asks for an answer over HTTP and
// sends its bytes on over gRPC, unread. What it costs is what any plugin costs
// that gets its numbers from another process, whatever it makes of them.

// relayEnv has the relay's socket, in a process that is one.
const relayEnv = "TREFOIL_BENCH_RELAY"

const relayMethod = "/relay.Relay/Ask"

// question is a query of Trefoil's API, and the type the answer is to have.
type question struct{ URL, Accept, Body string }

// ask writes the answer to w and returns how long it is.
func (q question) ask(w io.Writer) (int64, error) {
	req, err := http.NewRequest(http.MethodPost, q.URL+"/api/v1/query", strings.NewReader(q.Body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Accept", q.Accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return io.Copy(w, res.Body)
}

// plain is a codec of bytes as they are.
type plain struct{}

func (plain) Name() string { return "plain" }

func (plain) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (plain) Unmarshal(from mem.BufferSlice, v any) error {
	*v.(*[]byte) = from.Materialize()
	return nil
}

// relay serves until it is killed.
func relay(socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	kept := make([]byte, 0, 16<<20) // there is one question at a time
	ask := func(_ any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in []byte
		if err := read(&in); err != nil {
			return nil, err
		}
		var q question
		if err := json.Unmarshal(in, &q); err != nil {
			return nil, err
		}
		into := bytes.NewBuffer(kept[:0])
		if _, err := q.ask(into); err != nil {
			return nil, err
		}
		out := into.Bytes()
		return &out, nil
	}
	s := grpc.NewServer(grpc.ForceServerCodecV2(plain{}))
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "relay.Relay", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Ask", Handler: ask}}}, nil)
	return s.Serve(l)
}

// startRelay is the relay in a process of its own: its number, and how to ask.
func startRelay(b *testing.B) (pid int, ask func(question) int) {
	socket := filepath.Join(b.TempDir(), "relay.sock")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), relayEnv+"="+socket)
	cmd.Stderr = os.Stderr
	check(b, cmd.Start())
	b.Cleanup(func() {
		check(b, cmd.Process.Kill())
		_ = cmd.Wait() // killed
	})
	eventually(b, 10*time.Second, func() error {
		_, err := os.Stat(socket)
		return err
	})
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20), grpc.ForceCodecV2(plain{})))
	check(b, err)
	b.Cleanup(func() { check(b, conn.Close()) })
	return cmd.Process.Pid, func(q question) int {
		in, err := json.Marshal(q)
		check(b, err)
		var out []byte
		check(b, conn.Invoke(deadline(b), relayMethod, &in, &out))
		return len(out)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/server"
)

// built is the path of the binary, built once for all tests of the process.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "trefoil-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "trefoil")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// newDataDir is a data directory that is removed with patience: the engine of a
// killed trefoil notices its parent's death and still writes for a moment.
func newDataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "trefoil-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, 20*time.Second, "the data directory to go", func() error { return os.RemoveAll(dir) })
	})
	return dir
}

// process is a running `trefoil serve`.
type process struct {
	t               testing.TB
	cmd             *exec.Cmd
	log             *logBuffer
	API, GRPC, OTLP string        // host:port
	done            chan struct{} // closed when the process has ended
	err             error         // its exit, after done
}

// startServe starts the binary on free ports and waits until it is ready. It
// is stopped at the end of the test if it still runs.
func startServe(t testing.TB, dataDir string, flags ...string) *process {
	t.Helper()
	args := append([]string{"serve", "--data-dir", dataDir, "--http-addr", "127.0.0.1:0", "--otlp-grpc-addr", "127.0.0.1:0", "--otlp-http-addr", "127.0.0.1:0"}, flags...)
	p := &process{t: t, log: &logBuffer{}, cmd: exec.Command(binary(t), args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	os.Remove(filepath.Join(dataDir, server.EndpointsFile))
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("trefoil said:\n%s", p.log)
		}
	})
	eventually(t, time.Minute, "trefoil to be ready", func() error {
		select {
		case <-p.done:
			t.Fatalf("trefoil serve ended: %v", p.err)
		default:
		}
		text, err := os.ReadFile(filepath.Join(dataDir, server.EndpointsFile))
		if err != nil {
			return err
		}
		var at map[string]string
		if err := json.Unmarshal(text, &at); err != nil {
			return err
		}
		p.API, p.GRPC, p.OTLP = at["http"], at["otlp_grpc"], at["otlp_http"]
		return p.get("/readyz", nil)
	})
	return p
}

// stop asks for a graceful stop and reports how long it took.
func (p *process) stop() time.Duration {
	p.t.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
	if p.err != nil {
		p.t.Fatalf("graceful stop: %v", p.err)
	}
	return time.Since(start)
}

// kill ends the process at once, as a crash would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// get reads JSON from the API.
func (p *process) get(path string, into any) error {
	body, err := p.read(path)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("GET %s: %w: %s", path, err, body)
	}
	return nil
}

// read is what a path answers, which must be a success.
func (p *process) read(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.API+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, body)
	}
	return body, err
}

// invoke runs a command of the binary and returns what it printed.
func invoke(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("trefoil %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// eventually polls until f has no error.
func eventually(t testing.TB, patience time.Duration, what string, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("waited %v in vain for %s: %v", patience, what, err)
}

// logBuffer is written by the process and read by the test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

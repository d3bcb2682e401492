package subject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Process is a running trefoil, or a peer of it.
type Process struct {
	Cmd      *exec.Cmd
	DataDir  string
	Temp     bool
	HTTPAddr string
	OTLPHTTP string
	OTLPGRPC string
	health   string // path that answers 200 when it is ready
	words    *Tail
	done     chan struct{} // closed when the process has ended
	err      error         // how it ended; read after done
}

// Config says what is to run.
type Config struct {
	Trefoil string // binary
	Args    []string
	DataDir string // empty: a temporary one, removed afterwards
	Kept    bool   // DataDir may hold what an earlier run left
}

// Start runs the binary on free ports and waits until it is ready.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	s := &Process{DataDir: cfg.DataDir, health: "/readyz"}
	if s.DataDir == "" {
		dir, err := os.MkdirTemp("", "trefoil-bench-")
		if err != nil {
			return nil, err
		}
		s.DataDir, s.Temp = dir, true
	} else if entries, err := os.ReadDir(s.DataDir); err == nil && len(entries) > 0 && !cfg.Kept {
		return nil, fmt.Errorf("%s is not empty; bytes on disk would mean nothing", s.DataDir)
	}
	addresses, err := FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	s.HTTPAddr, s.OTLPHTTP, s.OTLPGRPC = addresses[0], addresses[1], addresses[2]
	args := append([]string{"serve", "--data-dir", s.DataDir, "--http-addr", s.HTTPAddr,
		"--otlp-http-addr", s.OTLPHTTP, "--otlp-grpc-addr", s.OTLPGRPC}, cfg.Args...)
	s.Cmd = exec.Command(cfg.Trefoil, args...)
	return s.start(ctx)
}

// start runs the command and waits until it is ready.
func (s *Process) start(ctx context.Context) (*Process, error) {
	s.words, s.done = &Tail{}, make(chan struct{})
	s.Cmd.Stdout, s.Cmd.Stderr = s.words, s.words
	if err := s.Cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.err = s.Cmd.Wait(); close(s.done) }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// FreeAddresses asks the system for ports nobody uses. Another program may
// take one before trefoil does; then the start fails and says so.
func FreeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

func (s *Process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTPAddr+s.health, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.done:
			return fmt.Errorf("the server ended before it was ready: %w\n%s", s.err, s.words)
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready in time\n%s", s.words)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Get asks for a path and returns the body of an answer that is no error.
func (s *Process) Get(ctx context.Context, path string, form url.Values) ([]byte, error) {
	return Get(ctx, "http://"+s.HTTPAddr+path+"?"+form.Encode())
}

// Get asks for a URL and returns the body of an answer that is no error.
func Get(ctx context.Context, target string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: HTTP %s: %.300s", req.URL.Path, resp.Status, body)
	}
	return body, err
}

// Stop ends the process it started, and removes a temporary data directory.
func (s *Process) Stop() error {
	var err error
	select {
	case <-s.done:
	default:
		_ = s.Cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(20 * time.Second):
			err = fmt.Errorf("the server did not stop within 20 s and was killed\n%s", s.words)
			_ = s.Cmd.Process.Kill()
			<-s.done
		}
	}
	if s.Temp {
		err = errors.Join(err, os.RemoveAll(filepath.Clean(s.DataDir)))
	}
	return err
}

// Tail keeps the last words of a process.
type Tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 16 << 10

// Write keeps p, and forgets what is too old.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if extra := t.buf.Len() - tailSize; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}

// String is the last words.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// server is a running trefoil, or a peer of it.
type server struct {
	cmd      *exec.Cmd
	dataDir  string
	temp     bool
	httpAddr string
	otlpHTTP string
	otlpGRPC string
	health   string // path that answers 200 when it is ready; "" is /readyz
	words    *tail
	done     chan struct{} // closed when the process has ended
	err      error         // how it ended; read after done
}

// start runs the binary on free ports and waits until it is ready.
func start(ctx context.Context, cfg ingestConfig) (*server, error) {
	s := &server{dataDir: cfg.DataDir, words: &tail{}, done: make(chan struct{})}
	if s.dataDir == "" {
		dir, err := os.MkdirTemp("", "trefoil-bench-")
		if err != nil {
			return nil, err
		}
		s.dataDir, s.temp = dir, true
	} else if entries, err := os.ReadDir(s.dataDir); err == nil && len(entries) > 0 && !cfg.Kept {
		return nil, fmt.Errorf("%s is not empty; bytes on disk would mean nothing", s.dataDir)
	}
	addresses, err := freeAddresses(3)
	if err != nil {
		return nil, err
	}
	s.httpAddr, s.otlpHTTP, s.otlpGRPC = addresses[0], addresses[1], addresses[2]
	args := append([]string{"serve", "--data-dir", s.dataDir, "--http-addr", s.httpAddr,
		"--otlp-http-addr", s.otlpHTTP, "--otlp-grpc-addr", s.otlpGRPC}, cfg.Args...)
	s.cmd = exec.Command(cfg.Trefoil, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.words, s.words
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.err = s.cmd.Wait(); close(s.done) }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// freeAddresses asks the system for ports nobody uses. Another program may
// take one before trefoil does; then the start fails and says so.
func freeAddresses(n int) ([]string, error) {
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

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	health := s.health
	if health == "" {
		health = "/readyz"
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.httpAddr+health, nil)
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

// stop ends the process it started, and removes a temporary data directory.
func (s *server) stop() error {
	var err error
	select {
	case <-s.done:
	default:
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(20 * time.Second):
			err = fmt.Errorf("the server did not stop within 20 s and was killed\n%s", s.words)
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	if s.temp {
		err = errors.Join(err, os.RemoveAll(filepath.Clean(s.dataDir)))
	}
	return err
}

// tail keeps the last words of a process.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if extra := t.buf.Len() - tailSize; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

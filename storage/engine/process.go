package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is the parent's handle on one child.
type process struct {
	cmd     *exec.Cmd
	control *os.File // closing it asks the child to stop
	ready   *os.File
	words   *tail
	done    chan struct{} // closed when the child has ended
	err     error         // how it ended; valid once done is closed
}

// spawn starts a child on the given spec file. The lock stays open in the child.
func spawn(dir, spec string, lock *os.File) (*process, error) {
	controlRead, control, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	ready, readyWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pipe: %w", err), controlRead.Close(), control.Close())
	}
	p := &process{control: control, ready: ready, words: new(tail), done: make(chan struct{})}
	p.cmd = exec.Command("/proc/self/exe", ChildCommand, spec)
	p.cmd.Env = []string{stageVariable + "=" + stageFresh}
	p.cmd.Dir = dir
	p.cmd.Stderr = p.words
	p.cmd.ExtraFiles = []*os.File{controlRead, readyWrite, lock}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ^C in a terminal is for the parent
	p.cmd.WaitDelay = time.Second
	err = p.cmd.Start()
	controlRead.Close()
	readyWrite.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("exec: %w", err), control.Close(), ready.Close())
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// waitListening returns nil when the child says that its listeners are up.
func (p *process) waitListening(ctx context.Context) error {
	line := make(chan string, 1)
	go func() {
		raw, _ := io.ReadAll(p.ready) // ends with the child at the latest
		p.ready.Close()
		line <- string(raw)
	}()
	select {
	case ports := <-line:
		if ports != "" {
			return nil
		}
		<-p.done
		return p.ended()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended says how the child ended; only after done.
func (p *process) ended() error {
	if p.err != nil {
		return fmt.Errorf("child %d ended: %w", p.cmd.Process.Pid, p.err)
	}
	return fmt.Errorf("child %d ended by itself", p.cmd.Process.Pid)
}

// stop asks the child to flush and end, and kills it after the timeout.
func (p *process) stop(timeout time.Duration) error {
	p.control.Close()
	select {
	case <-p.done:
		return nil
	case <-time.After(timeout):
		p.kill()
		return fmt.Errorf("engine: %w after %v", ErrStopForced, timeout)
	}
}

func (p *process) kill() {
	p.control.Close()
	_ = p.cmd.Process.Kill()
	<-p.done
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}

// lastLines returns the end of a log file, at most n bytes, from the start of a line, no older than since.
func lastLines(path string, n int64, since time.Time) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.ModTime().Before(since) {
		return ""
	}
	skip := max(info.Size()-n, 0)
	raw := make([]byte, info.Size()-skip)
	got, _ := f.ReadAt(raw, skip)
	raw = raw[:got]
	if skip > 0 {
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			raw = raw[i+1:]
		}
	}
	return strings.TrimSpace(string(raw))
}

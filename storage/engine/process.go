package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is the parent's handle on one child.
type process struct {
	cmd     *exec.Cmd
	control *os.File // closing it asks the child to stop
	ready   *os.File
	words   *words
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
	p := &process{control: control, ready: ready, words: new(words), done: make(chan struct{})}
	p.cmd = exec.Command("/proc/self/exe", ChildCommand, spec)
	p.cmd.Args[0] = "trefoil"
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

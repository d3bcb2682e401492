package subject

import (
	"context"
	"errors"
	"os/exec"
)

// StartPeer starts a server of the Victoria family on a free port.
func StartPeer(ctx context.Context, binary, dir string, args ...string) (*Process, error) {
	addresses, err := FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Process{DataDir: dir, words: &Tail{}, done: make(chan struct{}), HTTPAddr: addresses[0], health: "/health"}
	s.Cmd = exec.Command(binary, append([]string{"-storageDataPath", dir, "-httpListenAddr", s.HTTPAddr}, args...)...)
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

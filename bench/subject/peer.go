package subject

import (
	"context"
	"os/exec"
)

// StartPeer starts a server of the Victoria family on a free port.
func StartPeer(ctx context.Context, binary, dir string, args ...string) (*Process, error) {
	addresses, err := FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	s := &Process{DataDir: dir, HTTPAddr: addresses[0], health: "/health"}
	s.Cmd = exec.Command(binary, append([]string{"-storageDataPath", dir, "-httpListenAddr", s.HTTPAddr}, args...)...)
	return s.start(ctx)
}

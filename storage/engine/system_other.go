//go:build !linux

package engine

import (
	"context"
	"os"
)

// The embedded engine runs on Linux; elsewhere Start refuses before any of these is reached.
const supported = false

type reservation struct{ port int }

func (*reservation) release() {}

func childRun(childSpec, []string) error                { return ErrUnsupported }
func syncFilesystem(string) error                       { return ErrUnsupported }
func machineMemory() int64                              { return 0 }
func freeDisk(string) (int64, error)                    { return 0, ErrUnsupported }
func lockDir(context.Context, string) (*os.File, error) { return nil, ErrUnsupported }
func reservePort(int) (*reservation, error)             { return nil, ErrUnsupported }
func killChild(int) error                               { return ErrUnsupported }
func landlockABI() int                                  { return 0 }

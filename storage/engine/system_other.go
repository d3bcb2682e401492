//go:build !linux

package engine

import (
	"context"
	"os"

	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

// The embedded engine runs on Linux; elsewhere Start refuses before any of these is reached.
type reservation struct{ port int }

func (*reservation) release() {}

func childRun(childSpec, []string) error                { return enginelib.ErrUnsupported }
func syncFilesystem(string) error                       { return enginelib.ErrUnsupported }
func machineMemory() int64                              { return 0 }
func freeDisk(string) (int64, error)                    { return 0, enginelib.ErrUnsupported }
func lockDir(context.Context, string) (*os.File, error) { return nil, enginelib.ErrUnsupported }
func reservePort(int) (*reservation, error)             { return nil, enginelib.ErrUnsupported }
func killChild(int) error                               { return enginelib.ErrUnsupported }
func landlockABI() int                                  { return 0 }

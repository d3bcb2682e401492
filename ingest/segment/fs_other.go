//go:build !linux

package segment

import "os"

func syncData(f *os.File) error { return f.Sync() }

func allocate(*os.File, int64, int64) error { return nil }

// lockFile does not lock where flock is not known to exist.
func lockFile(*os.File) error { return nil }

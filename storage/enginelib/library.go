package enginelib

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Supported is whether there is a library for this platform.
const Supported = runtime.GOOS == "linux" && runtime.GOARCH == "amd64"

// Sentinels for errors.Is. The errors returned wrap one of these and say which path or hash was meant.
var (
	ErrAbsent      = errors.New("engine library is absent")
	ErrHash        = errors.New("engine library has the wrong sha256")
	ErrUnsupported = errors.New("the embedded engine needs Linux on x86-64; use an external ClickHouse")
)

// The one pinned engine. A new version changes these five and nothing else.
const (
	Version        = "26.7.3-stable.1"         // of the npm package
	ServerVersion  = "26.7.2.1"                // what the engine answers to SELECT version()
	Package        = "@chdb/lib-linux-x64-gnu" // npm package that carries the library (Apache-2.0)
	Size           = int64(566_330_096)        // bytes, unpacked
	SHA256         = "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"
	libraryName    = "libchdb.so"
	installCommand = "make engine (or: trefoil engine install)"
)

// Path is where Install puts the library unless told otherwise:
// $XDG_CACHE_HOME/trefoil/engine/<version>/libchdb.so, with ~/.cache in place of an unset XDG_CACHE_HOME.
func Path() string {
	cache, err := os.UserCacheDir()
	if err != nil { // neither XDG_CACHE_HOME nor HOME: a service account
		cache = "/var/cache"
	}
	return filepath.Join(cache, "trefoil", "engine", Version, libraryName)
}

// Locate returns the path of the library: the explicit one if given, else the one packaged next to the
// executable (../lib/trefoil/libchdb.so), else Path. The file is known to exist, not to be the right one.
// The error wraps ErrAbsent and names the command that brings the library.
func Locate(explicit string) (string, error) {
	candidates := []string{explicit}
	if explicit == "" {
		candidates = candidates[:0]
		if exe, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(exe), "..", "lib", "trefoil", libraryName))
		}
		candidates = append(candidates, Path())
	}
	for _, path := range candidates {
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			return filepath.Abs(path)
		case err == nil:
			return "", fmt.Errorf("engine: library %s: not a regular file", path)
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("engine: library: %w", err)
		}
	}
	return "", fmt.Errorf("engine: %w: no %s; bring it with: %s", ErrAbsent,
		candidates[len(candidates)-1], installCommand)
}

// stamp records that a file of this size and modification time had this hash, so that a start need not read
// 566 MB again. It guards against truncation and mix-ups, not against someone who can write to the directory.
type stamp struct {
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime_ns"`
	SHA256  string `json:"sha256"`
}

func stampPath(library string) string { return library + ".stamp" }

// Verify checks that the file is the pinned library: by its stamp if that matches, else by hashing it
// (about a second), after which the stamp is renewed where the directory is writable.
func Verify(ctx context.Context, library string) error {
	info, err := os.Stat(library)
	if err != nil {
		return fmt.Errorf("engine: library: %w", err)
	}
	want := stamp{Size: info.Size(), ModTime: info.ModTime().UnixNano(), SHA256: SHA256}
	if raw, err := os.ReadFile(stampPath(library)); err == nil {
		var got stamp
		if json.Unmarshal(raw, &got) == nil && got == want {
			return nil
		}
	}
	sum, err := hashFile(ctx, library)
	if err != nil {
		return fmt.Errorf("engine: library: %w", err)
	}
	if sum != SHA256 {
		return fmt.Errorf("engine: %w: %s has %s, want %s (%s@%s); remove it and run: %s",
			ErrHash, library, sum, SHA256, Package, Version, installCommand)
	}
	_ = writeStamp(library, want) // a read-only package directory: the next start hashes again
	return nil
}

func writeStamp(library string, s stamp) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(stampPath(library), append(raw, '\n'), 0o644) // half a stamp is none
}

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, &contextReader{ctx: ctx, r: f}, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// contextReader fails a long read once its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

package enginelib_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

func TestLocate(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	want := filepath.Join(cache, "trefoil", "engine", enginelib.Version, "libchdb.so")
	if got := enginelib.Path(); got != want {
		t.Errorf("Path is %s; want %s", got, want)
	}
	if _, err := enginelib.Locate(""); !errors.Is(err, enginelib.ErrAbsent) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v; want %v naming %s", err, enginelib.ErrAbsent, want)
	}
	if err := os.MkdirAll(filepath.Dir(want), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := enginelib.Locate(""); got != want || err != nil {
		t.Errorf("located %s, %v; want %s", got, err, want)
	}
	if _, err := enginelib.Locate(cache); err == nil || errors.Is(err, enginelib.ErrAbsent) {
		t.Errorf("a directory as library: %v", err)
	}
}

// The stamp spares the hash only for the very file it was made for.
func TestStamp(t *testing.T) {
	library, err := enginelib.Locate(os.Getenv("TREFOIL_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.Link(library, link); err != nil { // the same file, without a stamp
		if err := os.Symlink(library, link); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if err := enginelib.Verify(ctx, link); err != nil {
		t.Fatal(err)
	}
	stamp, err := os.ReadFile(link + ".stamp")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := enginelib.Verify(ctx, link); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 50*time.Millisecond {
		t.Errorf("with a stamp it took %v", took)
	}

	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(link, []byte("something else"), 0o644); err != nil { // the stamp is stale now
		t.Fatal(err)
	}
	if err := enginelib.Verify(ctx, link); !errors.Is(err, enginelib.ErrHash) {
		t.Errorf("another file under the stamp %s: %v", stamp, err)
	}
}

// An installed library is not fetched again: there is no npm here to fetch it with.
func TestInstallTwice(t *testing.T) {
	library, err := enginelib.Locate(os.Getenv("TREFOIL_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	if err := enginelib.Verify(context.Background(), library); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	var done int64
	if err := enginelib.Install(context.Background(), library, func(n, _ int64) { done = n }); err != nil {
		t.Fatal(err)
	}
	if done != enginelib.Size {
		t.Errorf("progress ended at %d of %d", done, enginelib.Size)
	}
	err = enginelib.Install(context.Background(), filepath.Join(t.TempDir(), "lib", "libchdb.so"), nil)
	if err == nil || !strings.Contains(err.Error(), "npm is needed") {
		t.Errorf("without npm: %v", err)
	}
}

// npm is replaced by a program that delivers a damaged archive, or none: nothing of it must end up at dst.
func TestInstallDamaged(t *testing.T) {
	for _, test := range []struct {
		name, want string
		archive    func(t *testing.T, path string)
	}{
		{"other content", "wrong sha256", func(t *testing.T, path string) { pack(t, path, "package/libchdb.so", enginelib.Size) }},
		{"other size", "wrong sha256", func(t *testing.T, path string) { pack(t, path, "package/libchdb.so", 5) }},
		{"no library", "no package/libchdb.so", func(t *testing.T, path string) { pack(t, path, "package/index.js", 5) }},
		{"truncated", "unexpected EOF", func(t *testing.T, path string) {
			pack(t, path, "package/libchdb.so", 1<<20)
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		}},
		{"no gzip", "archive:", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("<html>not found</html>"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"npm fails", "no such version", func(*testing.T, string) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			archive := filepath.Join(dir, "x.tgz")
			test.archive(t, archive)
			npm := "#!/bin/sh\n/bin/cp " + archive + " \"$4\" 2>/dev/null || { echo no such version >&2; exit 1; }\n"
			if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(npm), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir)
			dst := filepath.Join(dir, "lib", "libchdb.so")
			err := enginelib.Install(context.Background(), dst, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want %q", err, test.want)
			}
			if left, err := os.ReadDir(filepath.Dir(dst)); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// pack writes an archive of one file of zeros.
func pack(t *testing.T, path, name string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(zipped)
	err = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size})
	for block := make([]byte, 1<<20); err == nil && size > 0; size -= int64(len(block)) {
		block = block[:min(int64(len(block)), size)]
		_, err = archive.Write(block)
	}
	if err := errors.Join(err, archive.Close(), zipped.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

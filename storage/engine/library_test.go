package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

func TestLibraryAbsent(t *testing.T) {
	cfg := testConfig(newDir(t))
	cfg.Library = filepath.Join(t.TempDir(), "libchdb.so")
	err := startError(t, cfg, enginelib.ErrAbsent)
	for _, want := range []string{cfg.Library, "make engine"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestLibraryHash(t *testing.T) {
	cfg := testConfig(newDir(t))
	cfg.Library = filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(cfg.Library, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := startError(t, cfg, enginelib.ErrHash)
	if !strings.Contains(err.Error(), enginelib.SHA256) {
		t.Errorf("error %q does not name the hash wanted", err)
	}
}

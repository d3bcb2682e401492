package storagetest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// Golden compares got with the file testdata/name. A test package that declares
// the flag -update rewrites the file with it; the change is reviewed as a diff.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (rewrite it with -update):\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

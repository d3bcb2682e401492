//go:build conformance

package promwrite

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// receiverSuite is the Prometheus project's test of receivers. It is a program of
// its own, which no module can require: its name is not its path.
const receiverSuite = "github.com/prometheus/compliance/remotewrite/receiver@v0.0.0-20260806071727-67b8327a2e93"

// TestReceiverCompliance runs the suite against this receiver. It downloads the
// suite and what that needs, about 100 MB, once.
func TestReceiverCompliance(t *testing.T) {
	s := newStack(t)
	work := t.TempDir()
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", receiverSuite)
	download.Dir = work
	out, err := download.Output()
	var module struct{ Dir, Error string }
	if jerr := json.Unmarshal(out, &module); err != nil || jerr != nil || module.Dir == "" {
		t.Fatalf("download: %v, %v: %s", err, jerr, out)
	}
	suite := filepath.Join(work, "suite")
	if err := os.CopyFS(suite, os.DirFS(module.Dir)); err != nil { // the cache is read-only
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(suite, "config.yml"), fmt.Appendf(nil, "remote_write:\n- name: trefoil\n  url: %s\n", s.url), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-mod=mod", "-count=1", "-json", ".")
	cmd.Dir = suite
	cmd.WaitDelay = 20 * time.Second
	cmd.Stderr = os.Stderr
	results, err := cmd.Output() // an error is a failed test, which is in results
	passed, failed, texts := 0, map[string]bool{}, map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(results)); lines.Scan(); {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		switch e.Action {
		case "output":
			texts[e.Test] += e.Output
		case "pass":
			passed++
		case "fail":
			failed[e.Test] = true
		}
	}
	if passed == 0 {
		t.Fatalf("nothing passed: %v\n%s", err, results)
	}
	for test := range failed {
		t.Errorf("%s\n%s", test, texts[test])
	}
	t.Logf("%d cases passed", passed)
}

//go:build conformance

package ruletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestPromtool runs every test of the test files by itself, here and in
// promtool, and wants the same verdict. Debian's promtool knows no native
// histograms. Needs the package prometheus.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not here: install Debian's package prometheus")
	}
	rules, err := filepath.Abs("testdata/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[bool]int{}
	for _, path := range []string{"testdata/pass.test.yml", "testdata/fail.test.yml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var whole map[string]any
		if err := yaml.Unmarshal(text, &whole); err != nil {
			t.Fatal(err)
		}
		whole["rule_files"] = []string{rules}
		tests := whole["tests"].([]any)
		for _, one := range tests {
			whole["tests"] = []any{one}
			alone, err := yaml.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "alone.test.yml")
			if err := os.WriteFile(file, alone, 0o600); err != nil {
				t.Fatal(err)
			}
			said, err := exec.CommandContext(t.Context(), promtool, "test", "rules", file).CombinedOutput()
			theirs := err == nil && strings.Contains(string(said), "SUCCESS")
			ours, report := run(t, "", file)
			if ours != theirs {
				t.Errorf("%s: %v: ours %v, theirs %v\n%s\n%s", path, one.(map[string]any)["name"], ours, theirs, report, said)
			}
			verdicts[theirs]++
		}
	}
	if verdicts[true] < 3 || verdicts[false] < 3 {
		t.Errorf("promtool's verdicts %v", verdicts)
	}
}

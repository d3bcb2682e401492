package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTour runs every command of the README's tour, in one shell and in order,
// against a freshly started binary, and looks for what the page says they show.
func TestTour(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the tour uses curl, which is not here")
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := tourSteps(string(text))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs("../../deploy/compose/rules")
	if err != nil {
		t.Fatal(err)
	}
	p := startServe(t, t.TempDir(), "--rules", rules+"/*.yaml") // as make run does
	defer p.stop()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary(t), filepath.Join(dir, "bin", "trefoil")); err != nil {
		t.Fatal(err)
	}
	// The page shows the default ports; this server has ports of its own.
	ports := strings.NewReplacer("127.0.0.1:8733", p.API, "127.0.0.1:4317", p.GRPC, "127.0.0.1:4318", p.OTLP)
	var session string
	for i, step := range steps {
		// Each step is a shell of its own; what earlier ones assigned is
		// assigned again.
		session += assignments(ports.Replace(step.script))
		out, err := shell(t, dir, session+ports.Replace(step.script), "TREFOIL_API=http://"+p.API, "TREFOIL_ENDPOINT="+p.GRPC)
		if err != nil {
			t.Fatalf("step %d: %v\n%s\n%s", i+1, err, step.script, out)
		}
		if !step.shows.MatchString(out) {
			t.Errorf("step %d does not show %s\n%s\n%s", i+1, step.shows, step.script, out)
		}
	}
}

// shell runs a script as a person would type it, but stops at the first
// command that fails.
func shell(t *testing.T, dir, script string, env ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// assignments keeps the lines of a script that set a variable.
func assignments(script string) string {
	var kept strings.Builder
	for _, line := range strings.Split(script, "\n") {
		if regexp.MustCompile(`^[a-z_]+=`).MatchString(line) {
			kept.WriteString(line + "\n")
		}
	}
	return kept.String()
}

// tourStep is one block of commands and what their output has to match.
type tourStep struct {
	script string
	shows  *regexp.Regexp
}

// tourSteps reads the blocks fenced as "sh tour" and the comment below each
// that says what it shows. Every fenced block of the tour's section has to be
// such a block.
func tourSteps(readme string) ([]tourStep, error) {
	_, section, ok := strings.Cut(readme, "\n## Five minutes\n")
	if !ok {
		return nil, fmt.Errorf("the README has no tour")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var steps []tourStep
	for _, m := range regexp.MustCompile("(?s)```sh tour\n(.*?)```\n(?:<!-- shows: (.*?) -->)?").FindAllStringSubmatch(section, -1) {
		if m[2] == "" {
			return nil, fmt.Errorf("the tour does not say what this shows:\n%s", m[1])
		}
		shows, err := regexp.Compile(m[2])
		if err != nil {
			return nil, err
		}
		steps = append(steps, tourStep{m[1], shows})
	}
	if fences := strings.Count(section, "```"); len(steps) == 0 || fences != 2*len(steps) {
		return nil, fmt.Errorf("the tour has %d fences but %d steps that are run", fences, len(steps))
	}
	return steps, nil
}

func TestTourStepsAreAllRun(t *testing.T) {
	const page = "# x\n\n## Five minutes\n\n```sh tour\necho a\n```\n<!-- shows: a -->\n"
	if steps, err := tourSteps(page + "\n## Next\n```sh\nnot part of it\n```\n"); err != nil || len(steps) != 1 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	for name, text := range map[string]string{
		"no tour":      "# x\n",
		"not run":      page + "```sh\necho b\n```\n",
		"shows what":   page + "```sh tour\necho b\n```\n",
		"not a regexp": page + "```sh tour\necho b\n```\n<!-- shows: ( -->\n",
	} {
		if _, err := tourSteps(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

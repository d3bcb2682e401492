package flagset

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settings is a command's flags as serve would hold them.
type settings struct {
	DataDir string
	Rules   []string
	Timeout time.Duration
	Size    int64
	Debug   bool
	Workers int
}

func declare(into *settings) *Set {
	s := New(About{Command: "serve", Text: "Runs everything."})
	s.String(&into.DataDir, "data-dir", "data", "keep everything in this `directory`")
	s.Strings(&into.Rules, "rules", []string{"rules.yaml"}, "rule `files`")
	s.Section("Limits")
	s.Duration(&into.Timeout, "timeout", time.Minute, "give up after this `time`")
	s.Bytes(&into.Size, "max-size", 64<<20, "refuse requests above this `size`")
	s.Bool(&into.Debug, "debug", false, "log more")
	s.Int(&into.Workers, "workers", 4, "how many at once")
	s.Short("w", "workers")
	s.File()
	return s
}

func TestPlaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trefoil.yaml")
	text := "data-dir: /from/file\nrules: [a.yaml, b.yaml]\nmax-size: 1GiB\ndebug: true\ntimeout: 5m\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	base := settings{DataDir: "data", Rules: []string{"rules.yaml"}, Timeout: time.Minute, Size: 64 << 20, Workers: 4}
	with := func(change func(*settings)) settings { s := base; change(&s); return s }
	fromFile := settings{DataDir: "/from/file", Rules: []string{"a.yaml", "b.yaml"}, Timeout: 5 * time.Minute, Size: 1 << 30, Debug: true, Workers: 4}

	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		want settings
		rest []string
	}{
		"defaults":            {want: base},
		"equals":              {args: []string{"--data-dir=x"}, want: with(func(s *settings) { s.DataDir = "x" })},
		"separate":            {args: []string{"--data-dir", "x"}, want: with(func(s *settings) { s.DataDir = "x" })},
		"short":               {args: []string{"-w", "9"}, want: with(func(s *settings) { s.Workers = 9 })},
		"switch off":          {args: []string{"--debug=false"}, want: base},
		"mixed with words":    {args: []string{"one", "--debug", "two"}, want: with(func(s *settings) { s.Debug = true }), rest: []string{"one", "two"}},
		"after two dashes":    {args: []string{"--", "--debug"}, want: base, rest: []string{"--debug"}},
		"days":                {args: []string{"--timeout", "7d"}, want: with(func(s *settings) { s.Timeout = 7 * 24 * time.Hour })},
		"environment":         {env: map[string]string{"TREFOIL_DATA_DIR": "e"}, want: with(func(s *settings) { s.DataDir = "e" })},
		"environment list":    {env: map[string]string{"TREFOIL_RULES": "x, y"}, want: with(func(s *settings) { s.Rules = []string{"x", "y"} })},
		"line wins":           {args: []string{"--data-dir=l"}, env: map[string]string{"TREFOIL_DATA_DIR": "e"}, want: with(func(s *settings) { s.DataDir = "l" })},
		"line list wins":      {args: []string{"--rules=l", "--rules=m"}, env: map[string]string{"TREFOIL_RULES": "x"}, want: with(func(s *settings) { s.Rules = []string{"l", "m"} })},
		"file":                {args: []string{"--config", file}, want: fromFile},
		"file by environment": {env: map[string]string{"TREFOIL_CONFIG": file}, want: fromFile},
		"environment beats file": {
			args: []string{"--config", file}, env: map[string]string{"TREFOIL_RULES": "e.yaml"},
			want: func() settings { s := fromFile; s.Rules = []string{"e.yaml"}; return s }(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got settings
			set := declare(&got)
			if err := set.Parse(tc.args, lookup(tc.env)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.rest, set.Args()); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		f, err := os.CreateTemp(dir, "*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"unknown":           {args: []string{"--data-dri=x"}, want: "unknown flag --data-dri; did you mean --data-dir?"},
		"unknown, far":      {args: []string{"--zzzzzzzzzz"}, want: "unknown flag --zzzzzzzzzz\n"},
		"value missing":     {args: []string{"--data-dir"}, want: "flag --data-dir needs a value"},
		"not a number":      {args: []string{"--workers=many"}, want: "flag --workers: not a valid value"},
		"not a duration":    {args: []string{"--timeout=soon"}, want: `"soon" is not a duration`},
		"negative":          {args: []string{"--timeout=-5s"}, want: "is negative"},
		"not a size":        {args: []string{"--max-size=-1"}, want: `"-1" is not a size`},
		"size too large":    {args: []string{"--max-size=9999999999999GiB"}, want: "is not a size"},
		"environment":       {env: map[string]string{"TREFOIL_WORKERS": "x"}, want: "environment variable TREFOIL_WORKERS"},
		"file absent":       {args: []string{"--config=" + dir + "/none"}, want: "no such file"},
		"file not YAML":     {args: []string{"--config", file("a: [")}, want: "line 1"},
		"file not a map":    {args: []string{"--config", file("- a")}, want: "want flag names and values"},
		"file unknown key":  {args: []string{"--config", file("debug: true\nruels: x")}, want: `:2: unknown key "ruels"; did you mean rules?`},
		"file key twice":    {args: []string{"--config", file("debug: true\ndebug: false")}, want: "set twice"},
		"file value":        {args: []string{"--config", file("timeout: soon")}, want: ":1: timeout: \"soon\" is not a duration"},
		"file nested":       {args: []string{"--config", file("data-dir: {a: b}")}, want: "want a single value"},
		"file list of maps": {args: []string{"--config", file("rules: [{a: b}]")}, want: "want a list of plain values"},
		"file null":         {args: []string{"--config", file("data-dir:")}, want: "want a single value"},
		"file in file":      {args: []string{"--config", file("config: x")}, want: "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			var into settings
			err := declare(&into).Parse(tc.args, lookup(tc.env))
			var usage *UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a UsageError", err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	var into settings
	set := declare(&into)
	if err := set.Parse([]string{"--help"}, lookup(nil)); !errors.Is(err, ErrHelp) {
		t.Fatalf("got %v, want ErrHelp", err)
	}
	var b strings.Builder
	set.Help(&b)
	for _, want := range []string{
		"Usage: trefoil serve [flags]", "--data-dir directory", "(default data)", "-w, --workers int",
		"(default 64MiB)", "(default 1m)", "Limits:", "TREFOIL_SOME_FLAG", "--config file",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("help does not say %q:\n%s", want, b.String())
		}
	}
}

func FuzzConfigFile(f *testing.F) {
	f.Add("data-dir: x\nrules: [a, b]\n")
	f.Add("a: &a [*a]")
	f.Add("max-size: 9999999999999999999GiB")
	path := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var into settings
		err := declare(&into).Parse([]string{"--config", path}, lookup(nil))
		var usage *UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Fatalf("%v is not a UsageError", err)
		}
		if into.Size < 0 || into.Timeout < 0 {
			t.Fatalf("accepted a negative limit: %+v", into)
		}
	})
}

// FuzzSections: a file of sections, such as --limits, is taken or refused as a
// mistake of its writer.
func FuzzSections(f *testing.F) {
	f.Add("busy:\n  max-size: 3\n  timeout: 1s\nother: {}\n")
	f.Add("a: &a {max-size: 1}\nb: *a\na: {<<: *a}")
	f.Add("a:\n  b:\n    c: [1]")
	f.Add("? [a]\n: {max-size: 1}")
	path := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		seen := map[string]*settings{}
		err := New(About{Command: "x"}).Sections("limits", path, func(name string) (*Set, error) {
			if seen[name] != nil {
				t.Fatalf("section %q is declared twice", name)
			}
			seen[name] = &settings{}
			return declare(seen[name]), nil
		})
		var usage *UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Fatalf("%v is not a UsageError", err)
		}
		for name, into := range seen {
			if into.Size < 0 || into.Timeout < 0 {
				t.Fatalf("%s: accepted a negative limit: %+v", name, into)
			}
		}
	})
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestValuesHideSecrets(t *testing.T) {
	set := New(About{Command: "x"})
	var dsn, other, empty string
	var list []string
	set.String(&dsn, "dsn", "", "`address`")
	set.String(&other, "other", "o", "`text`")
	set.String(&empty, "empty", "", "`text`")
	set.Strings(&list, "hook", nil, "`URL`")
	for _, name := range []string{"dsn", "empty", "hook"} {
		set.Secret(name)
	}
	if err := set.Parse([]string{"--dsn", "clickhouse://u:hunter2@h", "--hook", "http://h/hunter2"}, func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"dsn": "<secret>", "other": "o", "empty": "", "hook": "<secret>"}
	if got := set.Values(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A file of sections has the same syntax and the same mistakes.
func TestSections(t *testing.T) {
	read := func(text string) (map[string]settings, error) {
		file := filepath.Join(t.TempDir(), "limits.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all := map[string]*settings{}
		err := New(About{Command: "serve"}).Sections("limits", file, func(section string) (*Set, error) {
			if section == "a/b" {
				return nil, errors.New("no such section")
			}
			all[section] = &settings{}
			return declare(all[section]), nil
		})
		found := map[string]settings{}
		for name, one := range all {
			found[name] = *one
		}
		return found, err
	}
	got, err := read("a:\n  max-size: 2MiB\nb: {timeout: 5s, debug: true}\n")
	if err != nil || got["a"].Size != 2<<20 || got["a"].Workers != 4 || got["b"].Timeout != 5*time.Second || !got["b"].Debug {
		t.Errorf("%+v %v", got, err)
	}
	for text, want := range map[string]string{
		"[a]":                               "yaml:1: want sections",
		"a: 5":                              "yaml:1: a: want flag names and values below it",
		"a/b: {}":                           "yaml:1: no such section",
		"a: {}\na: {}":                      "yaml:2: a is set twice",
		"a:\n  debug: true\n  tmeout: 5s\n": `a: line 3: unknown key "tmeout"; did you mean timeout?`,
		"a:\n  max-size: big\n":             `line 2: max-size: "big" is not a size`,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

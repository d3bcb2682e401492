package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModule judges the module this test is part of.
func TestModule(t *testing.T) {
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages", len(packages))
	}
	for _, violation := range Violations(packages) {
		t.Error(violation)
	}
	for _, p := range packages {
		broken, err := SourceViolations(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, violation := range broken {
			t.Error(violation)
		}
	}
}

func list(t *testing.T) []Package {
	t.Helper()
	var packages []Package
	decoder := json.NewDecoder(strings.NewReader(run(t, "list", "-json=ImportPath,Name,Dir,Imports,TestImports,XTestImports,GoFiles,TestGoFiles", Module+"/...")))
	for {
		var p Package
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = "../../.."
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// TestLicences looks at the module graph for what must never be part of this
// program: code under the AGPL.
func TestLicences(t *testing.T) {
	for _, line := range strings.Fields(run(t, "list", "-m", "-f", "{{.Path}}", "all")) {
		for _, copyleft := range []string{"github.com/grafana/loki", "github.com/grafana/tempo", "github.com/grafana/mimir", "github.com/grafana/grafana", "github.com/grafana/pyroscope", "github.com/SigNoz/signoz"} {
			if rest, ok := strings.CutPrefix(line, copyleft); ok && (rest == "" || rest[0] == '/') {
				t.Errorf("%s is in the module graph", line)
			}
		}
	}
	built := run(t, "list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}} {{.Dir}}{{end}}", Module+"/...")
	seen, read := map[string]bool{}, 0
	for _, line := range strings.Split(built, "\n") {
		path, dir, ok := strings.Cut(line, " ")
		if !ok || seen[path] {
			continue
		}
		seen[path] = true
		for _, file := range licenceFiles(t, dir) {
			read++
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if head := string(text[:min(len(text), 500)]); strings.Contains(strings.ToUpper(head), "AFFERO") {
				t.Errorf("%s is under the AGPL (%s)", path, filepath.Base(file))
			}
		}
	}
	if read < 20 {
		t.Errorf("only %d licence files were found in %d modules", read, len(seen))
	}
}

func licenceFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if !e.IsDir() && (strings.HasPrefix(name, "LICEN") || strings.HasPrefix(name, "COPYING")) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// TestLawCanFail shows every rule both kept and broken.
func TestLawCanFail(t *testing.T) {
	pkg := func(path string, imports ...string) Package {
		name := path[strings.LastIndex(path, "/")+1:]
		for i := range imports {
			imports[i] = Module + "/" + imports[i]
		}
		return Package{ImportPath: Module + "/" + path, Name: name, Imports: imports, GoFiles: []string{"doc.go"}}
	}
	changed := func(p Package, change func(*Package)) Package { change(&p); return p }
	for name, tc := range map[string]struct {
		packages []Package
		want     string // empty: lawful
	}{
		"storage alone":      {[]Package{pkg("storage/logstore", "storage/block")}, ""},
		"storage up":         {[]Package{pkg("storage/logstore", "query")}, "storage may import only storage"},
		"ingest down":        {[]Package{pkg("ingest/otlp", "ingest", "storage/logstore")}, ""},
		"ingest sideways":    {[]Package{pkg("ingest/otlp", "query/logql")}, "ingest may import only"},
		"alerting down":      {[]Package{pkg("alerting", "query", "storage/alertstore")}, ""},
		"alerting sideways":  {[]Package{pkg("alerting/notify", "ingest")}, "alerting may import only"},
		"wire by query":      {[]Package{pkg("query", "query/promapi")}, ""},
		"wire by sibling":    {[]Package{pkg("query/logql", "query/lokiapi")}, "wire formats"},
		"wire by alerting":   {[]Package{pkg("alerting", "query/promapi")}, "wire formats"},
		"cmd down":           {[]Package{pkg("cmd/internal/edge", "storage/tenant", "query/promapi")}, ""},
		"cmd imported":       {[]Package{pkg("query", "cmd/internal/edge")}, "query may import only"},
		"plugin":             {[]Package{pkg("ui-plugin/pkg/plugin", "storage/conn")}, "ui-plugin may import only"},
		"in a test":          {[]Package{changed(pkg("storage/conn"), func(p *Package) { p.TestImports = []string{Module + "/ingest"} })}, "storage may import only"},
		"in an outer test":   {[]Package{changed(pkg("storage/conn"), func(p *Package) { p.XTestImports = []string{Module + "/ingest"} })}, "storage may import only"},
		"others' packages":   {[]Package{changed(pkg("storage/conn"), func(p *Package) { p.Imports = []string{"fmt", "example.org/query"} })}, ""},
		"new room":           {[]Package{pkg("frontdoor")}, "no folder"},
		"too deep":           {[]Package{pkg("storage/engine/child")}, "two folders deep"},
		"deep where allowed": {[]Package{pkg("cmd/internal/edge")}, ""},
		"too deep in cmd":    {[]Package{pkg("cmd/internal/edge/inner/more")}, "two folders deep"},
		"forbidden name":     {[]Package{pkg("query/utils")}, "says nothing"},
		"name unlike folder": {[]Package{changed(pkg("query/logql"), func(p *Package) { p.Name = "loki" })}, "unlike its folder"},
		"twice":              {[]Package{pkg("query/schema"), pkg("storage/schema")}, "same package name"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(Violations(tc.packages), "\n")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSourceLawCanFail(t *testing.T) {
	for name, tc := range map[string]struct{ importPath, source, want string }{
		"clean":             {"query", `var e = errors.New("x"); func f() { e := 1; e++; _ = e }`, ""},
		"undocumented":      {"query", `// undocumented`, "no package comment"},
		"init":              {"query", `func init() {}`, "init function"},
		"init method":       {"query", `type t struct{}; func (t) init() {}`, ""},
		"global set":        {"query", `var n int; func f() { n = 1 }`, "global n is changed"},
		"global counted":    {"query", `var n int; func f() { n++ }`, "global n is changed"},
		"global map filled": {"query", `var m = map[string]int{}; func f() { m["a"] = 1 }`, "global m is changed"},
		"global field":      {"query", `var s struct{ n int }; func f() { s.n = 1 }`, "global s is changed"},
		"parameter":         {"query", `var n int; func f(n int) { n = 1; _ = n }`, ""},
		"unknown import":    {"query", `var n int; func f() { x := http.Get(n); x.n = 1 }`, ""},
		"SQL":               {"query", `const q = "SELECT a FROM b"`, "SQL outside storage"},
		"DDL":               {"cmd/x", "const q = `\n CREATE TABLE x (`", "SQL outside storage"},
		"SQL in storage":    {"storage/chsql", `const q = "SELECT a FROM b"`, ""},
		"prose":             {"query", `const q = "select an item from the list; INSERT stock"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			comment := "// Package x is an example.\n"
			if strings.Contains(tc.source, "undocumented") {
				comment = ""
			}
			file, err := parser.ParseFile(fset, "x.go", comment+"package x\nimport (\"errors\"; \"net/http\")\n"+tc.source, parser.SkipObjectResolution|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(judgeFiles(fset, Module+"/"+tc.importPath, []*ast.File{file}), "\n")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the path all of our packages start with.
const Module = "github.com/trefoil-o11y/trefoil"

// Package is what the law needs to know of one package, as go list tells it.
type Package struct {
	ImportPath   string
	Name         string
	Dir          string
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
	TestGoFiles  []string
}

// room is the part of the module a package lives in: its first folder.
func room(importPath string) string {
	first, _, _ := strings.Cut(relative(importPath), "/")
	return first
}

func relative(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, Module), "/")
}

func ours(importPath string) bool {
	return importPath == Module || strings.HasPrefix(importPath, Module+"/")
}

// mayImport says which rooms a room may use besides itself.
func mayImport(from string) (rooms []string, known bool) {
	switch from {
	case "storage":
		return nil, true
	case "ingest", "query":
		return []string{"storage"}, true
	case "alerting":
		return []string{"query", "storage"}, true
	case "cmd":
		return []string{"storage", "ingest", "query", "alerting"}, true
	case "bench": // measures the binary, and in bench/layout what is below it
		return []string{"storage", "ingest"}, true
	case "ui-plugin", "deploy", "docs":
		return nil, true
	}
	return nil, false
}

// Violations judges a whole module; each string is one broken rule.
func Violations(packages []Package) []string {
	var broken []string
	for _, p := range packages {
		broken = append(broken, importViolations(p)...)
		broken = append(broken, nameViolations(p)...)
	}
	broken = append(broken, duplicateNames(packages)...)
	slices.Sort(broken)
	return broken
}

func importViolations(p Package) (broken []string) {
	from := room(p.ImportPath)
	allowed, known := mayImport(from)
	if !known {
		return []string{fmt.Sprintf("%s: the layout has no folder %q", relative(p.ImportPath), from)}
	}
	for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		if !ours(imported) || imported == p.ImportPath {
			continue
		}
		to := room(imported)
		switch {
		case to != from && !slices.Contains(allowed, to):
			broken = append(broken, fmt.Sprintf("%s imports %s: %s may import only %s", relative(p.ImportPath), relative(imported), from, strings.Join(append([]string{from}, allowed...), ", ")))
		case to == "query" && strings.HasSuffix(imported, "api") && from != "cmd" && relative(p.ImportPath) != "query":
			broken = append(broken, fmt.Sprintf("%s imports %s: wire formats are imported only by query itself and cmd", relative(p.ImportPath), relative(imported)))
		}
	}
	return broken
}

// depth counts folders; two places are counted from one level below.
func depth(importPath string) int {
	rel := relative(importPath)
	for _, prefix := range []string{"cmd/internal/", "ui-plugin/pkg/"} {
		rel = strings.TrimPrefix(rel, prefix)
	}
	return strings.Count(rel, "/") + 1
}

func nameViolations(p Package) (broken []string) {
	rel := relative(p.ImportPath)
	if d := depth(p.ImportPath); d > 2 {
		broken = append(broken, fmt.Sprintf("%s: packages are at most two folders deep", rel))
	}
	switch strings.TrimSuffix(p.Name, "_test") {
	case "util", "utils", "common", "helper", "helpers", "base", "types", "model", "models", "misc", "shared", "lib":
		broken = append(broken, fmt.Sprintf("%s: %s says nothing about what belongs there", rel, p.Name))
	}
	if p.Name != "main" && len(p.GoFiles) > 0 && p.Name != strings.ReplaceAll(path.Base(p.ImportPath), "-", "") {
		broken = append(broken, fmt.Sprintf("%s: the package is called %s, unlike its folder", rel, p.Name))
	}
	return broken
}

func duplicateNames(packages []Package) (broken []string) {
	first := map[string]string{}
	for _, p := range packages {
		if p.Name == "main" {
			continue
		}
		if other, ok := first[p.Name]; ok {
			broken = append(broken, fmt.Sprintf("%s and %s have the same package name", relative(other), relative(p.ImportPath)))
		}
		first[p.Name] = p.ImportPath
	}
	return broken
}

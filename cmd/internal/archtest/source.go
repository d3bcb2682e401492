package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// SourceViolations judges the files of one package, tests excluded: a package
// comment, no init function, no global that is ever changed, no SQL outside
// storage.
func SourceViolations(p Package) ([]string, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return judgeFiles(fset, p.ImportPath, files), nil
}

func judgeFiles(fset *token.FileSet, importPath string, files []*ast.File) (broken []string) {
	report := func(node ast.Node, format string, args ...any) {
		at := fset.Position(node.Pos())
		broken = append(broken, fmt.Sprintf("%s/%s:%d: %s", relative(importPath), filepath.Base(at.Filename), at.Line, fmt.Sprintf(format, args...)))
	}
	if len(files) > 0 && !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
		report(files[0], "no package comment says what belongs here (write a doc.go)")
	}
	uses, scope := resolve(fset, importPath, files)
	// The kit that lends one real engine to all tests of a process has to keep
	// it somewhere.
	keepsState := relative(importPath) == "storage/storagetest"
	// The benchmarks ask a peer's tables as its users do; what SQL asks ours is
	// still storage's.
	inStorage := room(importPath) == "storage" || relative(importPath) == "bench"
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					report(n, "init function: start things where they are used")
				}
			case *ast.BasicLit:
				if !inStorage && looksLikeSQL(n) {
					report(n, "SQL outside storage")
				}
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE || keepsState {
					return true
				}
				for _, left := range n.Lhs {
					if v := globalIn(left, uses, scope); v != nil {
						report(left, "global %s is changed", v.Name())
					}
				}
			case *ast.IncDecStmt:
				if v := globalIn(n.X, uses, scope); v != nil {
					report(n, "global %s is changed", v.Name())
				}
			}
			return true
		})
	}
	return broken
}

// resolve finds out which identifiers mean package-level variables. The
// package is checked alone, so most types stay unknown; names do not.
func resolve(fset *token.FileSet, importPath string, files []*ast.File) (map[*ast.Ident]types.Object, *types.Scope) {
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	checker := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := checker.Check(importPath, fset, files, &info) // the error is about the missing imports
	return info.Uses, pkg.Scope()
}

// nothing is an importer of no packages.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

// globalIn returns the package-level variable that an assignment's left side
// changes, itself or a part of it.
func globalIn(e ast.Expr, uses map[*ast.Ident]types.Object, scope *types.Scope) *types.Var {
	for {
		switch inner := e.(type) {
		case *ast.SelectorExpr:
			e = inner.X
		case *ast.IndexExpr:
			e = inner.X
		case *ast.ParenExpr:
			e = inner.X
		case *ast.StarExpr:
			e = inner.X
		case *ast.Ident:
			v, ok := uses[inner].(*types.Var)
			if ok && v.Parent() == scope {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}

func looksLikeSQL(literal *ast.BasicLit) bool {
	if literal.Kind != token.STRING {
		return false
	}
	text, err := strconv.Unquote(literal.Value)
	return err == nil && sqlStatement.MatchString(text)
}

// sqlStatement matches the beginnings of the statements ClickHouse knows, as
// they are written by convention: in capitals.
var sqlStatement = regexp.MustCompile(`(?s)^\s*(SELECT\s.*\sFROM\s|SELECT\s+\w+\(|INSERT\s+INTO\s|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|DATABASE|VIEW|MATERIALIZED|DICTIONARY)\s|(ALTER|DROP|TRUNCATE|OPTIMIZE|RENAME|ATTACH|DETACH|EXCHANGE)\s+(TABLE|DATABASE|VIEW)S?\s|SYSTEM\s+(FLUSH|START|STOP|RELOAD|SYNC)\s|SHOW\s+(TABLES|CREATE|DATABASES)\b|WITH\s.*\sSELECT\s|KILL\s+QUERY\s|EXPLAIN\s+(AST|SYNTAX|PIPELINE|PLAN|ESTIMATE)\s)`)

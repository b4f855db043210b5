// Package callrec holds, as a test, the map that ARCHITECTURE.md draws: which
// package may import which, which packages are pure, and that each says what it
// is for. There is no code here.
package callrec

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is the whole map: a package that is not here fails, and so does an
// import of ours that is not beside it. Third parties are held by .golangci.yml.
var allowed = map[string][]string{
	"":                    {},
	"policy":              {},
	"capture":             {},
	"capture/capturetest": {"capture", "internal/testkit"},
	"capture/clock":       {},
	"capture/jitter":      {"capture/clock", "codec/g711"},
	"capture/pcap":        {},
	"capture/report":      {},
	"codec":               {},
	"codec/g711":          {},
	"codec/mp3":           {"codec"},
	"codec/plc":           {},
	"codec/resample":      {},
	"codec/tones":         {"codec/g711"}, // its tests
	"codec/wav":           {"codec"},
	"mixer":               {},
	"recording": {
		"capture", "capture/clock", "capture/jitter", "capture/report", "codec", "codec/g711", "codec/mp3",
		"codec/plc", "codec/resample", "codec/tones", "codec/wav", "mixer", "policy", "upload/spool",
	},
	"replay":                    {"capture", "capture/clock", "capture/pcap", "recording", "upload/spool"},
	"upload/spool":              {},
	"upload":                    {"upload/spool"},
	"upload/guard":              {"upload"},
	"upload/httpput":            {"upload", "upload/guard", "upload/spool"},
	"upload/folder":             {"upload", "upload/guard", "upload/spool"},
	"upload/s3":                 {"upload", "upload/guard", "upload/httpput"},
	"upload/targettest":         {"upload", "upload/spool", "internal/testkit"},
	"control":                   {"policy", "recording", "store"},
	"control/controltest":       {"control"},
	"control/httpapi":           {"control", "policy", "recording"},
	"store":                     {},
	"internal/testkit":          {},
	"internal/testkit/natstest": {},
	"bench":                     {},
	"cmd/callrec": {
		"capture", "control", "control/httpapi", "policy", "recording", "replay", "store",
		"upload", "upload/folder", "upload/guard", "upload/httpput", "upload/s3", "upload/spool",
		"codec", "codec/g711", "codec/mp3", "codec/wav",
	},
}

// forTests may also be imported by the tests of any package.
var forTests = []string{"capture/capturetest", "control/controltest", "internal/testkit", "internal/testkit/natstest", "upload/targettest"}

// pure packages know no clock, lock, goroutine, I/O, context or log.
var pure = []string{
	"policy", "capture/clock", "capture/jitter", "capture/report", "codec", "codec/g711", "codec/mp3",
	"codec/plc", "codec/resample", "codec/tones", "codec/wav", "mixer",
}

// impure are the imports that would end a package's purity, and the names of
// time that read a clock or wait.
var (
	impure      = []string{"context", "io", "io/fs", "io/ioutil", "log", "net", "os", "sync", "syscall"}
	impureRoots = []string{"log/", "net/", "os/", "sync/"}
	harmless    = []string{"net/url"} // text only
	impureTime  = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}
)

// starters may start goroutines.
var starters = []string{"recording", "upload", "upload/spool", "store", "cmd/callrec", "control/httpapi"}

// file is one parsed Go file of the project.
type file struct {
	path string // from the root
	pkg  string // its folder
	test bool
	ast  *ast.File
	line int
}

// tree parses every Go file of the project.
func tree(t *testing.T) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		out = append(out, parse(t, filepath.ToSlash(path), nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// parse parses one file: the one at path, or src in its place.
func parse(t *testing.T, path string, src any) file {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	pkg := ""
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		pkg = path[:i]
	}
	return file{path, pkg, strings.HasSuffix(path, "_test.go"), f, set.File(f.Pos()).LineCount()}
}

func (f *file) imports() []string {
	var out []string
	for _, i := range f.ast.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		out = append(out, path)
	}
	return out
}

// rules are the promises; each returns what breaks it.
var rules = map[string]func([]file) []string{
	"imports follow the map":            importsFollowTheMap,
	"pure packages are pure":            pureIsPure,
	"goroutines have owners":            goroutinesHaveOwners,
	"every package says what it is for": packagesAreDocumented,
	"files are short":                   filesAreShort,
	"nothing happens by being imported": noInit,
}

func TestArchitecture(t *testing.T) {
	files := tree(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, complaint := range rule(files) {
				t.Error(complaint)
			}
		})
	}
	have := map[string]bool{}
	for _, f := range files {
		have[f.pkg] = true
	}
	for pkg := range allowed {
		if !have[pkg] {
			t.Errorf("the map names %s, which is not there", pkg)
		}
	}
}

// A rule that nothing can break is no rule: each must complain of its violation.
func TestRulesBite(t *testing.T) {
	const doc = "// Package x owns something and is called by somebody, which this says at length.\n"
	for _, c := range []struct{ name, rule, path, src string }{
		{"unknown package", "imports follow the map", "helpers/a.go", "package helpers"},
		{"sideways import", "imports follow the map", "mixer/a.go", `package mixer; import "callrec/upload/spool"`},
		{"import back up", "imports follow the map", "upload/spool/a.go", `package spool; import "callrec/recording"`},
		{"test kit in the product", "imports follow the map", "recording/a.go", `package recording; import "callrec/internal/testkit"`},
		{"test reaching up", "imports follow the map", "mixer/a_test.go", `package mixer; import "callrec/recording"`},
		{"files in a pure package", "pure packages are pure", "mixer/a.go", `package mixer; import "os"`},
		{"locks in a pure package", "pure packages are pure", "mixer/a.go", `package mixer; import "sync/atomic"`},
		{"a clock in a pure package", "pure packages are pure", "capture/jitter/a.go", `package jitter; import "time"; var t = time.Now()`},
		{"a goroutine in a pure package", "pure packages are pure", "mixer/a.go", "package mixer; func f() { go f() }"},
		{"a channel in a pure package", "pure packages are pure", "mixer/a.go", "package mixer; var c chan int"},
		{"a stray goroutine", "goroutines have owners", "capture/a.go", "package capture; func f() { go f() }"},
		{"a stray goroutine in a group", "goroutines have owners", "control/a.go", "package control; func f(g group) { g.Go(func() {}) }"},
		{"no package comment", "every package says what it is for", "mixer/a.go", "package mixer"},
		{"a long file", "files are short", "mixer/a.go", doc + "package mixer" + strings.Repeat("\n", 401)},
		{"init", "nothing happens by being imported", "mixer/a.go", "package mixer; func init() {}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(rules[c.rule]([]file{parse(t, c.path, c.src)})) == 0 {
				t.Errorf("%q let it pass", c.rule)
			}
		})
	}
}

func importsFollowTheMap(files []file) (bad []string) {
	for _, f := range files {
		may, known := allowed[f.pkg]
		if !known {
			bad = append(bad, fmt.Sprintf("%s: package %q is not on the map", f.path, f.pkg))
			continue
		}
		for _, path := range f.imports() {
			ours, ok := strings.CutPrefix(path, "callrec/")
			if !ok || slices.Contains(may, ours) || ours == f.pkg {
				continue
			}
			if f.test && (slices.Contains(forTests, ours) || testMay(f.pkg, ours)) {
				continue
			}
			bad = append(bad, fmt.Sprintf("%s: %s may not import %s", f.path, f.pkg, ours))
		}
	}
	return bad
}

// testMay reports whether the tests of pkg may import another package for
// themselves: what the package may, transitively, and what implements it in the
// folders below; those of cmd and bench, all.
func testMay(pkg, other string) bool {
	if pkg == "bench" || pkg == "cmd/callrec" || strings.HasPrefix(other, pkg+"/") {
		return true
	}
	seen := map[string]bool{}
	var reach func(string) bool
	reach = func(p string) bool {
		if seen[p] {
			return false
		}
		seen[p] = true
		for _, q := range allowed[p] {
			if q == other || reach(q) {
				return true
			}
		}
		return false
	}
	return reach(pkg)
}

func pureIsPure(files []file) (bad []string) {
	for _, f := range files {
		if f.test || !slices.Contains(pure, f.pkg) {
			continue
		}
		for _, path := range f.imports() {
			if slices.Contains(harmless, path) {
				continue
			}
			if slices.Contains(impure, path) || slices.ContainsFunc(impureRoots, func(r string) bool { return strings.HasPrefix(path, r) }) {
				bad = append(bad, fmt.Sprintf("%s: %s is pure and may not import %s", f.path, f.pkg, path))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				bad = append(bad, fmt.Sprintf("%s: %s is pure and may not start goroutines", f.path, f.pkg))
			case *ast.ChanType:
				bad = append(bad, fmt.Sprintf("%s: %s is pure and has no use for channels", f.path, f.pkg))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(impureTime, n.Sel.Name) {
					bad = append(bad, fmt.Sprintf("%s: %s is pure and may not call time.%s", f.path, f.pkg, n.Sel.Name))
				}
			}
			return true
		})
	}
	return bad
}

func goroutinesHaveOwners(files []file) (bad []string) {
	for _, f := range files {
		if f.test || slices.Contains(starters, f.pkg) || slices.Contains(forTests, f.pkg) || f.pkg == "bench" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				bad = append(bad, fmt.Sprintf("%s: %s may not start goroutines", f.path, f.pkg))
			}
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(call.Args) == 1 {
					bad = append(bad, fmt.Sprintf("%s: %s may not start goroutines (%s.Go)", f.path, f.pkg, sel.X))
				}
			}
			return true
		})
	}
	return bad
}

func packagesAreDocumented(files []file) (bad []string) {
	docs, seen := map[string]string{}, map[string]bool{}
	for _, f := range files {
		seen[f.pkg] = true
		if f.ast.Doc != nil && (!f.test || f.pkg == "" || f.pkg == "bench") {
			docs[f.pkg] += f.ast.Doc.Text()
		}
	}
	for pkg := range seen {
		if len(docs[pkg]) < 60 {
			bad = append(bad, fmt.Sprintf("%q has no package comment that says what it owns and who calls it", pkg))
		}
	}
	return bad
}

// Files are read whole. Tables, and what a generator wrote, are not read at all.
func filesAreShort(files []file) (bad []string) {
	for _, f := range files {
		generated := ast.IsGenerated(f.ast) || strings.Contains(f.path, "tables")
		if f.line > 400 && !generated {
			bad = append(bad, fmt.Sprintf("%s has %d lines; split it by what its parts do", f.path, f.line))
		}
	}
	return bad
}

func noInit(files []file) (bad []string) {
	for _, f := range files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
				bad = append(bad, fmt.Sprintf("%s: no init functions: nothing happens because a package was imported", f.path))
			}
		}
	}
	return bad
}

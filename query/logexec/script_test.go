package logexec_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var _ = flag.Bool("update", false, "rewrite goldens")

func TestMain(m *testing.M) { storagetest.Main(m) }

// corpusVariable names a folder with scripts of others in the same language.
const corpusVariable = "TREFOIL_LOGQL_CORPUS"

// TestScripts runs our own cases. A script loads lines and says what queries
// answer; every load is a tenant of its own, so that nothing has to be deleted.
//
//	clear
//	load
//	  {app="a"} "line" @ 10s [repeat every 10s for 6] [metadata k="v"]
//	eval instant at 60s count_over_time({app="a"}[1m])
//	  {app="a"} 6
//	lines {app="a"} | logfmt
//	  "line" {label="found in it"}
//
// The scorecard is rewritten with -update.
func TestScripts(t *testing.T) {
	w := newWorld(t)
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var card strings.Builder
	card.WriteString(scorecardHead)
	all, good := 0, 0
	for _, file := range files {
		passed, failed := w.run(t, file)
		for _, f := range failed {
			t.Error(f)
		}
		if passed == 0 {
			t.Errorf("%s: no case", file)
		}
		all, good = all+passed+len(failed), good+passed
		fmt.Fprintf(&card, "| [%s](../../query/logexec/testdata/%[1]s) | %d | %d |\n", filepath.Base(file), passed, passed+len(failed))
	}
	fmt.Fprintf(&card, "| all of these | %d | %d |\n", good, all)
	storagetest.Golden(t, "../../../docs/conformance/logql.md", card.String())
}

const scorecardHead = `# LogQL: scorecard

Written by "go test ./query/logexec -run TestScripts -update". The cases are our own, of what LogQL's documentation says;
each is stored in the engine as it would come in, and asked. Scripts of others run by path, see [Logs and LogQL](../logql.md).

| script | pass | of |
| --- | --- | --- |
`

// TestCorpus runs scripts that are not ours and writes a scorecard of them.
func TestCorpus(t *testing.T) {
	dir := os.Getenv(corpusVariable)
	if dir == "" {
		t.Skip(corpusVariable + " names no folder")
	}
	w := newWorld(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.logqltest"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	card := "# LogQL scorecard\n\n| script | pass | fail |\n| --- | --- | --- |\n"
	all, bad := 0, 0
	for _, file := range files {
		passed, failed := w.run(t, file)
		card += fmt.Sprintf("| %s | %d | %d |\n", filepath.Base(file), passed, len(failed))
		all, bad = all+passed+len(failed), bad+len(failed)
		for _, f := range failed {
			t.Log(f)
		}
	}
	card += fmt.Sprintf("| all | %d | %d |\n", all-bad, bad)
	t.Log("\n" + card)
	if out := os.Getenv("TREFOIL_LOGQL_SCORECARD"); out != "" {
		if err := os.WriteFile(out, []byte(card), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var epoch = time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)

// world is an engine, and a tenant for what was loaded last.
type world struct {
	t       *testing.T
	db      *conn.DB
	engine  *logexec.Engine
	seq     *logstore.Sequence
	tenants int
	tenant  tenant.ID
	loaded  []string // lines of load commands since the last clear
	stored  int      // of them
}

func newWorld(t *testing.T) *world {
	db := storagetest.DB(t)
	resources := resourcestore.New(db)
	return &world{t: t, db: db, seq: logstore.NewSequence(),
		engine: logexec.New(logexec.Config{Logs: logstore.New(db, resources), Limits: logexec.Limits{Timeout: 2 * time.Minute}})}
}

var (
	evalLine = regexp.MustCompile(`^eval (?:instant at (\S+)|range from (\S+) to (\S+) step (\S+)) (.*)$`)
	loadLine = regexp.MustCompile("^(\\{.*?\\})\\s+(\"[^\"]*\"|`[^`]*`)\\s+@\\s*(\\S+)\\s*(?:\\[repeat every (\\S+)\\s+for (\\d+)\\])?\\s*(?:\\[metadata (.*?)\\])?\\s*$")
	pairText = regexp.MustCompile(`("[^"]*"|[^\s=]+)="([^"]*)"`)
)

// uncomment cuts a comment that is not in quotes.
func uncomment(line string) string {
	quote := byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c == '#':
			return strings.TrimRight(line[:i], " \t")
		}
	}
	return strings.TrimRight(line, " \t")
}

// run runs a script and counts its cases.
func (w *world) run(t *testing.T, file string) (passed int, failed []string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w.loaded, w.stored, w.tenant = nil, 0, ""
	lines := strings.Split(string(raw), "\n")
	for i := 0; i < len(lines); i++ {
		line := uncomment(lines[i])
		var block []string
		for j := i + 1; j < len(lines) && strings.HasPrefix(lines[j], " "); j++ {
			if l := strings.TrimSpace(uncomment(lines[j])); l != "" {
				block = append(block, l)
			}
		}
		switch {
		case line == "clear":
			w.loaded, w.stored, w.tenant = nil, 0, ""
		case line == "load":
			w.loaded = append(w.loaded, block...)
		case strings.HasPrefix(line, "lines "):
			w.store(t)
			if problem := w.lines(t.Context(), strings.TrimPrefix(line, "lines "), block); problem != "" {
				failed = append(failed, fmt.Sprintf("%s:%d: %s\n%s", filepath.Base(file), i+1, line, problem))
			} else {
				passed++
			}
		case strings.HasPrefix(line, "eval "):
			w.store(t)
			if problem := w.eval(t.Context(), line, block); problem != "" {
				failed = append(failed, fmt.Sprintf("%s:%d: %s\n%s", filepath.Base(file), i+1, line, problem))
			} else {
				passed++
			}
		}
	}
	return passed, failed
}

func offset(s string) time.Duration {
	if s == "0" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

// store stores what was loaded and is not stored.
func (w *world) store(t *testing.T) {
	t.Helper()
	if w.tenant == "" {
		w.tenants++
		w.tenant = tenant.ID(fmt.Sprint("script-", w.tenants))
	}
	if w.stored == len(w.loaded) {
		return
	}
	res := resourcestore.NewBatch(w.tenant, 30, resourcestore.NewKnown(1000))
	logs := logstore.NewBatch(w.tenant, 30, w.seq)
	for _, l := range w.loaded[w.stored:] {
		m := loadLine.FindStringSubmatch(l)
		if m == nil {
			t.Fatalf("load: %q", l)
		}
		r := logstore.Record{}
		var attrs []attribute.KeyValue
		for _, p := range pairText.FindAllStringSubmatch(strings.Trim(m[1], "{}"), -1) {
			attrs = append(attrs, attribute.KeyValue{Key: strings.TrimLeft(p[1], ", "), Value: attribute.StringValue(p[2])})
		}
		attribute.Sort(attrs)
		for _, p := range pairText.FindAllStringSubmatch(m[6], -1) {
			r.Attributes = append(r.Attributes, attribute.KeyValue{Key: strings.Trim(p[1], `"`), Value: attribute.StringValue(p[2])})
		}
		attribute.Sort(r.Attributes)
		r.ResourceID, r.Service = res.Resource(epoch, &resourcestore.Resource{Attributes: attrs})
		n, every := 1, time.Duration(0)
		if m[4] != "" {
			every = offset(m[4])
			n, _ = strconv.Atoi(m[5])
		}
		for i := range n {
			r.Time = epoch.Add(offset(m[3]) + time.Duration(i)*every).UnixNano()
			r.Body = attribute.StringValue(strings.ReplaceAll(m[2][1:len(m[2])-1], "{{.i}}", strconv.Itoa(i)))
			logs.Append(&r)
		}
	}
	token := fmt.Sprint(w.tenant, "-", w.stored)
	storagetest.Insert(t, w.db, token, res)
	storagetest.Insert(t, w.db, token, logs)
	w.stored = len(w.loaded)
}

// lines is eval for a query of lines: all that were loaded, oldest first, each with
// the labels that were found in it.
func (w *world) lines(ctx context.Context, query string, want []string) string {
	var found logexec.Lines
	expr, err := logql.ParseLog(query)
	if err == nil {
		found, err = w.engine.Lines(ctx, w.tenant, expr, logexec.Window{From: epoch, To: epoch.Add(time.Hour), Limit: 100, Forward: true})
	}
	if len(want) > 0 && want[0] == "expect fail" {
		if err == nil {
			return fmt.Sprintf("  answers, but should fail: %v", found.Lines)
		}
		return ""
	}
	if err != nil {
		return "  fails: " + err.Error()
	}
	have := []string{}
	for _, l := range found.Lines {
		text := strconv.Quote(l.Text)
		if len(l.Parsed) > 0 {
			text += " " + logpipe.Text(l.Parsed)
		}
		have = append(have, text)
	}
	if !slices.Equal(have, want) && len(have)+len(want) > 0 {
		return fmt.Sprintf("  got  %s\n  want %s", strings.Join(have, "\n       "), strings.Join(want, "\n       "))
	}
	return ""
}

// eval answers what is wrong with a case, "" if nothing is.
func (w *world) eval(ctx context.Context, line string, want []string) string {
	m := evalLine.FindStringSubmatch(line)
	if m == nil {
		return "not a case"
	}
	want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return strings.HasPrefix(s, "skip ") })
	var got *logexec.Samples
	expr, err := logql.ParseMetric(m[5])
	if err == nil {
		if m[1] != "" {
			got, err = w.engine.Instant(ctx, w.tenant, expr, epoch.Add(offset(m[1])))
		} else {
			got, err = w.engine.Range(ctx, w.tenant, expr, epoch.Add(offset(m[2])), epoch.Add(offset(m[3])), offset(m[4]))
		}
	}
	if len(want) > 0 && strings.HasPrefix(want[0], "expect fail") {
		if err == nil {
			return fmt.Sprintf("  answers, but should fail: %v", render(got))
		}
		return ""
	}
	if err != nil {
		return "  fails: " + err.Error()
	}
	ordered := len(want) > 0 && want[0] == "expect ordered"
	if ordered || len(want) > 0 && want[0] == "expect empty" {
		want = want[1:]
	}
	have := render(got)
	if got.Scalar {
		have = []string{strings.TrimPrefix(have[0], "{} ")}
	}
	var wanted []string
	for _, l := range want {
		wanted = append(wanted, normal(l))
	}
	if !ordered {
		sort.Strings(have)
		sort.Strings(wanted)
	}
	if !same(have, wanted) {
		return fmt.Sprintf("  got  %s\n  want %s", strings.Join(have, "\n       "), strings.Join(wanted, "\n       "))
	}
	return ""
}

// render shows samples a line each; the service that no load names is left out.
func render(s *logexec.Samples) []string {
	var out []string
	for _, series := range s.Series {
		labels := slices.DeleteFunc(slices.Clone(series.Labels), func(l logpipe.Label) bool {
			return l == logpipe.Label{Name: "service_name", Value: "unknown_service"}
		})
		line := logpipe.Text(labels)
		for i, has := range series.Has {
			if has {
				line += " " + strconv.FormatFloat(series.Values[i], 'g', -1, 64)
			} else {
				line += " _"
			}
		}
		out = append(out, line)
	}
	return out
}

var expansion = regexp.MustCompile(`^(-?[0-9.]+)([+-][0-9.]+)?x(\d+)$`)

// normal spells an expected line as render does.
func normal(l string) string {
	labels, values := "", l
	if strings.HasPrefix(l, "{") {
		end := strings.LastIndex(l, "}")
		labels, values = l[:end+1], l[end+1:]
		var list []logpipe.Label
		for _, p := range pairText.FindAllStringSubmatch(strings.Trim(labels, "{}"), -1) {
			list = append(list, logpipe.Label{Name: strings.TrimLeft(p[1], ", "), Value: p[2]})
		}
		logpipe.SortLabels(list)
		labels = logpipe.Text(list) + " "
	}
	var out []string
	for _, v := range strings.Fields(values) {
		if m := expansion.FindStringSubmatch(v); m != nil {
			base, _ := strconv.ParseFloat(m[1], 64)
			step, _ := strconv.ParseFloat(m[2], 64)
			n, _ := strconv.Atoi(m[3])
			for i := range n + 1 {
				out = append(out, strconv.FormatFloat(base+float64(i)*step, 'g', -1, 64))
			}
			continue
		}
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			v = strconv.FormatFloat(f, 'g', -1, 64)
		}
		out = append(out, v)
	}
	return labels + strings.Join(out, " ")
}

// same compares lines, numbers to twelve digits.
func same(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool {
		if x == y {
			return true
		}
		xs, ys := strings.Split(x, " "), strings.Split(y, " ")
		return slices.EqualFunc(xs, ys, func(p, q string) bool {
			f, err1 := strconv.ParseFloat(p, 64)
			g, err2 := strconv.ParseFloat(q, 64)
			return p == q || err1 == nil && err2 == nil && math.Abs(f-g) <= 1e-12*math.Max(math.Abs(f), math.Abs(g))
		})
	})
}

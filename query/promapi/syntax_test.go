package promapi

import (
	"bufio"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/query/metricexec"
)

// The golden is what Prometheus's own API (v0.316 of its module) answers to
// parse_query and format_query, byte for byte: a line with path and query, a
// line with status and body.
func TestSyntaxIsPrometheus(t *testing.T) {
	f, err := os.Open("testdata/syntax.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := Handler(Config{Engine: metricexec.New(metricexec.Config{})})
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	asked := 0
	for lines.Scan() {
		path, query, _ := strings.Cut(lines.Text(), " ")
		if !lines.Scan() {
			t.Fatal("golden ends early")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/"+path+"?query="+query, nil))
		if got := strconv.Itoa(w.Code) + " " + w.Body.String(); got != lines.Text() {
			t.Errorf("%s %s\ngot  %s\nwant %s", path, query, got, lines.Text())
		}
		asked++
	}
	if err := lines.Err(); err != nil || asked < 100 {
		t.Errorf("%d questions, %v", asked, err)
	}
}

func FuzzSyntax(f *testing.F) {
	for _, q := range []string{"sum by (a) (rate(x[5m:1m] offset 1h))", `x{a=~"b"} @ start()`, "1 + -(2)", "x[5m", "a / on (b) group_left (c) d"} {
		f.Add(q)
	}
	l := promQL{metricexec.New(metricexec.Config{})}
	f.Fuzz(func(t *testing.T, q string) {
		tree, err := l.Tree(q)
		if _, ferr := l.Format(q); (err == nil) != (ferr == nil) {
			t.Errorf("%q: tree says %v, format %v", q, err, ferr)
		}
		if err == nil && len(tree) == 0 {
			t.Errorf("%q has no tree", q)
		}
	})
}

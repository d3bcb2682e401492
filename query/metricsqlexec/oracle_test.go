//go:build conformance

package metricsqlexec

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
)

var record = flag.Bool("record", false, "keep VictoriaMetrics' answers as goldens")

// scorecard is where the result is written.
const scorecard = "../../docs/conformance/metricsql.md"

const module = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@v1.148.0"

// startVictoriaMetrics runs VictoriaMetrics on loopback until the test ends.
func startVictoriaMetrics(t *testing.T) (api string) {
	t.Helper()
	binary, err := exec.LookPath("victoria-metrics")
	if err != nil {
		t.Fatalf("no victoria-metrics in PATH: go install %s", module)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-httpListenAddr="+addr, "-storageDataPath="+t.TempDir(), "-retentionPeriod=100y",
		"-search.disableCache", "-loggerLevel=ERROR", "-memory.allowedBytes=256MB")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	api = "http://" + addr
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get(api + "/health"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return api
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("VictoriaMetrics does not start")
		}
	}
}

// load imports the data set.
func load(t *testing.T, api string, m *memory) {
	t.Helper()
	var body bytes.Buffer
	for i, r := range m.rows {
		metric := map[string]string{"__name__": r.Name}
		for k, v := range r.Labels {
			metric[k] = v
		}
		line, err := json.Marshal(map[string]any{"metric": metric, "timestamps": m.samples[i].Times, "values": m.samples[i].Values})
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	for path, b := range map[string]*bytes.Buffer{"/api/v1/import": &body} {
		resp, err := http.Post(api+path, "application/json", b)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("import: %s", resp.Status)
		}
	}
	resp, err := http.Get(api + "/internal/force_flush")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		got := askPeer(t, api, `count({__name__!=""}[1h])`, grid{"", 0, 3_600_000, 0})
		if len(got.Series) == 1 && int(got.Series[0].Values[0]) == len(m.rows) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("VictoriaMetrics shows %v of %d series", got.Series, len(m.rows))
		}
	}
}

// askPeer asks VictoriaMetrics what ask asks us.
func askPeer(t *testing.T, api, query string, g grid) outcome {
	t.Helper()
	seconds := func(ms int64) string { return strconv.FormatFloat(float64(began+ms)/1000, 'f', 3, 64) }
	form := url.Values{"query": {query}, "nocache": {"1"}}
	path := "/api/v1/query"
	if g.step > 0 {
		path = "/api/v1/query_range"
		form.Set("start", seconds(g.start))
		form.Set("end", seconds(g.end))
		form.Set("step", strconv.FormatInt(g.step, 10)+"ms")
	} else {
		form.Set("time", seconds(g.end))
	}
	resp, err := http.PostForm(api+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if body.Status != "success" {
		return outcome{Failed: true}
	}
	var out outcome
	for _, s := range body.Data.Result {
		line := lineOfData{Labels: s.Metric}
		if s.Value != nil {
			s.Values = append(s.Values, s.Value)
		}
		for _, v := range s.Values {
			f, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			line.Times = append(line.Times, int64(v[0].(float64)*1000+0.5)-began)
			line.Values = append(line.Values, number64(f))
		}
		out.Series = append(out.Series, line)
	}
	return out
}

// TestVictoriaMetrics asks both every case and writes the scorecard.
func TestVictoriaMetrics(t *testing.T) {
	data := dataset()
	api := startVictoriaMetrics(t)
	load(t, api, data)
	e := engineOn(data)
	answers := map[string]map[string]outcome{}
	failed := map[string]string{}
	all := cases(t)
	for _, g := range grids {
		answers[g.name] = map[string]outcome{}
		for _, query := range all {
			want := askPeer(t, api, query, g)
			answers[g.name][query] = want
			if d := differ(query, g, ask(t, e, query, g), want); d != "" {
				failed[query] = differences[query]
				if failed[query] == "" {
					t.Errorf("%s %s: %s", g.name, query, d)
					failed[query] = "not explained"
				}
			}
		}
	}
	if *record {
		keep(t, answers)
	}
	writeScorecard(t, all, failed)
}

func keep(t *testing.T, answers map[string]map[string]outcome) {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err := json.NewEncoder(z).Encode(answers); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func writeScorecard(t *testing.T, all []string, failed map[string]string) {
	t.Helper()
	functions := map[string]bool{}
	wrong := map[string]bool{}
	for _, query := range all {
		parsed, err := metricsql.Parse(query)
		if err != nil {
			continue
		}
		metricsql.VisitAll(parsed, func(e metricsql.Expr) {
			name := ""
			switch e := e.(type) {
			case *metricsql.FuncExpr:
				name = strings.ToLower(e.Name)
			case *metricsql.AggrFuncExpr:
				name = strings.ToLower(e.Name)
			}
			if name != "" {
				functions[name] = true
				if _, bad := failed[query]; bad {
					wrong[name] = true
				}
			}
		})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# MetricsQL: scorecard\n\nWritten by `make conformance`, which asks VictoriaMetrics 1.148.0 and Trefoil the same questions about the same data.\n\n")
	fmt.Fprintf(&b, "| | agree | of |\n| --- | --- | --- |\n| queries, each on two ranges and at one time | %d | %d |\n| functions in them | %d | %d |\n\n",
		len(all)-len(failed), len(all), len(functions)-len(wrong), len(functions))
	fmt.Fprintf(&b, "Values agree to nine digits. `now` has no case, as its answer is another at each time; neither has `rand` without a seed.\n\n## What differs\n\n")
	if len(failed) == 0 {
		b.WriteString("Nothing.\n")
	}
	for _, query := range all {
		if why, bad := failed[query]; bad {
			fmt.Fprintf(&b, "- `%s`: %s\n", query, why)
		}
	}
	if err := os.WriteFile(scorecard, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

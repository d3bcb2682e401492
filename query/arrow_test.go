package query_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

// TestArrowInJavaScript reads Arrow answers with npm's apache-arrow, and finds in them
// what the JSON answers say.
func TestArrowInJavaScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node here")
	}
	reader, err := filepath.Abs("testdata/arrow/read.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(reader), "node_modules", "apache-arrow")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("make test-go brings apache-arrow")
	}
	s := newFixture(t, nil).open("acme", "acme", 1)
	arrow := func(line string, into any) {
		t.Helper()
		a := s.request("acme", line, "Accept", "application/vnd.apache.arrow.stream")
		if a.status != 200 {
			t.Fatalf("%s: %d %s", line, a.status, a.body)
		}
		cmd := exec.CommandContext(t.Context(), node, reader)
		var out, words bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(a.body), &out, &words
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, words.Bytes())
		}
		if err := json.Unmarshal(out.Bytes(), into); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out.Bytes())
		}
	}

	for _, query := range []string{`http_server_requests_total`, `sum by (le) (http_server_request_duration_seconds_bucket)`, `nothing`} {
		body := fmt.Sprintf(`POST /api/v1/query {"query":%q,"start":%d,"end":%d,"step":30}`, query, epoch.Unix(), epoch.Unix()+600)
		var got struct {
			Metadata map[string]string
			Rows     []struct {
				Labels map[string]string
				Times  []int64
				Values []float64
			}
		}
		arrow(body, &got)
		var want struct {
			Series []struct {
				Labels map[string]string
				Times  []int64
				Values []string
			}
		}
		if err := json.Unmarshal(s.request("acme", body).body, &want); err != nil {
			t.Fatal(err)
		}
		if got.Metadata["trefoil.kind"] != "metric" || len(got.Rows) != len(want.Series) || query != "nothing" && len(got.Rows) == 0 {
			t.Fatalf("%s: %d rows of %d, metadata %v", query, len(got.Rows), len(want.Series), got.Metadata)
		}
		for i, w := range want.Series {
			g := got.Rows[i]
			var values []float64
			for _, text := range w.Values {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, v)
			}
			if !reflect.DeepEqual(g.Labels, w.Labels) || !reflect.DeepEqual(g.Times, w.Times) || !reflect.DeepEqual(g.Values, values) {
				t.Errorf("%s: series %d is %+v, want %+v", query, i, g, w)
			}
		}
	}

	line := fmt.Sprintf("GET /api/v1/logs?start=%d&end=%d&limit=50", epoch.Unix()-60, epoch.Unix()+60)
	var got struct {
		Metadata map[string]string
		Rows     []map[string]any
	}
	arrow(line, &got)
	var want struct{ Records []map[string]any }
	if err := json.Unmarshal(s.request("acme", line).body, &want); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 20 || len(want.Records) != 20 {
		t.Fatalf("%d records of %d; %v", len(got.Rows), len(want.Records), got.Metadata)
	}
	for i, w := range want.Records {
		g := got.Rows[i]
		if g["service"] != w["service"] || g["body"] != w["body"] || g["severity"] != w["severity"] {
			t.Errorf("record %d is %v, want %v", i, g, w)
		}
	}
}

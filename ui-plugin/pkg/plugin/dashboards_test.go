package plugin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
)

// dashboard is what the test reads of a dashboard's JSON.
type dashboard struct {
	UID         string `json:"uid"`
	Panels      []panel
	Annotations struct {
		List []struct {
			Name   string
			Target map[string]any
		}
	}
	Templating struct {
		List []struct {
			Name, Type string
			Multi      bool
			Current    struct{ Value any }
			Query      json.RawMessage
		}
	}
}

type panel struct {
	Type, Title string
	Targets     []map[string]any
}

// Every query of every dashboard that ships finds something in the demo's data
// and, for the dashboard about Trefoil, in Trefoil's own metrics, brought in as
// a Prometheus would bring them.
func TestDashboards(t *testing.T) {
	files, err := filepath.Glob("../../../deploy/grafana/dashboards/*.json")
	check(t, err)
	if len(files) < 7 {
		t.Fatalf("%d dashboards", len(files))
	}
	rules, err := filepath.Abs("../../../deploy/compose/rules")
	check(t, err)
	p := startTrefoil(t, "--rules", filepath.Join(rules, "*.yaml"))
	shopping := exec.Command(p.cmd.Path, "demo", "--protocol", "http/protobuf", "--endpoint", p.otlp, "--rate", "20",
		"--break", "payment=0.7", "--break", "cart=0.3", "--break", "inventory=0.3")
	check(t, shopping.Start())
	t.Cleanup(func() {
		_ = shopping.Process.Signal(syscall.SIGKILL)
		_ = shopping.Wait()
	})
	h := start(t, config{url: p.url, json: map[string]any{"timeInterval": "5s"}})

	waiting := map[string]string{}
	seen := map[string]bool{}
	eventually(t, 3*time.Minute, func() error {
		check(t, scrape(p.url))
		for _, file := range files {
			raw, err := os.ReadFile(file)
			check(t, err)
			var d dashboard
			check(t, json.Unmarshal(raw, &d))
			values, err := h.variables(d)
			if err != nil {
				return err
			}
			// Nothing may have happened yet, but it can be asked what did.
			for _, a := range d.Annotations.List {
				if err := h.finds(a.Target, values); err != nil && !errors.Is(err, errNoRows) {
					return fmt.Errorf("%s: annotations %s: %w", d.UID, a.Name, err)
				}
			}
			for _, panel := range d.Panels {
				if len(panel.Targets) == 0 && panel.Type != "row" {
					t.Fatalf("%s: %s asks nothing", d.UID, panel.Title)
				}
				for i, target := range panel.Targets {
					name := fmt.Sprintf("%s: %s [%d]", d.UID, panel.Title, i)
					if seen[name] {
						continue
					}
					if err := h.finds(target, values); err != nil {
						waiting[name] = err.Error()
						continue
					}
					seen[name] = true
					delete(waiting, name)
				}
			}
		}
		if len(waiting) > 0 {
			return fmt.Errorf("%d queries find nothing yet: %v", len(waiting), waiting)
		}
		return nil
	})
	t.Logf("%d queries of %d dashboards", len(seen), len(files))
}

var errNoRows = errors.New("no rows")

// finds runs a panel's query over the last quarter of an hour.
func (h *host) finds(target map[string]any, values map[string]string) error {
	raw, err := json.Marshal(target)
	if err != nil {
		return err
	}
	text := string(raw)
	for name, value := range values {
		text = strings.ReplaceAll(text, "$"+name, value)
	}
	now := time.Now()
	r := h.queries(deadline(h.t), now, &pluginv2.DataQuery{RefId: "A", QueryType: target["queryType"].(string), Json: []byte(text), MaxDataPoints: 300, IntervalMS: 5000,
		TimeRange: &pluginv2.TimeRange{FromEpochMS: now.Add(-15 * time.Minute).UnixMilli(), ToEpochMS: now.UnixMilli()}})["A"]
	if r.Error != nil {
		return r.Error
	}
	exemplars := false
	rows := 0
	for _, f := range r.Frames {
		if f.Name == "exemplar" {
			exemplars = true
		} else {
			rows += f.Rows()
		}
	}
	if rows == 0 {
		return fmt.Errorf("%w for %s", errNoRows, text)
	}
	if target["exemplars"] == true && !exemplars {
		return fmt.Errorf("no exemplars for %s", text)
	}
	return nil
}

// variables are a dashboard's values: saved ones, or the first there is.
func (h *host) variables(d dashboard) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range d.Templating.List {
		switch {
		case v.Type == "datasource" || v.Type == "adhoc":
		case v.Type != "query":
			values[v.Name] = fmt.Sprint(v.Current.Value)
		case v.Multi:
			values[v.Name] = ".+"
		default:
			var q struct {
				Variable struct{ Kind, Signal, Label, Match string }
			}
			if err := json.Unmarshal(v.Query, &q); err != nil {
				return nil, err
			}
			path := q.Variable.Kind
			asked := url.Values{"signal": {q.Variable.Signal}, "name": {q.Variable.Label}, "match": {q.Variable.Match}}
			status, body := h.get(path, asked.Encode())
			var names []string
			if status != http.StatusOK || json.Unmarshal([]byte(body), &names) != nil || len(names) == 0 {
				return nil, fmt.Errorf("%s: variable %s: %d %s", d.UID, v.Name, status, body)
			}
			values[v.Name] = names[0]
		}
	}
	return values, nil
}

// scrape reads /metrics and writes what it says back by remote write.
func scrape(base string) error {
	client := &http.Client{Timeout: 20 * time.Second}
	res, err := client.Get(base + "/metrics")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		return err
	}
	now := model.Now()
	var all prompb.WriteRequest
	for _, family := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: now}, family)
		if err != nil {
			return err
		}
		for _, s := range samples {
			series := prompb.TimeSeries{Samples: []prompb.Sample{{Value: float64(s.Value), Timestamp: int64(s.Timestamp)}}}
			s.Metric["job"], s.Metric["instance"] = "trefoil", "trefoil-1"
			for name, value := range s.Metric {
				series.Labels = append(series.Labels, prompb.Label{Name: string(name), Value: string(value)})
			}
			slices.SortFunc(series.Labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
			all.Timeseries = append(all.Timeseries, series)
		}
	}
	return remoteWrite(base, &all)
}

func remoteWrite(base string, all *prompb.WriteRequest) error {
	raw, err := all.Marshal()
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, base+"/prometheus/api/v1/write", bytes.NewReader(snappy.Encode(nil, raw)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	wrote, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return err
	}
	defer wrote.Body.Close()
	if wrote.StatusCode/100 != 2 {
		return fmt.Errorf("remote write: %s", wrote.Status)
	}
	return nil
}

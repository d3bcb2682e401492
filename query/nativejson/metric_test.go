package nativejson

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
)

// An answer, of whatever length and with whatever text in it, is JSON that says
// what was found.
func TestWriteMetrics(t *testing.T) {
	type series struct {
		Labels     map[string]string `json:"labels"`
		Times      []int64           `json:"times"`
		Values     []string          `json:"values"`
		Histograms [][]any           `json:"histograms"`
	}
	type answer struct {
		Kind     string              `json:"kind"`
		Series   []series            `json:"series"`
		Warnings []string            `json:"warnings"`
		Stats    QueryStats          `json:"stats"`
		Explain  *explained.Document `json:"explain"`
	}
	long := promql.Series{Metric: labels.FromStrings("__name__", "m", "text", "a \"quote\", a \\ and a \n of ünïcode \x00 <&>")}
	wanted := series{Labels: long.Metric.Map(), Times: []int64{}, Values: []string{}}
	rng := rand.New(rand.NewPCG(7, 8))
	for at := range 20_000 {
		v := math.Float64frombits(rng.Uint64())
		long.Floats = append(long.Floats, promql.FPoint{T: int64(at)*15000 - 1, F: v})
		wanted.Times = append(wanted.Times, int64(at)*15000-1)
		wanted.Values = append(wanted.Values, strconv.FormatFloat(v, 'g', -1, 64))
	}
	buckets := promql.Series{Metric: labels.EmptyLabels(), Histograms: []promql.HPoint{{T: 5, H: &histogram.FloatHistogram{Count: 3, Sum: 4}}}}
	for name, m := range map[string]promql.Matrix{"nothing": {}, "some": {long, buckets, long}} {
		w := httptest.NewRecorder()
		stats := metricexec.Stats{Samples: 12, Elapsed: 34 * time.Millisecond}
		if err := WriteMetrics(w, m, []string{"careful"}, stats, &explained.Document{}); err != nil {
			t.Fatal(err)
		}
		var got answer
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range got.Series {
			for k, text := range got.Series[i].Values { // in the shortest form, whichever it is
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				got.Series[i].Values[k] = strconv.FormatFloat(v, 'g', -1, 64)
			}
		}
		want := answer{"metric", []series{}, []string{"careful"}, QueryStats{len(m), 12, 34}, &explained.Document{}}
		if len(m) > 0 {
			h := series{map[string]string{}, []int64{}, []string{}, [][]any{{5.0, map[string]any{"count": "3", "sum": "4"}}}}
			want.Series = []series{wanted, h, wanted}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
		if w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}
